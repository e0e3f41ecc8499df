"""Two ways into a Tryton database: a user's session (JSON-RPC), or a REST key.

Both offer the same few verbs. The session is the faster one for posting, as it posts many records
in one call; the key needs no password and never expires. A session that ended is begun anew, once
for each call, and what was refused for it is sent again: nothing of it was done.
Source: Tryton 8.0, ``trytond/protocols/dispatcher.py`` and ``rest.py``.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from stamina import AsyncRetryingCaller

from counterfoil.errors import JobFailureType
from counterfoil.systems.contract import BooksNotReady
from counterfoil.systems.tryton.exchange import (
    NOT_FOUND,
    Answer,
    Busy,
    Exchange,
    Refusal,
    not_ready,
)
from counterfoil.systems.tryton.wire import Row, Value, dumps

__all__ = ["Access", "Domain", "KeyAccess", "SessionAccess", "Values"]

Domain: TypeAlias = Sequence[Any]
Values: TypeAlias = Mapping[str, Any]
Send: TypeAlias = Callable[..., Awaitable[Answer]]

BAD_REQUEST, UNAUTHORIZED, FORBIDDEN = 400, 401, 403
LINE = "account.move.line"
FIRST: list[list[str]] = [["id", "ASC"]]


BUSY = AsyncRetryingCaller(attempts=8, timeout=None, wait_initial=0.05, wait_max=2.0)
"""Asks again, after a while, what Tryton gave up as others held a lock."""
AGAIN = frozenset({"read", "press", "accept", "login"})
"""What may be asked twice: pressing a button again changes nothing more."""


class Access(Protocol):
    """What the adapter does in a database, whichever way it came in."""

    context: dict[str, Any]
    """The company and the language that every call is made in."""
    unique: bool
    """Whether a second record of one reference is refused, so that creating may be repeated."""

    async def enter(self) -> None:
        """Let the server load the database, and log in; raises BooksNotReady."""

    async def call(self, model: str, method: str, **arguments: Value) -> Value:
        """Call a method that changes nothing, with its arguments in order."""

    async def accept(self, warning: str) -> None:
        """Say yes to a warning, the next time that Tryton asks."""

    async def search_read(
        self, model: str, domain: Domain, fields: Sequence[str], limit: int | None = None
    ) -> list[Row]:
        """Return the fields of the records that fit, oldest first."""

    async def create(self, model: str, values: Sequence[Values]) -> list[int]:
        """Create records, all or none; return their ids in order. Raises Refusal."""

    async def press(self, model: str, button: str, ids: Sequence[int]) -> None:
        """Press a button of records, all or none; raises Refusal."""

    async def write(self, model: str, id: int, values: Values) -> None:
        """Change a record; raises Refusal."""

    async def delete(self, model: str, ids: Collection[int]) -> None:
        """Delete records; raises Refusal."""

    async def open_again(self, lines: Sequence[int]) -> None:
        """Undo the reconciliations of move lines; raises Refusal."""

    @property
    def presses_many(self) -> bool:
        """Whether a button is pressed for many records in one transaction."""


async def load_database(exchange: Exchange, database: str) -> None:
    """Let the server load a database; raises BooksNotReady where it has none of that name.

    A login would not load it, and would leave a server that has not loaded it yet unusable.
    """
    path = f"/{database}/rest/model/ir.lang"
    answer = await exchange.send("load", path, method="GET")
    if answer.status == NOT_FOUND:
        raise not_ready(
            f"Tryton at {exchange.url} has no database {database}: correct options.database or "
            "options.url."
        )


def _patient(send: Send, verb: str, *, unique: bool) -> Send:
    """Return a sender that asks again while Tryton is busy, where that is safe."""
    if verb not in AGAIN and not (verb == "create" and unique):
        return send

    async def again(*arguments: Any, **named: Any) -> Answer:  # noqa: ANN401 -- the sender's own
        return await BUSY(Busy, send, *arguments, **named)

    return again


def _denied(answer: Answer) -> BooksNotReady:
    return not_ready(
        f"Tryton denies this at {answer.url} (403): give the user the right, or a group with it.",
        JobFailureType.AUTHORIZATION_FAILURE,
    )


def _not_accepted(exchange: Exchange, what: str) -> BooksNotReady:
    return not_ready(
        f"Tryton at {exchange.url} does not accept {what} (401): correct it, or renew it there.",
        JobFailureType.ACCOUNTING_SYSTEM_AUTHENTICATION_FAILURE,
    )


class SessionAccess:
    """A user's session: every call is JSON-RPC."""

    presses_many = True

    def __init__(self, exchange: Exchange, database: str, user: str, password: str) -> None:
        """Take as whom to log in."""
        self.context: dict[str, Any] = {}
        self.unique = False
        self._exchange = exchange
        self._database = database
        self._user = user
        self._password = password
        self._session = ""

    async def enter(self) -> None:
        """Load the database and log in."""
        await load_database(self._exchange, self._database)
        await self._log_in()

    async def call(self, model: str, method: str, **arguments: Value) -> Value:
        """Call a method that changes nothing."""
        return await self._rpc("read", model, method, *arguments.values())

    async def accept(self, warning: str) -> None:
        """Note a yes for this user."""
        await self._rpc("accept", "res.user.warning", "skip", warning, False)  # noqa: FBT003 -- not always

    async def search_read(
        self, model: str, domain: Domain, fields: Sequence[str], limit: int | None = None
    ) -> list[Row]:
        """Return the fields of the records that fit."""
        rows: list[Row] = await self._rpc(
            "read", model, "search_read", domain, 0, limit, FIRST, list(fields)
        )
        return rows

    async def create(self, model: str, values: Sequence[Values]) -> list[int]:
        """Create records in one transaction."""
        ids: list[int] = await self._rpc("create", model, "create", list(values))
        return ids

    async def press(self, model: str, button: str, ids: Sequence[int]) -> None:
        """Press a button in one transaction."""
        await self._rpc("press", model, button, list(ids))

    async def write(self, model: str, id: int, values: Values) -> None:
        """Change a record."""
        await self._rpc("write", model, "write", [id], values)

    async def delete(self, model: str, ids: Collection[int]) -> None:
        """Delete records."""
        await self._rpc("delete", model, "delete", list(ids))

    async def open_again(self, lines: Sequence[int]) -> None:
        """Run Tryton's own wizard: users have no right to delete reconciliations."""
        plain, wizard = self.context, "wizard.account.move.unreconcile_lines"
        active = {"active_model": LINE, "active_id": lines[0], "active_ids": list(lines)}
        self.context = {**plain, **active}
        try:
            session, state, _ = await self._ask("press", f"{wizard}.create")
            await self._ask("press", f"{wizard}.execute", session, {}, state)
        finally:
            self.context = plain

    async def _log_in(self) -> None:
        credentials = [self._user, {"password": self._password}]
        self._session = ""
        answer = await self._send("login", "common.db.login", credentials)
        if answer.status == UNAUTHORIZED:
            raise _not_accepted(self._exchange, f"the user {self._user} with this password")
        uid, key, *_ = _result(answer)
        token = base64.b64encode(f"{self._user}:{uid}:{key}".encode()).decode("ascii")
        self._session = f"Session {token}"

    async def _rpc(self, verb: str, model: str, method: str, *arguments: Value) -> Value:
        return await self._ask(verb, f"model.{model}.{method}", *arguments)

    async def _ask(self, verb: str, method: str, *arguments: Value) -> Value:
        parameters = [*arguments, self.context]
        send = _patient(self._send, verb, unique=self.unique)
        answer = await send(verb, method, parameters)
        if answer.status == UNAUTHORIZED:
            await self._log_in()
            answer = await send(verb, method, parameters)
        if answer.status == UNAUTHORIZED:
            raise _not_accepted(self._exchange, f"the session of {self._user}")
        return _result(answer)

    async def _send(self, verb: str, method: str, parameters: Sequence[Value]) -> Answer:
        # Exactly these three keys: with others, Tryton speaks another protocol.
        payload = {"id": 1, "method": method, "params": parameters}
        headers = {"Authorization": self._session} if self._session else {}
        path = f"/{self._database}/rpc/"
        return await self._exchange.send(verb, path, payload, headers=headers, target=method)


