"""The command ``counterfoil``: what people and schedulers start.

Each group of commands has a module. Commands parse, call the runner, and show; they decide nothing
about expenses. Heavy modules are imported when a command needs them, so that ``--help`` is quick.
"""

from __future__ import annotations

from counterfoil.cli.app import main

__all__ = ["main"]
