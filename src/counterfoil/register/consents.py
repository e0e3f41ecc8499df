"""Consents under way: a link somebody may begin one with, and a state that Pleo will bring back.

Each works once and for a short time. The secrets themselves (a link's ticket, a state, what a
browser was given) are not kept: their digests are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from counterfoil.register.dialects import insert
from counterfoil.register.schema import consents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Row

    from counterfoil.register.database import Database
    from counterfoil.register.sealing import Seal

__all__ = ["Consent", "ConsentKind", "Consents", "digest_of"]


class ConsentKind(StrEnum):
    """What a secret is for."""

    LINK = "link"
    """To begin a consent with."""
    STATE = "state"
    """It was begun, and Pleo will bring this back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What was begun for a connection."""

    connection: str
    verifier: str = field(default="", repr=False)
    """PKCE's; empty for a link."""
    redirect_uri: str = ""
    browser: str | None = None
    """The digest of what the browser was given that began it; None: a terminal began it."""
    expires_at: datetime


def digest_of(secret: str) -> str:
    """Return what is kept of a secret; with over 300 random bits, it is not guessed from it."""
    return sha256(secret.encode()).hexdigest()


class Consents:
    """The register's ``consents``."""

    def __init__(self, database: Database, seal: Seal) -> None:
        """Work on this database, sealing verifiers with this seal."""
        self._database = database
        self._seal = seal

    def begin(self, kind: ConsentKind, secret: str, consent: Consent) -> None:
        """Keep a consent under a secret."""
        row = {
            "digest": digest_of(secret),
            "kind": str(kind),
            "connection": consent.connection,
            "verifier": self._seal.seal(consent.verifier) if consent.verifier else "",
            "redirect_uri": consent.redirect_uri,
            "browser": consent.browser,
            "expires_at": consent.expires_at,
        }
        with self._database.write("begin_consent") as session:
            session.execute(insert(session, consents), [row])

    def look(self, kind: ConsentKind, secret: str, *, now: datetime) -> Consent | None:
        """Return a consent that has not expired, and leave it."""
        query = select(*_COLUMNS).where(*_meant(kind, secret), consents.c.expires_at > now)
        with self._database.read() as session:
            row = session.execute(query).one_or_none()
        return None if row is None else self._read(row)

    def take(self, kind: ConsentKind, secret: str, *, now: datetime) -> Consent | None:
        """Return a consent that has not expired, to one caller alone; expired ones are removed."""
        over = consents.c.expires_at <= now
        with self._database.write("take_consent") as session:
            session.execute(delete(consents).where(over))
            row = session.execute(
                delete(consents).where(*_meant(kind, secret)).returning(*_COLUMNS)
            ).one_or_none()
        return None if row is None else self._read(row)

    def _read(self, row: Row[tuple[object, ...]]) -> Consent:
        fields = dict(row._mapping)  # noqa: SLF001 -- SQLAlchemy's own name for it
        verifier = fields.pop("verifier")
        return Consent(verifier=self._seal.unseal(verifier) if verifier else "", **fields)


_COLUMNS = [column for column in consents.columns if column.name not in {"digest", "kind"}]


def _meant(kind: ConsentKind, secret: str) -> Sequence[ColumnElement[bool]]:
    return consents.c.digest == digest_of(secret), consents.c.kind == str(kind)