def _result(answer: Answer) -> Value:
    """Return the result of a call; raises Refusal and BooksNotReady."""
    if answer.status == FORBIDDEN:
        raise _denied(answer)
    if answer.status == NOT_FOUND:
        raise not_ready(f"Tryton has nothing at {answer.url}: correct url and database.")
    told = answer.value()
    if not isinstance(told, dict) or ("error" not in told and "result" not in told):
        raise not_ready(f"{answer.url} does not answer as Tryton 8 does: check url.")
    if "error" in told:
        raise _refusal(told["error"])
    return told["result"]


def _refusal(error: Value) -> Refusal:
    """Read an error's kind and words; the domain, which may be long, is left out."""
    kind, details = (*error, "")[:2] if isinstance(error, list) else (str(error), "")
    parts = details if isinstance(details, list) else [details]
    if kind == "UserWarning":
        name, *words = parts
        return Refusal(_words(words), warning=str(name))
    if kind == "UserError":
        return Refusal(_words(parts[:2]))
    return Refusal(f"Tryton failed on it: {kind}")


def _words(parts: Sequence[Value]) -> str:
    return " ".join(str(part).strip() for part in parts if part)


class KeyAccess:
    """A REST key of a user application; the key stands for its user."""

    presses_many = False

    def __init__(self, exchange: Exchange, database: str, key: str) -> None:
        """Take the key."""
        self.context: dict[str, Any] = {}
        self.unique = False
        self._exchange = exchange
        self._database = database
        self._key = key

    async def enter(self) -> None:
        """Load the database; the key is checked with the first call."""
        await load_database(self._exchange, self._database)

    async def call(self, model: str, method: str, **arguments: Value) -> Value:
        """Call a method that changes nothing."""
        return await self._rest("read", model, f"/{method}", arguments)

    async def accept(self, warning: str) -> None:
        """Note a yes for the key's user."""
        answer = {"name": warning, "always": False}
        await self._rest("accept", "res.user.warning", "/skip", answer)

    async def search_read(
        self, model: str, domain: Domain, fields: Sequence[str], limit: int | None = None
    ) -> list[Row]:
        """Return the fields of the records that fit."""
        asked = {"domain": domain, "fields_names": list(fields), "order": FIRST, "limit": limit}
        rows: list[Row] = await self._rest("read", model, "/search_read", asked)
        return rows

    async def create(self, model: str, values: Sequence[Values]) -> list[int]:
        """Create records in one transaction; one alone in the way that gives Tryton's words."""
        if len(values) == 1:
            row = await self._rest("create", model, "", values[0])
            return [row["id"]]
        try:
            ids = await self._rest("create", model, "/create", {"vlist": list(values)})
        except BooksNotReady as error:
            if error.problem.failure_type is not JobFailureType.AUTHORIZATION_FAILURE:
                raise
            # For many records, Tryton answers what it refuses like a missing right.
            raise Refusal("Tryton refuses one of several records") from error
        return list(ids)

    async def press(self, model: str, button: str, ids: Sequence[int]) -> None:
        """Press a button of each record, one by one."""
        for id in ids:
            await self._rest("press", model, f"/{id}/{button}", {})

    async def write(self, model: str, id: int, values: Values) -> None:
        """Change a record."""
        await self._rest("write", model, f"/{id}", values, method="PUT")

    async def delete(self, model: str, ids: Collection[int]) -> None:
        """Delete each record."""
        for id in ids:
            await self._rest("delete", model, f"/{id}", None, method="DELETE")

    async def open_again(self, lines: Sequence[int]) -> None:
        """Delete the reconciliations, which takes a right that few users have."""
        domain = [["id", "in", list(lines)], ["reconciliation", "!=", None]]
        rows = await self.search_read(LINE, domain, ("reconciliation",))
        await self.delete("account.move.reconciliation", {row["reconciliation"] for row in rows})

    async def _rest(
        self, verb: str, model: str, path: str, payload: Value, *, method: str = "POST"
    ) -> Value:
        context = base64.urlsafe_b64encode(dumps(self.context)).decode("ascii")
        send = _patient(self._exchange.send, verb, unique=self.unique)
        answer = await send(
            verb,
            f"/{self._database}/rest/model/{model}{path}",
            payload,
            method=method,
            headers={"Authorization": f"bearer {self._key}", "X-Tryton-Context": context},
            target=model,
        )
        return self._read(answer)

    def _read(self, answer: Answer) -> Value:
        if answer.status == UNAUTHORIZED:
            raise _not_accepted(self._exchange, "the API key")
        if answer.status == FORBIDDEN:
            raise _denied(answer)
        if answer.status == NOT_FOUND:
            raise Refusal("The record does not exist in Tryton.")
        if answer.status == BAD_REQUEST:
            told = answer.value()
            raise Refusal(_words([told.get("message"), told.get("description")]))
        return answer.value() if answer.body else None
