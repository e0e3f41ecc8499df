"""Logs go to standard error: lines for people, JSON for machines; ours and those of libraries.

On a terminal there are none unless somebody asks for them: the command itself tells there. What is
logged from ``info`` on names ids, counts and Pleo's types, and no secret, amount or person.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from typing import TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from counterfoil.config import LogSettings
from counterfoil.errors import ConfigurationError

__all__ = ["LEVELS", "set_up_logs"]

LEVELS = ("debug", "info", "warning", "error", "critical")
TALKATIVE = ("httpx", "httpcore", "hpack")
"""Libraries that log the URLs they ask, whose queries are secrets, or too much."""


class StandardError(logging.Handler):
    """Writes to standard error, wherever that is now."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        print(self.format(record), file=sys.stderr)  # noqa: T201 -- the log itself


def set_up_logs(
    settings: LogSettings | None = None, *, as_json: bool = False, service: bool = False
) -> None:
    """Send logs to standard error, from the level in COUNTERFOIL_LOG or ``[log]`` on.

    Without either, a command logs warnings, and none on a terminal; a ``service`` from info on.
    """
    chosen = settings or LogSettings()
    level = _level(chosen, service=service)
    as_json = chosen.format == "json" if chosen.format else as_json
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendering = _rendering(as_json=as_json, words=level <= logging.DEBUG)
    structlog.configure(
        processors=[*shared, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    _take_libraries(level, shared, rendering)


def _take_libraries(level: int, shared: list[Processor], rendering: list[Processor]) -> None:
    """Write what libraries log as we write ours."""
    handler = StandardError()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _named],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each, StandardError)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(max(level, logging.WARNING))
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def _named(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Say which library a line is from."""
    del logger, method
    record = event.get("_record")
    return {**event, "library": record.name} if isinstance(record, logging.LogRecord) else event


def _rendering(*, as_json: bool, words: bool) -> list[Processor]:
    """Render without local variables in tracebacks: secrets live in them.

    Without ``words`` an exception is its type and where it was raised: it may quote an item.
    """
    if as_json:
        formatted = structlog.processors.ExceptionRenderer(_whole if words else _where)
        return [formatted, structlog.processors.JSONRenderer(ensure_ascii=False, default=str)]

    def write(out: TextIO, error: ExcInfo) -> None:
        out.write((_whole if words else _where)(error))

    return [
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), sort_keys=False, exception_formatter=write
        )
    ]


def _whole(exc_info: ExcInfo) -> str:
    return "".join(traceback.format_exception(*exc_info))


def _where(exc_info: ExcInfo) -> str:
    frames = "".join(traceback.format_tb(exc_info[2]))
    return f"{frames}{exc_info[0].__name__} (its words are logged from debug on)"


def _level(settings: LogSettings, *, service: bool) -> int:
    default = "info" if service else "critical" if sys.stdout.isatty() else "warning"
    name = (os.environ.get("COUNTERFOIL_LOG") or settings.level or default).lower()
    if name not in LEVELS:
        raise ConfigurationError(
            f'COUNTERFOIL_LOG: is "{name}"; one of {", ".join(LEVELS)} is right'
        )
    return logging.getLevelNamesMapping()[name.upper()]
