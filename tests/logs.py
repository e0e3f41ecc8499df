"""How structlog writes in tests: plainly."""

from __future__ import annotations

import structlog

__all__ = ["plain_logs"]


def plain_logs() -> None:
    """Write tracebacks as Python does: with every local variable, each takes two seconds."""
    structlog.reset_defaults()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.dev.ConsoleRenderer(
                colors=False, exception_formatter=structlog.dev.plain_traceback
            ),
        ]
    )
