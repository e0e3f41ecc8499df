"""Tryton as an accounting system: the contract, put together from the parts of this package."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx

from counterfoil.bookkeeping.chart import Chart
from counterfoil.bookkeeping.entries import Document, Entry
from counterfoil.errors import ReceiptUploadFailure, RefusedByBooks
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
from counterfoil.systems.tryton import taking_back
from counterfoil.systems.tryton.access import Access, KeyAccess, SessionAccess
from counterfoil.systems.tryton.booking import Booking, warned
from counterfoil.systems.tryton.charting import chart_of, read_master
from counterfoil.systems.tryton.exchange import Exchange, Refusal, not_ready
from counterfoil.systems.tryton.listing import other_postings
from counterfoil.systems.tryton.master import Master, number_of
from counterfoil.systems.tryton.options import TrytonOptions
from counterfoil.systems.tryton.posting import SIMILAR, Poster
from counterfoil.systems.tryton.readiness import ADVICE, Offer, enter
from counterfoil.systems.tryton.records import HASH, Reader, Record, found_of, receipts_of
from counterfoil.systems.tryton.secrets import secret
from counterfoil.systems.tryton.settling import Settling
from counterfoil.systems.tryton.texts import file_name, plain
from counterfoil.systems.tryton.values import INVOICE, MOVE, Setup

__all__ = ["Tryton"]

SETTLE_SECONDS = 180
"""Longer than any request of ours may be under way in Tryton."""
RECEIPT_BYTES = 32 * 1024 * 1024
CAPABILITIES = Capabilities(
    uniqueness=Uniqueness.PROBE_ONLY,
    settle_seconds=SETTLE_SECONDS,
    bills=True,
    attachments=Attachments(max_bytes=RECEIPT_BYTES),
    void=True,
    reverse=True,
)


@dataclass(frozen=True, slots=True)
class _Inside:
    """What is known once a company was entered."""

    access: Access
    offer: Offer
    setup: Setup
    reader: Reader
    settling: Settling

    @property
    def master(self) -> Master:
        """The company's master data."""
        return self.setup.master


