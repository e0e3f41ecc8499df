"""A Beancount ledger as an accounting system."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import Self, Unpack

from counterfoil.bookkeeping.chart import Chart
from counterfoil.bookkeeping.entries import Document, Entry
from counterfoil.errors import JobFailureType, ReceiptUploadFailure, RefusedByBooks
from counterfoil.systems.beancount.blocks import (
    Edit,
    commented,
    edited,
    noted,
    posted,
    settling,
    with_receipt,
)
from counterfoil.systems.beancount.booking import book, document_roots, objections
from counterfoil.systems.beancount.loading import Snapshot, faults, private_cache
from counterfoil.systems.beancount.months import FileChanged, HalfWritten
from counterfoil.systems.beancount.options import BeancountOptions
from counterfoil.systems.beancount.others import others_query, read_others
from counterfoil.systems.beancount.programs import check, query
from counterfoil.systems.beancount.records import Changes, Record
from counterfoil.systems.beancount.session import Session, writing
from counterfoil.systems.beancount.sources import read_sources
from counterfoil.systems.beancount.syntax import (
    TEXT_LIMIT,
    document_directive,
    link_of,
    reversal_text,
)
from counterfoil.systems.contract import (
    Attachments,
    BooksNotReady,
    Capabilities,
    EntryState,
    Found,
    OtherPosting,
    PartKey,
    Problem,
    RecordResult,
    Uniqueness,
)

__all__ = ["Beancount"]

ATTEMPTS = 3
"""How often a write is begun again because somebody changed the ledger meanwhile."""


class Beancount:
    """A Beancount ledger, for one job."""

    capabilities = Capabilities(
        uniqueness=Uniqueness.EXCLUSIVE_FILE,
        attachments=Attachments(),
        void=True,
        reverse=True,
        narration_limit=TEXT_LIMIT,
    )

    def __init__(self, options: BeancountOptions, base: Path) -> None:
        """Take checked options; a relative ledger is relative to ``base``."""
        main = (base / options.ledger).resolve()
        self.target = f"beancount:{main}"
        self._fava = options.fava_url
        self._session = Session(main, (main.parent / options.documents).resolve())

    async def __aenter__(self) -> Self:
        """Take the ledger's lock; raises BooksNotReady when another Counterfoil holds it."""
        try:
            await self._session.open()
        except BaseException:
            await self._session.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        """Release the lock."""
        await self._session.close()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Self]:
        """Look at the ledger without its lock; nothing in its folder is written."""
        self._session.open_to_read()
        try:
            yield self
        finally:
            await self._session.close()

    async def ready(self) -> Sequence[Problem]:
        """Check that the ledger is there, can be written, and that Beancount reads all of it."""
        return await self._session.problems()

    async def chart(self) -> Chart:
        """Return the accounts, tax codes and vendors that the ledger declares."""
        return (await self._session.current()).chart

    async def find(self, keys: Sequence[PartKey]) -> Mapping[PartKey, Sequence[Found]]:
        """Look records up by their metadata, wherever in the ledger they stand."""
        books = (await self._session.current()).books
        await self._session.expect_to_write()
        found = {
            key: [books.found(record, self._url(record)) for record in books.find(key)]
            for key in keys
        }
        return {key: records for key, records in found.items() if records}

    async def all_records(self, since: date | None = None) -> Sequence[Found]:
        """Return what the ledger holds of ours from a day on."""
        books = (await self._session.current()).books
        return [books.found(record, self._url(record)) for record in books.since(since)]

    async def other_postings(
        self, accounts: Collection[str], since: date | None = None
    ) -> Sequence[OtherPosting]:
        """Ask Beancount for what others posted on these accounts."""
        main = self._session.main
        if not accounts:
            return []
        for _ in range(ATTEMPTS):
            snapshot = await self._session.current()
            with private_cache(self._session.scratch) as fresh:
                question = others_query(accounts, since)
                rows = await query(main, question, snapshot.cache or fresh)
            if not snapshot.watch.changed():
                return read_others(rows, main.parent)
        raise BooksNotReady(_busy(main))

    async def record(self, entries: Sequence[Entry]) -> Sequence[RecordResult]:
        """Write entries into their months' files; those that Beancount refuses are left out."""
        for _ in range(ATTEMPTS):
            snapshot = await self._session.current()
            with self._changes():
                return await book(self._session, snapshot, entries)
        raise BooksNotReady(_busy(self._session.main))

    async def post(self, ids: Sequence[str]) -> None:
        """Turn drafts (``!``) into posted entries (``*``)."""
        snapshot = await self._session.current()
        drafts = [id for id in ids if self._record(snapshot, id).flag == "!"]
        if drafts:
            await self._edit(drafts, posted, flag="*")

    async def attach(self, id: str, document: Document) -> None:
        """File a document, and name it in its entry."""
        snapshot = await self._session.current()
        record = self._record(snapshot, id)
        if document.sha256 in record.present():
            return
        account = next((name for name, amount in record.lines if amount > 0), record.lines[0][0])
        receipt = self._session.archive.receipt(document, account, record.date)
        with writing(self._session.main):
            failures = await self._session.archive.keep([(document, receipt)])
        if failures:
            raise failures[document.sha256]
        if receipt in record.receipts:
            return
        listed = self._session.archive.listed(document_roots(self._session, snapshot))
        directive = document_directive(record.date, account, receipt, record.reference.entry_id)
        try:
            await self._edit(
                [id],
                with_receipt(receipt, None if listed else directive),
                receipts=(*record.receipts, receipt),
            )
        except RefusedByBooks as failure:
            raise ReceiptUploadFailure(str(failure)) from failure

    async def settle(self, payment: str, bill: str) -> None:
        """Let a payment name the bill it pays, and carry its link."""
        snapshot = await self._session.current()
        paid, record = self._record(snapshot, bill), self._record(snapshot, payment)
        if paid.id not in record.settles:
            settles = (*record.settles, paid.id)
            await self._edit([payment], settling(paid.reference), settles=settles)

    async def void(self, id: str) -> None:
        """Turn a draft into a comment."""
        snapshot = await self._session.current()
        record = snapshot.books.by_id(id)
        if record is None or not snapshot.books.state(record).live:
            return
        if snapshot.books.state(record) is EntryState.POSTED:
            raise RefusedByBooks(f"{id} is posted; reverse it instead")
        await self._edit([id], commented(_now()), voided=True)

    async def reverse(self, id: str, on: date) -> None:
        """Write the transaction that takes a record back, linked to it."""
        for _ in range(ATTEMPTS):
            snapshot = await self._session.current()
            record = self._record(snapshot, id)
            if not snapshot.books.state(record).live:
                return
            with self._changes():
                await self._reverse(record, snapshot, on)
                return
        raise BooksNotReady(_busy(self._session.main))

    async def note(self, id: str, text: str) -> None:
        """Add a remark to a record's metadata."""
        await self._edit([id], noted(text))

    async def check(self) -> Sequence[str]:
        """Let Beancount judge the whole ledger; say what it newly holds against our records."""
        if not self._session.months.written:
            return []
        main = self._session.main
        with private_cache(self._session.scratch) as cache:
            findings = await check(main, cache)
        now = faults(findings, read_sources(main, self._session.months.pattern).texts)
        known = {(fault.message, fault.record) for fault in self._session.first or ()}
        return [
            f"Beancount faults {fault.record} at {fault.place}: {fault.message}"
            for fault in now
            if fault.record and (fault.message, fault.record) not in known
        ]

    def _url(self, record: Record) -> str | None:
        if self._fava is None:
            return None
        return f"{self._fava.rstrip('/')}/journal/?filter=%5E{link_of(record.reference.entry_id)}"

    def _record(self, snapshot: Snapshot, id: str) -> Record:
        record = snapshot.books.by_id(id)
        if record is None:
            raise RefusedByBooks(f"{id} is not in {self._session.main}")
        return record

    async def _edit(self, ids: Sequence[str], edit: Edit, **changes: Unpack[Changes]) -> None:
        """Edit records' blocks, each file once, and note what became of them."""
        for _ in range(ATTEMPTS):
            snapshot = await self._session.current()
            records = [self._record(snapshot, id) for id in ids]
            with self._changes():
                self._rewrite(records, edit, snapshot)
                for record in records:
                    snapshot.books.replace(record, **changes)
                return
        raise BooksNotReady(_busy(self._session.main))

    async def _reverse(self, record: Record, snapshot: Snapshot, on: date) -> None:
        text = reversal_text(record.reference, on, record.lines, record.currency, _now())
        accounts = (account for account, _ in record.lines)
        if against := await objections(self._session, snapshot, [text], accounts):
            raise RefusedByBooks(f"Beancount refuses the reversal of {record.id}: {against[0]}")
        path = self._session.months.path(on)
        self._session.months.append({path: [text]}, snapshot.watch)
        snapshot.books.reverse(record, path)

    def _rewrite(self, records: Sequence[Record], edit: Edit, snapshot: Snapshot) -> None:
        months = self._session.months
        contents: dict[Path, bytes] = {}
        for record in records:
            content = None
            if record.file.parent == months.home:
                before = contents.get(record.file) or months.read(record.file)
                content = edited(before, record.reference, edit)
            if content is None:
                raise RefusedByBooks(
                    f"{record.id} was moved or rewritten by hand ({record.file}); "
                    "Counterfoil does not change it there"
                )
            contents[record.file] = content
        months.write(contents, snapshot.watch)

    @contextmanager
    def _changes(self) -> Iterator[None]:
        """Begin again after somebody else's change; say what a failing disk means."""
        try:
            with writing(self._session.main):
                yield
        except FileChanged:
            self._session.forget()
        except HalfWritten as error:
            self._session.forget()
            raise BooksNotReady(
                Problem(
                    message=f"{self._session.main} was written in part: {error}",
                    failure_type=JobFailureType.ACCOUNTING_SYSTEM_UNREACHABLE,
                    passing=True,
                )
            ) from error


def _now() -> datetime:
    return datetime.now(UTC)


def _busy(main: Path) -> Problem:
    return Problem(
        message=f"{main} is being changed all the time; close what is writing to it.",
        failure_type=JobFailureType.ACCOUNTING_SYSTEM_UNREACHABLE,
        passing=True,
    )
