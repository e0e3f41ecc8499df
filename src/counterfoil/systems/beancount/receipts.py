"""Receipts as files: where each lies, and that its bytes are the ones announced.

A file is named for its entry's day, its own name and its content, under its account's folder
(``documents/Expenses/Travel/2026-03-05 taxi-0a1b2c3d.pdf``), as ``option "documents"`` expects it.
The same document is always the same file, so writing it twice changes nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import mimetypes
import os
import re
from collections.abc import Coroutine, Iterable
from datetime import date
from pathlib import Path

from counterfoil.bookkeeping.entries import Document, Entry
from counterfoil.errors import ReceiptUploadFailure
from counterfoil.systems.beancount.files import Folder, stamp
from counterfoil.systems.beancount.syntax import Receipt

__all__ = ["Archive", "receipt_account"]

NAME_LIMIT = 100
"""Longest part of a file's name that is the document's own, in bytes."""
UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*\ud800-\udfff]')


def receipt_account(entry: Entry) -> str:
    """Return the account whose folder takes an entry's receipts: the first debit line's."""
    debits = (line.account for line in entry.lines if line.amount > 0)
    return next(debits, entry.lines[0].account)


class Archive:
    """The folder of receipts of one ledger."""

    def __init__(self, root: Path, home: Path, folder: Folder) -> None:
        """Take the receipts' root, the folder of the month files, and the way to write."""
        self.root = root
        self._home = home
        self._folder = folder

    def listed(self, roots: list[Path]) -> bool:
        """Whether Beancount lists our files by itself, as they lie under one of its roots."""
        return any(self.root.is_relative_to(root) for root in roots)

    def receipt(self, document: Document, account: str, on: date) -> Receipt:
        """Say where a document lies, or is to lie."""
        path = self._place(document, account, on)
        return Receipt.of(document, os.path.relpath(path, self._home))

    async def keep(
        self, kept: Iterable[tuple[Document, Receipt]]
    ) -> dict[str, ReceiptUploadFailure]:
        """Write documents where their receipts say, durably; raises OSError.

        Returns the failures of those that cannot be read, by SHA-256. Files are made durable side
        by side, in threads, and each folder once for all that came into it.
        """
        places = {self._path(receipt): document for document, receipt in kept}
        folders = sorted({path.parent for path in places})
        for folder in folders:
            self._folder.make(folder)
            self._folder.settle(folder)
        results = await _ended(
            asyncio.to_thread(self._write, document, path) for path, document in places.items()
        )
        failures: dict[str, ReceiptUploadFailure] = {}
        for document, result in zip(places.values(), results, strict=True):
            if isinstance(result, ReceiptUploadFailure):
                failures[document.sha256] = result
            elif isinstance(result, BaseException):
                raise result
        for folder in folders:
            self._folder.sync(folder)
        return failures

    def _path(self, receipt: Receipt) -> Path:
        return Path(os.path.normpath(self._home / receipt.path))

    def _write(self, document: Document, path: Path) -> None:
        if _holds(path, document):
            return
        staged = self._folder.stage(path, _checked(document))
        try:
            self._folder.place(staged, path)
        except OSError:
            self._folder.discard(staged)
            raise

    def _place(self, document: Document, account: str, on: date) -> Path:
        folder = self.root.joinpath(*account.split(":"))
        stem, suffix = _safe_name(document)
        path = folder / f"{on} {stem}-{document.sha256[:8]}{suffix}"
        if stamp(path) is None or _holds(path, document):
            return path
        return folder / f"{on} {stem}-{document.sha256}{suffix}"


async def _ended(calls: Iterable[Coroutine[None, None, None]]) -> list[BaseException | None]:
    """Return how each call ended, in order; when cancelled, only after all of them have."""
    every = asyncio.gather(*calls, return_exceptions=True)
    try:
        return await asyncio.shield(every)
    except asyncio.CancelledError:
        # A thread that still writes must not outlive the lock on the ledger.
        await every
        raise


def _holds(path: Path, document: Document) -> bool:
    there = stamp(path)
    if there is None or there.size != document.size:
        return False
    return hashlib.sha256(path.read_bytes()).hexdigest() == document.sha256


def _checked(document: Document) -> bytes:
    try:
        content = document.path.read_bytes()
    except OSError as error:
        raise ReceiptUploadFailure(f"{document.name} cannot be read: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != document.sha256:
        raise ReceiptUploadFailure(f"{document.name} is not the file that was fetched any more")
    return content


def _safe_name(document: Document) -> tuple[str, str]:
    """Split a name that every file system takes into what stands before and after the hash."""
    name = UNSAFE.sub("_", re.split(r"[/\\]", document.name)[-1])
    stem, dot, ending = name.rpartition(".")
    if not dot or not re.fullmatch("[A-Za-z0-9]{1,8}", ending):
        stem, ending = name, (mimetypes.guess_extension(document.media_type) or ".bin")[1:]
    short = stem.encode()[:NAME_LIMIT].decode("utf-8", "ignore").strip(" .")
    return short or "receipt", f".{ending.lower()}"
