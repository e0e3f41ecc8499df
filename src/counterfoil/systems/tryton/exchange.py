"""One HTTP exchange with a Tryton server: what came back, or which of its failures this is.

    CounterfoilError
    ├── Refusal       Tryton took the request and said no, in its own words; nothing was changed
    └── BooksNotReady nothing was sent, or it was refused before Tryton looked at it
        └── Lost      it was sent, and no clear answer came
            └── Busy  Tryton gave it up, as others held what it needs; very likely undone

Nothing is repeated here; who asks, and how, is left to ``access``.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from counterfoil import __version__
from counterfoil.effects import effect
from counterfoil.errors import CounterfoilError, JobFailureType
from counterfoil.httptimes import retry_after
from counterfoil.limits import HeldOff, hold_off, turn
from counterfoil.systems.contract import BooksNotReady, Problem
from counterfoil.systems.tryton.wire import Value, dumps, loads, unzipped
from counterfoil.trust import trust

__all__ = ["Answer", "Busy", "Exchange", "Lost", "Refusal", "not_ready"]

SECONDS = 120.0
"""How long one exchange may take: a hundred bills are posted in a quarter of it."""
BODY_LIMIT = 128 * 1024 * 1024
WORDS = 300
"""How much of Tryton's words is passed on."""
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
HEADERS = {
    "Accept": "application/json",
    # Without this, Tryton calls an answer packed that it has not packed.
    "Accept-Encoding": "gzip",
    "Content-Type": "application/json",
    "User-Agent": f"counterfoil/{__version__}",
}


class Refusal(CounterfoilError):
    """Tryton refused what was asked, and changed nothing."""

    def __init__(self, words: str, warning: str | None = None) -> None:
        """Take Tryton's words, and the name of the warning where it only asks for a yes."""
        super().__init__(words[:WORDS])
        self.warning = warning


class Lost(BooksNotReady):
    """A request was sent and no clear answer came: it may have taken effect."""


class Busy(Lost):
    """Tryton gave a request up, mostly for a lock of its database that others held."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and the body, unpacked but not read."""

    url: str
    status: int
    body: bytes

    def value(self) -> Value:
        """Read the body; raises Lost where it is no JSON."""
        try:
            return loads(self.body)
        except ValueError as error:
            raise Lost(_malformed(self)) from error


class Exchange:
    """The connections to one server; an async context manager."""

    def __init__(
        self,
        url: str,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        ca_file: Path | None = None,
    ) -> None:
        """Take the server's address, whom to trust, too, and in tests another transport."""
        self.url = url.rstrip("/")
        self._ca_file = ca_file
        self._transport = transport
        self._http: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        """Open the connections; raises BooksNotReady where ``ca_file`` cannot be used."""
        self._http = httpx.AsyncClient(
            headers=HEADERS,
            timeout=SECONDS,
            transport=self._transport,
            verify=_trusted(self._ca_file),
            follow_redirects=False,
        )
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close them."""
        if self._http is not None:
            await self._http.__aexit__(kind, error, trace)
            self._http = None

    async def send(
        self,
        name: str,
        path: str,
        payload: Value = None,
        *,
        method: str = "POST",
        headers: dict[str, str] | None = None,
        target: str = "",
    ) -> Answer:
        """Send once; raises Lost or BooksNotReady where no clear answer comes."""
        url = f"{self.url}{path}"
        body = None if payload is None else dumps(payload)
        await self._turn()
        try:
            with effect(f"tryton.{name}", f"{url} {target}".rstrip()):
                async with asyncio.timeout(SECONDS):
                    status, raw = await self._exchange(method, url, body, headers or {})
        except NEVER_SENT as error:
            raise BooksNotReady(_away(self.url, error)) from error
        except (httpx.TransportError, TimeoutError) as error:
            raise Lost(_away(self.url, error)) from error
        try:
            answer = Answer(url, status, unzipped(raw))
        except ValueError as error:
            raise Lost(_malformed(Answer(url, status, raw))) from error
        _check(answer)
        return answer

    async def _exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        if self._http is None:
            raise BooksNotReady(Problem(message=f"The connection to {self.url} is not open."))
        async with self._http.stream(method, url, content=body, headers=headers) as response:
            raw = bytearray()
            # Raw, as the header that says gzip is not always true.
            async for piece in response.aiter_raw():
                raw += piece
                if len(raw) > BODY_LIMIT:
                    raise httpx.ReadError(f"the answer is longer than {BODY_LIMIT} bytes")
            hold_off(url, response.status_code, retry_after(response.headers.get("Retry-After")))
            return response.status_code, bytes(raw)

    async def _turn(self) -> None:
        try:
            await turn(self.url)
        except HeldOff as held:
            kind = JobFailureType.ACCOUNTING_SYSTEM_RATE_LIMIT
            raise not_ready(f"Tryton's host is busy: {held}.", kind, passing=True) from held


def _trusted(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return trust(ca_file)
    except OSError as error:
        said = error.strerror
        raise not_ready(f"options.ca_file: {ca_file} cannot be used ({said}).") from error


def not_ready(
    message: str,
    failure_type: JobFailureType = JobFailureType.INVALID_CONFIGURATION,
    *,
    passing: bool = False,
) -> BooksNotReady:
    """Return the error that says why Tryton cannot be used."""
    return BooksNotReady(Problem(message=message, failure_type=failure_type, passing=passing))


def _away(url: str, error: Exception) -> Problem:
    why = str(error) or type(error).__name__
    return Problem(
        message=f"Tryton does not answer at {url} ({why}): check that it runs, and the network.",
        failure_type=JobFailureType.ACCOUNTING_SYSTEM_UNREACHABLE,
        passing=True,
    )


def _malformed(answer: Answer) -> Problem:
    page = answer.body.lstrip()[:1] == b"<"
    what = "a web page" if page else "something that is no JSON"
    return Problem(
        message=f"{answer.url} answers with {what} (status {answer.status}): check that url is "
        "Tryton's own address, and what stands between.",
        failure_type=JobFailureType.ACCOUNTING_SYSTEM_UNREACHABLE,
        passing=answer.status >= SERVER_ERROR,
    )


SERVER_ERROR = 500
UNAVAILABLE = 503
NOT_FOUND = 404
TOO_LARGE = 413
TOO_MANY = 429
REDIRECT = range(300, 400)


def _check(answer: Answer) -> None:
    """Turn a status that no caller can use into its error."""
    if answer.status == TOO_LARGE:
        raise Refusal("It is larger than Tryton takes ([request] max_size in its configuration).")
    if answer.status == TOO_MANY:
        kind = JobFailureType.ACCOUNTING_SYSTEM_RATE_LIMIT
        raise not_ready(f"Tryton at {answer.url} asks us to wait (429).", kind, passing=True)
    if answer.status in REDIRECT:
        raise BooksNotReady(_malformed(answer))
    if answer.status == UNAVAILABLE:
        raise Busy(_failed(answer))
    if answer.status >= SERVER_ERROR:
        raise Lost(_failed(answer))


def _failed(answer: Answer) -> Problem:
    return Problem(
        message=f"Tryton at {answer.url} failed (status {answer.status}): look in its log.",
        failure_type=JobFailureType.ACCOUNTING_SYSTEM_UNREACHABLE,
        passing=True,
    )
