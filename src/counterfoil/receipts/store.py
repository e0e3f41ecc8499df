"""The receipts of one export on this machine: fetched side by side, checked, kept once by content.

Files lie in a private folder that goes when the export ends. Whether an item may be booked without
its receipts is decided by the export; how an accounting system files them, by its adapter.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
import ssl
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeAlias

import structlog
from stamina import AsyncRetryingCaller

from counterfoil.bookkeeping.entries import Attachments, Document
from counterfoil.effects import effect
from counterfoil.errors import ItemFailure, ReceiptDownloadFailure
from counterfoil.pleo.models import ExportItem, ReceiptFile
from counterfoil.receipts.download import download, faults_named, receiving
from counterfoil.receipts.errors import ReceiptExpired, ReceiptUnavailable
from counterfoil.receipts.fitting import fit
from counterfoil.receipts.kinds import kind_of
from counterfoil.receipts.names import receipt_stem
from counterfoil.receipts.network import CheckedNames, Resolve, resolve
from counterfoil.receipts.places import Places
from counterfoil.receipts.source import Source, Turn
from counterfoil.telemetry import noting_retries

__all__ = ["Limits", "ReceiptStore"]

_PREFIX: Final = "counterfoil-receipts-"
_STALE: Final = 24 * 60 * 60
"""Seconds after which a folder that a killed process left behind is removed."""

_AT_HAND: Final = 4
"""Files that are begun for each that is fetched at once: threads go on while an export computes."""

_Key: TypeAlias = tuple[int, int | None, str | None]
"""Of one of an item's files: its place, announced size and type."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds for fetching: bytes of a file, seconds of asking for it, how many at once, retries."""

    max_bytes: int = 30 * 1024 * 1024
    """Pleo keeps files of up to 30 MB."""
    seconds: float = 120.0
    parallel: int = 8
    attempts: int = 4
    wait_initial: float = 0.5
    wait_max: float = 5.0
    jitter: float = 0.5

    def at_most(self, max_bytes: int | None) -> Limits:
        """Return these limits, lowered to what an accounting system takes."""
        lower = self.max_bytes if max_bytes is None else min(self.max_bytes, max_bytes)
        return replace(self, max_bytes=lower)