class Tryton:
    """A company in a Tryton database, for one job."""

    def __init__(
        self, options: TrytonOptions, base: Path, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        """Take checked options; files with secrets are relative to ``base``."""
        self._options = options
        self._base = base
        ca_file = base / options.ca_file if options.ca_file else None
        self._exchange = Exchange(options.url, transport, ca_file=ca_file)
        self._inside: _Inside | None = None
        self._written: set[int] = set()
        parts = urlsplit(options.url)
        place = f"{parts.netloc}{parts.path.rstrip('/')}/{options.database}"
        self.target = f"tryton:{place}/{options.company}"
        self._url = f"{(options.web_url or options.url).rstrip('/')}/#{options.database}"

    @property
    def capabilities(self) -> Capabilities:
        """What Tryton can do; that a reference is unique is known once it was entered."""
        if self._inside is None or not self._inside.offer.module:
            return replace(CAPABILITIES, advice=ADVICE)
        return replace(CAPABILITIES, uniqueness=Uniqueness.UNIQUE_REFERENCE, settle_seconds=0)

    async def __aenter__(self) -> Self:
        """Open connections; Tryton takes no lock, so none can be held."""
        await self._exchange.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        """Close them."""
        self._inside = None
        await self._exchange.__aexit__(kind, error, trace)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Self]:
        """Look only: the same connections, and nothing is written."""
        async with self:
            yield self

    async def ready(self) -> Sequence[Problem]:
        """Check server, database, user, company, modules, rights and journals."""
        try:
            await self._enter()
        except BooksNotReady as error:
            return [error.problem]
        return []

    async def chart(self) -> Chart:
        """Return accounts, taxes, parties, dimensions and closed periods."""
        setup = (await self._enter()).setup
        return chart_of(setup.master, (setup.journal, setup.bill_journal))

    async def find(self, keys: Sequence[PartKey]) -> Mapping[PartKey, Sequence[Found]]:
        """Look records up by their external id, or by what their descriptions say."""
        inside = await self._enter()
        with _readable():
            records = await inside.reader.by_key(set(keys))
            found = await self._found([each for some in records.values() for each in some])
        return {key: [found[each.id] for each in records[key]] for key in keys if key in records}

    async def all_records(self, since: date | None = None) -> Sequence[Found]:
        """Return every record of ours from a day on."""
        inside = await self._enter()
        with _readable():
            records = await inside.reader.everything(since)
            found = await self._found(records)
        return [found[record.id] for record in records]

    async def other_postings(
        self, accounts: Collection[str], since: date | None = None
    ) -> Sequence[OtherPosting]:
        """Return what others posted on these accounts from a day on."""
        inside = await self._enter()
        numbers = {number_of(id) for id in accounts if id in inside.master.accounts}
        if not numbers:
            return []
        with _readable():
            ours = await inside.reader.everything()
            found = await other_postings(inside.access, inside.master, ours, numbers, self._url)
        return [each for each in found if since is None or each.date >= since]

    async def record(self, entries: Sequence[Entry]) -> Sequence[RecordResult]:
        """Create and post entries, a hundred in one transaction."""
        inside = await self._enter()
        booking = Booking(inside.access, inside.setup, self._poster(inside))
        results = await booking.record(entries)
        self._written |= booking.moves
        return results

    async def post(self, ids: Sequence[str]) -> None:
        """Post drafts."""
        inside = await self._enter()
        for record in await self._records(ids):
            if record.state is EntryState.DRAFT:
                refused = await self._poster(inside).post(record.model, [record.number])
                if refusal := refused.get(record.number):
                    raise warned(refusal)

    async def attach(self, id: str, document: Document) -> None:
        """Attach a document, once."""
        inside = await self._enter()
        if document.sha256 in (await receipts_of(inside.access, [id])).get(id, ()):
            return
        values = {
            "name": file_name(document.name),
            "resource": id,
            "type": "data",
            "data": _content(document),
            "description": f"{HASH}{document.sha256}",
        }
        try:
            await inside.access.create("ir.attachment", [values])
        except Refusal as refusal:
            raise ReceiptUploadFailure(
                f"Tryton does not take the receipt {document.name}: {refusal}"
            ) from refusal

    async def settle(self, payment: str, bill: str) -> None:
        """Reconcile a payment with its bill."""
        inside = await self._enter()
        ids = inside.settling.members(payment, bill)
        await inside.settling.settle(await self._records(sorted(ids)), payment, bill)

    async def void(self, id: str) -> None:
        """Take a draft out."""
        inside = await self._enter()
        for record in await self._records([id], missing=True):
            if record.state.live:
                await taking_back.void(inside.access, record)

    async def reverse(self, id: str, on: date) -> None:
        """Take a posted record back on a day."""
        inside = await self._enter()
        for record in await self._records([id]):
            if record.state.live:
                await taking_back.reverse(inside.access, inside.setup, record, on)

    async def note(self, id: str, text: str) -> None:
        """Leave a note with a record."""
        inside = await self._enter()
        try:
            await inside.access.create("ir.note", [{"resource": id, "message": plain(text)}])
        except Refusal as refusal:
            raise RefusedByBooks(f"Tryton takes no note for {id}: {refusal}") from refusal

    async def check(self) -> Sequence[str]:
        """Look whether what this job posted is valid by Tryton's own judgement."""
        if self._inside is None or not self._written:
            return []
        domain = [
            ["move", "in", sorted(self._written)],
            ["move.state", "=", "posted"],
            ["state", "!=", "valid"],
        ]
        with _readable():
            rows = await self._inside.access.search_read("account.move.line", domain, ("move",))
        moves = sorted({row["move"] for row in rows})
        return [f"Tryton holds {MOVE},{move} for posted and not valid" for move in moves]

    async def _enter(self) -> _Inside:
        """Enter the company and read its master data, once."""
        if self._inside is None:
            access = self._way_in()
            offer = await enter(access, self._options)
            access.unique = offer.module
            master = await read_master(access, offer)
            reader = Reader(access, master, module=offer.module, earlier=offer.earlier)
            setup = _setup(master, self._options, module=offer.module)
            self._inside = _Inside(access, offer, setup, reader, Settling(access, master))
        return self._inside

    def _way_in(self) -> Access:
        options, exchange = self._options, self._exchange
        if options.api_key is not None:
            return KeyAccess(exchange, options.database, secret(options.api_key, self._base))
        password = secret(options.password or "", self._base)
        return SessionAccess(exchange, options.database, options.user or "", password)

    def _poster(self, inside: _Inside) -> Poster:
        accepted = {SIMILAR} if self._options.accept_similar_bills else set()
        return Poster(inside.access, accepted)

    async def _records(self, ids: Collection[str], *, missing: bool = False) -> list[Record]:
        """Read records by their ids; raises RefusedByBooks for one that is gone."""
        inside = await self._enter()
        found: dict[str, Record] = {}
        with _readable():
            for model in (MOVE, INVOICE):
                numbers = [number_of(id) for id in ids if id.startswith(f"{model},")]
                if numbers:
                    records = await inside.reader.by_number(model, numbers)
                    found |= {record.id: record for record in records}
        gone = [id for id in ids if id not in found]
        if gone and not missing:
            raise RefusedByBooks(f"{gone[0]} is not in Tryton any more")
        return [found[id] for id in ids if id in found]

    async def _found(self, records: Sequence[Record]) -> dict[str, Found]:
        inside = await self._enter()
        receipts = await receipts_of(inside.access, [record.id for record in records])
        return {
            record.id: found_of(
                record, inside.master, self._url, receipts.get(record.id, frozenset())
            )
            for record in records
        }


def _content(document: Document) -> bytes:
    """Read a document; raises ReceiptUploadFailure where it is not the announced one."""
    try:
        content = document.path.read_bytes()
    except OSError as error:
        raise ReceiptUploadFailure(f"{document.path} cannot be read: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != document.sha256:
        raise ReceiptUploadFailure(f"{document.path} is not the receipt that was fetched")
    return content


@contextmanager
def _readable() -> Iterator[None]:
    """Say that the books are not ready where Tryton refuses to be read."""
    try:
        yield
    except Refusal as error:
        raise not_ready(f"Tryton does not let its records be read: {error}") from error


def _setup(master: Master, options: TrytonOptions, *, module: bool) -> Setup:
    """Find journals and the fallback party; raises BooksNotReady."""
    numbers = {}
    for option, code in (("journal", options.journal), ("bill_journal", options.bill_journal)):
        if code not in master.journals:
            names = ", ".join(sorted(master.journals))
            raise not_ready(
                f"Tryton has no journal {code}; there is {names}: correct options.{option}."
            )
        numbers[option] = master.journals[code]
    fallback = None
    if options.fallback_party is not None:
        parties = [each for each in master.parties.values() if each.code == options.fallback_party]
        if not parties or not parties[0].active:
            raise not_ready(
                f"Tryton has no active party with the code {options.fallback_party}: create it, or "
                "correct options.fallback_party."
            )
        fallback = parties[0]
    return Setup(
        master=master,
        journal=numbers["journal"],
        bill_journal=numbers["bill_journal"],
        fallback=fallback,
        module=module,
    )
