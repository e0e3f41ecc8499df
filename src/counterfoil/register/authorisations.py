"""What OAuth leaves us: a pair of tokens for each connection, sealed, or why consent is needed.

Both tokens change together, in one transaction. ``version`` tells one pair from the next: whoever
refreshed a pair that was replaced meanwhile stores nothing. When to refresh, and who may, is left
to ``runner``; consents under way are ``consents``'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, select, update

from counterfoil.register.dialects import upsert
from counterfoil.register.schema import authorisations, consents

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Row

    from counterfoil.register.database import Database
    from counterfoil.register.sealing import Seal

__all__ = ["Authorisation", "Authorisations", "TokenPair", "authorisation_lock"]

DUE: Final = 0.8
"""The part of its lifetime after which an access token is refreshed."""


def authorisation_lock(connection: str) -> str:
    """Name the lock of a connection's authorisation: whoever holds it refreshes its tokens."""
    return f"authorisation {connection}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPair:
    """Both tokens, and when the access token was issued and expires (UTC); never in ``repr``."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    issued_at: datetime
    expires_at: datetime

    @property
    def due_at(self) -> datetime:
        """When it is to be refreshed."""
        return self.issued_at + (self.expires_at - self.issued_at) * DUE


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """What a connection has of OAuth; without ``tokens``, ``why`` says why consent is needed."""

    connection: str
    auth_url: str
    client_id: str
    version: int
    tokens: TokenPair | None
    consented_at: datetime
    tries: int = 0
    try_again_at: datetime | None = None
    refused: bool = False
    why: str | None = None


class Authorisations:
    """The register's ``authorisations``."""

    def __init__(self, database: Database, seal: Seal) -> None:
        """Work on this database, sealing tokens with this seal."""
        self._database = database
        self._seal = seal

    def get(self, connection: str) -> Authorisation | None:
        """Return what a connection has; None before its first consent."""
        query = select(authorisations).where(authorisations.c.connection == connection)
        with self._database.read() as session:
            row = session.execute(query).one_or_none()
        return None if row is None else self._read(row)

    def consented(self, connection: str, pair: TokenPair, *, auth_url: str, client_id: str) -> None:
        """Keep the tokens of a new consent, in place of whatever the connection had."""
        with self._database.write("authorise") as session:
            query = select(authorisations.c.version)
            was = session.execute(query.where(authorisations.c.connection == connection)).scalar()
            row = {
                "connection": connection,
                "auth_url": auth_url,
                "client_id": client_id,
                "version": (was or 0) + 1,
                "consented_at": pair.issued_at,
                **self._sealed(pair),
            }
            session.execute(upsert(session, authorisations), [row])

    def refreshed(self, was: Authorisation, pair: TokenPair) -> bool:
        """Keep the tokens that came for a pair; False where that pair is not the one any more."""
        return self._change("store_tokens", was, self._sealed(pair) | {"version": was.version + 1})

    def end(self, was: Authorisation, why: str) -> bool:
        """Forget a pair that is over, and keep why: a person must consent again."""
        changes = {"access_token": "", "refresh_token": "", "why": why}
        return self._change("end_tokens", was, changes | {"version": was.version + 1})

    def unanswered(self, was: Authorisation, *, try_again_at: datetime) -> bool:
        """Note that a refresh had no clear answer, and when the same token is tried again."""
        changes = {"tries": was.tries + 1, "try_again_at": try_again_at}
        return self._change("note_try", was, changes)

    def refuse(self, was: Authorisation) -> bool:
        """Note that a token fresh from a refresh is refused: another refresh would not help."""
        return self._change("note_refusal", was, {"refused": True})

    def forget(self, connection: str) -> bool:
        """Remove all that OAuth left of a connection; False where there was nothing."""
        with self._database.write("forget_tokens") as session:
            session.execute(delete(consents).where(consents.c.connection == connection))
            gone = session.execute(
                delete(authorisations)
                .where(authorisations.c.connection == connection)
                .returning(authorisations.c.connection)
            )
            return gone.first() is not None

    def _change(self, what: str, was: Authorisation, changes: Mapping[str, object]) -> bool:
        """Change the row that ``was`` was read from, unless it is another one by now."""
        statement = (
            update(authorisations)
            .where(
                authorisations.c.connection == was.connection,
                authorisations.c.version == was.version,
            )
            .values(changes)
            .returning(authorisations.c.connection)
        )
        with self._database.write(what) as session:
            return session.execute(statement).first() is not None

    def _sealed(self, pair: TokenPair) -> dict[str, object]:
        return {
            "access_token": self._seal.seal(pair.access),
            "refresh_token": self._seal.seal(pair.refresh),
            "issued_at": pair.issued_at,
            "expires_at": pair.expires_at,
            "tries": 0,
            "try_again_at": None,
            "refused": False,
            "why": None,
        }

    def _read(self, row: Row[tuple[object, ...]]) -> Authorisation:
        columns = row._mapping  # noqa: SLF001 -- SQLAlchemy's own name for it
        tokens = None
        if columns["access_token"]:
            tokens = TokenPair(
                access=self._seal.unseal(columns["access_token"]),
                refresh=self._seal.unseal(columns["refresh_token"]),
                issued_at=columns["issued_at"],
                expires_at=columns["expires_at"],
            )
        kept = ("connection", "auth_url", "client_id", "version", "consented_at")
        told = ("tries", "try_again_at", "refused", "why")
        return Authorisation(tokens=tokens, **{name: columns[name] for name in (*kept, *told)})
