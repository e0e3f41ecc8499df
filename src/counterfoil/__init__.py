"""Book every expense exported from Pleo exactly once, and tell Pleo what became of it."""

from __future__ import annotations

__version__ = "0.1.0"
