"""The sections on how it is run: ``[log]``, ``[notify]`` and ``[limits]``."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, PlainValidator, ValidationInfo

from counterfoil.config.addresses import SecretReference
from counterfoil.config.mistakes import Mistake
from counterfoil.config.model import Secret
from counterfoil.config.shape import Shape
from counterfoil.trust import goes_open

__all__ = ["LimitsShape", "LogShape", "NotifyShape"]

SCHEMES = ("https://", "http://")
Event = Literal["job_failed", "item_uncertain", "connection_broken", "books_away"]


class LogShape(Shape):
    """``[log]``: how the log is written."""

    format: Literal["console", "json"] | None = None
    level: Literal["debug", "info", "warning", "error", "critical"] | None = None


def _command(value: object) -> tuple[str, ...]:
    if isinstance(value, list) and value and all(isinstance(each, str) and each for each in value):
        return tuple(value)
    raise Mistake(
        "is not a program and its arguments", 'command = ["/usr/local/bin/tell", "us"] would be'
    )


def _one_way(url: Secret | None, info: ValidationInfo) -> Secret | None:
    if (url is None) == (not info.data.get("command")):
        raise Mistake(
            "is missing, and so is command" if url is None else "stands beside command",
            "one of the two says how people are told",
        )
    if url is not None and url.lacking is None and not url.reveal().startswith(SCHEMES):
        raise Mistake("does not lead to a URL", "let it lead to one that begins with https://")
    if url is not None and url.lacking is None and goes_open(url.reveal()):
        raise Mistake(
            "leads to a URL that would be told unencrypted (http is for private hosts only)",
            "let it lead to one that begins with https://",
        )
    return url


class NotifyShape(Shape):
    """``[notify]``: how people are told of what needs them."""

    command: Annotated[tuple[str, ...], PlainValidator(_command)] = ()
    url: Annotated[SecretReference | None, AfterValidator(_one_way)] = Field(
        None, validate_default=True
    )
    token: SecretReference | None = None
    on: Annotated[tuple[Event, ...], Field(strict=False)] = get_args(Event)


class LimitsShape(Shape):
    """``[limits]``: how often hosts are asked, in requests a second."""

    per_connection: Annotated[float, Field(gt=0, strict=False)] | None = None
    per_host: Annotated[float, Field(gt=0, strict=False)] | None = None
