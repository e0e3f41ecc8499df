"""Logs go to standard error: lines for people, JSON beside ``--json``."""

from __future__ import annotations

import logging
import os
import sys

import structlog
from structlog.typing import Processor

from counterfoil.errors import ConfigurationError

__all__ = ["LEVELS", "set_up_logs"]

LEVELS = ("debug", "info", "warning", "error")


def set_up_logs(*, as_json: bool = False) -> None:
    """Send logs to standard error from the level in COUNTERFOIL_LOG on (default: warning)."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _renderer(as_json=as_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_level()),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _renderer(*, as_json: bool) -> Processor:
    if as_json:
        return structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), sort_keys=False)


def _level() -> int:
    name = os.environ.get("COUNTERFOIL_LOG", "warning").lower()
    if name not in LEVELS:
        raise ConfigurationError(
            f'COUNTERFOIL_LOG: is "{name}"; one of {", ".join(LEVELS)} is right'
        )
    return logging.getLevelNamesMapping()[name.upper()]