class ReceiptStore:
    """Fetches the documents of items; an async context manager that owns their folder.

    ``base_url`` is Pleo's own, which decides with ``hosts`` where receipts may come from
    (``places``). ``folder`` is where the private folder is made, else the machine's temporary one.
    """

    def __init__(
        self,
        base_url: str,
        *,
        hosts: Sequence[str] = (),
        folder: Path | None = None,
        limits: Limits | None = None,
        resolve: Resolve = resolve,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """Take the rules; nothing is opened yet."""
        self._limits = limits or Limits()
        self._parent = folder or Path(tempfile.gettempdir())
        self._folder = self._parent
        places = Places(base_url, tuple(hosts))
        names = CheckedNames(places, resolve)
        parallel = self._limits.parallel
        self._source = Source(places, names, parallel, ssl_context)
        # Fair, as a queue is not: whoever waits longest goes first.
        self._turn = asyncio.Semaphore(parallel * _AT_HAND)
        self._places, self._parts = itertools.count(), itertools.count()
        self._retrying = AsyncRetryingCaller(
            attempts=self._limits.attempts,
            timeout=None,
            wait_initial=self._limits.wait_initial,
            wait_max=self._limits.wait_max,
            wait_jitter=self._limits.jitter,
        ).on(ReceiptUnavailable)
        self._tasks: dict[str, dict[_Key, asyncio.Task[Document | ItemFailure]]] = {}
        self._running: set[asyncio.Task[Document | ItemFailure]] = set()
        """Those that have not ended, the forgotten among them."""
        self._paths: dict[str, list[Path]] = {}
        self._uses: Counter[Path] = Counter()

    async def __aenter__(self) -> Self:
        """Make the private folder; once a day, remove those that killed processes left."""
        await asyncio.to_thread(_sweep, self._parent, int(time.time() // _STALE))
        with effect("receipts.make_folder", str(self._parent)):
            self._parent.mkdir(parents=True, exist_ok=True)
            self._folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=self._parent))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections and remove the folder with all in it."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._source.close()
        await asyncio.to_thread(_remove, self._folder)

    async def fetch(self, item: ExportItem) -> tuple[Document, ...]:
        """Return all documents of an item, in Pleo's order.

        Raises ReceiptExpired if any URL is dead, so that fresh ones can be asked for (what came
        is kept and not fetched again); else the first other failure, in order.
        """
        results = await self.fetch_each(item)
        failures = [result for result in results if isinstance(result, ItemFailure)]
        if failures:
            raise next((f for f in failures if isinstance(f, ReceiptExpired)), failures[0])
        return tuple(result for result in results if isinstance(result, Document))

    def fetch_ahead(self, items: Iterable[ExportItem]) -> None:
        """Begin to fetch the files of items that come next; ``fetch_each`` returns them."""
        for item in items:
            for wanted in _wanted(item):
                self._fetching(wanted)

    async def fetch_each(self, item: ExportItem) -> list[Document | ItemFailure]:
        """Return a document or its failure for each file of an item, in Pleo's order."""
        return await asyncio.gather(*(self._fetched(wanted) for wanted in _wanted(item)))

    async def fit(
        self, entry_id: str, documents: Sequence[Document], takes: Attachments
    ) -> list[Document | ItemFailure]:
        """Return what an accounting system gets instead of an item's documents (``fitting``)."""
        fitted = await fit(documents, takes, self._folder)
        fetched = {document.path for document in documents}
        for document in fitted:
            if isinstance(document, Document) and document.path not in fetched:
                self._keep(entry_id, document.path)
        return fitted

    def forget(self, entry_id: str) -> None:
        """Let an item's documents go; a file goes with the last item that holds it."""
        for task in self._tasks.pop(entry_id, {}).values():
            task.cancel()
        for path in self._paths.pop(entry_id, ()):
            self._uses[path] -= 1
            if not self._uses[path]:
                with effect("receipts.remove", str(path)):
                    path.unlink(missing_ok=True)

    def _keep(self, entry_id: str, path: Path) -> None:
        self._paths.setdefault(entry_id, []).append(path)
        self._uses[path] += 1

    def _fetching(self, wanted: _Wanted) -> dict[_Key, asyncio.Task[Document | ItemFailure]]:
        """Return the tasks of an item, in which this file is being fetched or has come."""
        tasks = self._tasks.setdefault(wanted.entry_id, {})
        if wanted.key not in tasks:
            task = asyncio.create_task(self._fetch_one(wanted))
            tasks[wanted.key] = task
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return tasks

    async def _fetched(self, wanted: _Wanted) -> Document | ItemFailure:
        """Return what came; a failure is not kept, so that the file is asked for anew."""
        tasks = self._fetching(wanted)
        result = await tasks[wanted.key]
        if isinstance(result, ItemFailure):
            tasks.pop(wanted.key, None)
        return result

    async def _fetch_one(self, wanted: _Wanted) -> Document | ItemFailure:
        try:
            document = await self._in_time(wanted)
        except ItemFailure as failure:
            _log.warning("receipt.failed", receipt=wanted.target, reason=str(failure))
            return failure.reworded(f"Receipt {wanted.place} of {wanted.count}: {failure}")
        self._keep(wanted.entry_id, document.path)
        return document

    async def _in_time(self, wanted: _Wanted) -> Document:
        """Fetch a file when it is its turn, with retries, within the seconds it has."""
        seconds = self._limits.seconds
        async with self._turn:
            try:
                async with asyncio.timeout(seconds) as limit:
                    fetch = partial(self._once, wanted, Turn(next(self._places), limit))
                    return await self._retrying(noting_retries("receipts", fetch))
            except TimeoutError as error:
                raise ReceiptDownloadFailure(
                    f"It did not come whole within {seconds:g} seconds."
                ) from error

    async def _once(self, wanted: _Wanted, at: Turn) -> Document:
        """Fetch a file once, check what it is, keep it under its hash."""
        file, most = wanted.file, self._limits.max_bytes
        with (
            faults_named(),
            effect("receipts.download", wanted.target),
            receiving(self._folder / f".part-{next(self._parts)}") as incoming,
        ):
            await download(self._source, file.url, file.size, most, incoming, at)
            kind = kind_of(file.type, incoming.head, whole=file.size is not None)
            path, digest = incoming.keep(self._folder)
        return Document(
            path=path,
            sha256=digest,
            size=incoming.size,
            media_type=kind.media_type,
            name=wanted.stem + kind.extension,
        )


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A file to fetch: whose it is, its place (from 1) among how many, and its name's beginning."""

    entry_id: str
    place: int
    count: int
    file: ReceiptFile
    merchant: str

    @property
    def key(self) -> _Key:
        """What stays the same when the item is fetched again: all but the URL."""
        return self.place, self.file.size, self.file.type

    @property
    def target(self) -> str:
        """Name it for logs and the gate; its URL is a secret."""
        return f"{self.entry_id}/{self.place}"

    @property
    def stem(self) -> str:
        """The file's name without extension, numbered where the item has several."""
        return f"{self.merchant} {self.place}" if self.count > 1 else self.merchant


def _wanted(item: ExportItem) -> list[_Wanted]:
    files = [file for file in item.files or () if file is not None]
    return [
        _Wanted(item.accounting_entry_id, place, len(files), file, receipt_stem(item))
        for place, file in enumerate(files, 1)
    ]


@lru_cache
def _sweep(parent: Path, _day: int) -> None:
    """Remove private folders older than any export; where all have theirs, there may be many."""
    for path in parent.glob(f"{_PREFIX}*"):
        if path.is_dir() and not path.is_symlink() and _age(path) > _STALE:
            _remove(path)


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0


def _remove(folder: Path) -> None:
    with effect("receipts.remove_folder", str(folder)):
        shutil.rmtree(folder, ignore_errors=True)
