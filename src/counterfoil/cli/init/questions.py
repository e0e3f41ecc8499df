"""What a question and an answer are; checks that the configuration's own shapes make."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic.fields import FieldInfo

from counterfoil.config.mistakes import told
from counterfoil.config.surroundings import Surroundings
from counterfoil.errors import CounterfoilError

__all__ = ["REFERENCES", "Answer", "Question", "Wrong", "option_value", "shape_value"]

REFERENCES = ("env:", "file:")


class Wrong(CounterfoilError):
    """An answer cannot be used: what is wrong with it, or what it could have been, in lines."""

    def __init__(self, *lines: str) -> None:
        """Take the lines to be shown."""
        super().__init__("\n".join(lines))
        self.lines = lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer that was checked."""

    value: object
    """As the configuration file says it; None leaves the key out."""
    text: str = ""
    """As it was typed, to be suggested when the question comes again; never a secret."""
    note: str = ""
    """A remark for the file: the account's name, say."""
    secret: str | None = field(default=None, repr=False)
    """What is to be kept in the file that ``value`` refers to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question; ``check`` tests what was typed and raises Wrong, or returns the answer."""

    key: str
    """Its name in ``--set`` and in a file of answers: ``accounts.wallet``."""
    words: str
    check: Callable[[str], Answer]
    suggestion: str = ""
    required: bool = True
    sure: bool = False
    """The suggestion is taken where nobody can be asked."""
    secret: bool = False
    """What is typed is not shown; what was given beforehand can only be a reference."""
    about: tuple[str, ...] = ()
    """Lines that are shown before it."""

    def take(self, text: str) -> Answer:
        """Return what a person typed as an answer; raises Wrong."""
        if not text and self.required:
            raise Wrong("This needs an answer.")
        return self.check(text)

    def take_given(self, text: str) -> Answer:
        """Return what was given beforehand as an answer; others read it there, so no secret."""
        if self.secret and text and not text.startswith(REFERENCES):
            raise Wrong("It can be given beforehand only as env:NAME or file:PATH.")
        return self.take(text)


def shape_value(shape: type[BaseModel], name: str, text: str, around: Surroundings) -> object:
    """Return a value as a section of the configuration takes it; raises Wrong in its words."""
    return _validated(shape.model_fields[name], name, text, around, strict=True)


def option_value(model: type[BaseModel], name: str, text: str) -> object:
    """Return an option as an adapter's model takes it, from a text or a piece of TOML."""
    field = model.model_fields[name]
    try:
        return _validated(field, name, text)
    except Wrong:
        try:
            return _validated(field, name, tomllib.loads(f"value = {text}")["value"])
        except (tomllib.TOMLDecodeError, Wrong):
            pass
        raise


def _validated(
    field: FieldInfo,
    name: str,
    value: object,
    around: Surroundings | None = None,
    *,
    strict: bool = False,
) -> object:
    """Check one field alone, as its model would."""
    fields: dict[str, Any] = {name: (field.annotation, field)}
    alone = create_model("Alone", __config__=ConfigDict(strict=strict), **fields)
    try:
        return getattr(alone.model_validate({name: value}, context=around), name)
    except ValidationError as error:
        raise Wrong(*(_sentence(said) for _, said in told(alone, error))) from None


def _sentence(said: str) -> str:
    """Make a whole sentence of what is said after a key."""
    return said if said.startswith('"') else f"It {said}"
