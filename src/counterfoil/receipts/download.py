"""One file over HTTP into a folder: streamed, counted and hashed on its way, whole or not at all.

What may be asked is decided in ``places``, whom to ask and how in ``source``, whether the file is
what it should be in ``kinds``. When to try again is left to ``store``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import IO, Final

import httpx

from counterfoil.errors import ReceiptDownloadFailure, ReceiptTooLarge
from counterfoil.httptimes import retry_after
from counterfoil.limits import hold_off
from counterfoil.receipts.errors import ReceiptExpired, ReceiptNotAllowed, ReceiptUnavailable
from counterfoil.receipts.kinds import HEAD
from counterfoil.receipts.line import Answer
from counterfoil.receipts.source import Source, Turn

__all__ = ["REDIRECTS", "Incoming", "download", "faults_named", "receiving"]

REDIRECTS: Final = 5
"""How often a receipt's host may send us on."""

_DIGITS: Final = 20
"""No length has more of them."""
_DEAD: Final = {403, 404, 410}
_PASSING: Final = {408, 425, 429}

_ENCODINGS: Final = {"", "identity", "gzip", "x-gzip", "deflate"}
"""What we decode, counting as it grows; others may grow beyond memory in a single step."""


class Incoming:
    """A file on its way: how much came, its first bytes, and its hash."""

    def __init__(self, path: Path) -> None:
        """Take where it is to be; it is made when the first bytes come."""
        self._path = path
        self._file: IO[bytes] | None = None
        self._sha256 = sha256()
        self.size = 0
        self.head = b""

    def write(self, piece: bytes) -> None:
        """Take the next bytes."""
        if self._file is None:
            self._file = open(self._path, "xb", opener=_for_us_alone)  # noqa: SIM115 -- see close
        self._file.write(piece)
        self._sha256.update(piece)
        self.size += len(piece)
        if len(self.head) < HEAD:
            self.head += piece[: HEAD - len(self.head)]

    def keep(self, folder: Path) -> tuple[Path, str]:
        """Give the file its place under its own hash; return the place and the hash (hex)."""
        self.close()
        digest = self._sha256.hexdigest()
        return self._path.replace(folder / digest), digest

    def close(self) -> None:
        """Write what is not written yet."""
        if self._file is not None:
            self._file.close()


@contextmanager
def receiving(path: Path) -> Iterator[Incoming]:
    """Take one download into a new file; it is gone afterwards unless it was kept."""
    incoming = Incoming(path)
    try:
        yield incoming
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        incoming.close()


def _for_us_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


async def download(
    source: Source,
    url: str,
    announced: int | None,
    most: int,
    into: Incoming,
    at: Turn,
) -> None:
    """Fetch a URL into a file: exactly ``announced`` bytes; where that is None, up to ``most``.

    Call it within ``faults_named``. Raises ReceiptUnavailable where another try may help; else
    ReceiptExpired, ReceiptNotAllowed, ReceiptTooLarge or ReceiptDownloadFailure.
    """
    if announced is not None and announced > most:
        raise _too_large(f"has {announced} bytes", most)
    take = partial(_take, announced=announced, most=most, into=into)
    await _follow(source, httpx.URL(url), take, at)
    _check_size(announced, into)


@contextmanager
def faults_named() -> Iterator[None]:
    """Turn the faults of URL, packing and disk within the block into failures of a receipt."""
    try:
        yield
    except (httpx.InvalidURL, UnicodeError) as error:
        raise ReceiptNotAllowed("The receipt has a URL that nobody can ask for.") from error
    except httpx.DecodingError as error:
        raise ReceiptUnavailable("The receipt's host packs it in a way that breaks off.") from error
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise ReceiptDownloadFailure(f"The receipt cannot be kept here: {why}.") from error


async def _follow(source: Source, url: httpx.URL, take: Callable[[Answer], None], at: Turn) -> None:
    """Ask, follow redirects (each is checked as the first URL is), and take the file."""
    for _ in range(1 + REDIRECTS):
        answer = await source.ask(url, take, at)
        hold_off(str(url), answer.status, retry_after(answer.header("Retry-After")))
        if answer.leads_to is None:
            _check_status(answer)
            return
        url = url.join(answer.leads_to)
    raise ReceiptNotAllowed(f"The receipt's host redirects more than {REDIRECTS} times.")


def _take(answer: Answer, *, announced: int | None, most: int, into: Incoming) -> None:
    """Stream the file into its place, if this is one, stopping as soon as it is too long."""
    if answer.status != HTTPStatus.OK:
        return
    if answer.encoding not in _ENCODINGS:
        packed = answer.encoding[:20]
        raise ReceiptDownloadFailure(f"The receipt's host {answer.host} packs it as {packed!r}.")
    _check_length(answer, most)
    for piece in answer.body():
        into.write(piece)
        if announced is not None and into.size > announced:
            raise ReceiptDownloadFailure(f"More came than the {announced} bytes Pleo announced.")
        if into.size > most:
            raise _too_large(f"has more than {most} bytes", most)


def _check_status(answer: Answer) -> None:
    """Raise unless this was the file; a dead URL, a passing fault and a refusal each their own."""
    status, host = answer.status, answer.host
    if status in _DEAD:
        raise ReceiptExpired(f"The receipt's URL at {host} is not valid any more ({status}).")
    if status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise ReceiptUnavailable(f"The receipt's host {host} answered {status}.")
    if status != HTTPStatus.OK:
        raise ReceiptDownloadFailure(f"The receipt's host {host} answered {status}.")


def _check_length(answer: Answer, most: int) -> None:
    """Refuse a body at once that says it is too long."""
    length = answer.header("Content-Length") or ""
    if length.isdecimal() and (len(length) > _DIGITS or int(length) > most):
        raise _too_large(f"has {length[:_DIGITS]} bytes", most)


def _check_size(announced: int | None, into: Incoming) -> None:
    """Refuse an empty file, and one that broke off."""
    if announced is not None and into.size < announced:
        raise ReceiptUnavailable(
            f"Only {into.size} of the {announced} bytes that Pleo announced came."
        )
    if not into.size:
        raise ReceiptDownloadFailure("The file is empty.")


def _too_large(what: str, most: int) -> ReceiptTooLarge:
    return ReceiptTooLarge(f"The receipt {what}; the limit is {most} bytes.")
