"""What a transaction on the register is, whichever database keeps it.

Every transaction that writes is one effect. No transaction stays open across a network call. How a
database is opened is told in ``sqlite.py`` and ``postgres.py``.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoneFree

from counterfoil.effects import effect
from counterfoil.errors import CounterfoilError, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection, Engine

__all__ = ["Database", "Place", "RegisterUnavailable"]


class RegisterUnavailable(CounterfoilError):
    """The register cannot be read or written now (gone, full, locked, damaged)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a register is, in words, and what to do when it fails."""

    url: str
    """Without a password."""
    remedy: str

    def failed(self, error: DBAPIError) -> RegisterUnavailable:
        """Say in a sentence what the database says."""
        return self.unavailable(error.orig)

    def unavailable(self, why: object) -> RegisterUnavailable:
        """Say in a sentence why it cannot be used."""
        said = shorten(" ".join(str(why).split()), 300).rstrip(".")
        return RegisterUnavailable(
            f"The register {self.url} cannot be used: {said}. Nothing is lost: {self.remedy}"
        )


@dataclass(frozen=True)
class Database:
    """An open register database; ``read`` and ``write`` give connections inside a transaction."""

    engine: Engine
    name: str
    """What effects on it are said to be on."""
    place: Place
    reading: Mapping[str, object] = field(default_factory=dict)
    """SQLAlchemy's execution options for transactions that only read."""
    writing: Mapping[str, object] = field(default_factory=dict)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the register; raises RegisterUnavailable."""
        with self._telling(), self._for_reading.begin() as connection:
            yield connection

    @contextmanager
    def write(self, what: str) -> Iterator[Connection]:
        """Give a connection; its changes are durable at the block's end, or undone if it raises.

        RegisterUnavailable may also mean that the answer to the commit was lost: whoever goes on
        finds out by reading.
        """
        with (
            self._telling(),
            effect(f"register.{what}", self.name),
            self._for_writing.begin() as connection,
        ):
            yield connection

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()

    @cached_property
    def _for_reading(self) -> Engine:
        return self.engine.execution_options(**self.reading)

    @cached_property
    def _for_writing(self) -> Engine:
        return self.engine.execution_options(**self.writing)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise self.place.failed(error) from error
        except NoneFree as error:
            raise self.place.unavailable(f"no connection of the pool came free: {error}") from error
