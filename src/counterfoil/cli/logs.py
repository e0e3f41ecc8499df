"""Logs go to standard error: lines for people, JSON beside ``--json``.

On a terminal there are none unless COUNTERFOIL_LOG asks for them: the command itself tells there.
"""

from __future__ import annotations

import logging
import os
import sys

import structlog
from structlog.typing import Processor

from counterfoil.errors import ConfigurationError

__all__ = ["LEVELS", "set_up_logs"]

LEVELS = ("debug", "info", "warning", "error", "critical")


def set_up_logs(*, as_json: bool = False) -> None:
    """Send logs to standard error, from the level in COUNTERFOIL_LOG on."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *_rendering(as_json=as_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_level()),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _rendering(*, as_json: bool) -> list[Processor]:
    """Render without local variables in tracebacks: secrets live in them."""
    if as_json:
        return [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ]
    return [
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            sort_keys=False,
            exception_formatter=structlog.dev.plain_traceback,
        )
    ]


def _level() -> int:
    default = "critical" if sys.stdout.isatty() else "warning"
    name = (os.environ.get("COUNTERFOIL_LOG") or default).lower()
    if name not in LEVELS:
        raise ConfigurationError(
            f'COUNTERFOIL_LOG: is "{name}"; one of {", ".join(LEVELS)} is right'
        )
    return logging.getLevelNamesMapping()[name.upper()]
