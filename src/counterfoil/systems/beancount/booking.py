"""Writes a batch of entries: judged first, then their receipts, then the month files.

Killed anywhere, the ledger is either without an entry or with the whole of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from counterfoil.bookkeeping.entries import Document, Entry, Reference
from counterfoil.errors import RefusedByBooks
from counterfoil.systems.beancount.judging import OPTIONS, declared_options, judge
from counterfoil.systems.beancount.loading import Snapshot
from counterfoil.systems.beancount.months import FileChanged, HalfWritten
from counterfoil.systems.beancount.receipts import receipt_account
from counterfoil.systems.beancount.records import Record
from counterfoil.systems.beancount.session import Session
from counterfoil.systems.beancount.syntax import Receipt, document_directive, entry_text
from counterfoil.systems.contract import Booked, RecordResult, Refused, Unknown

__all__ = ["book", "document_roots", "objections"]

CURRENCY = re.compile(r"[A-Z][A-Z0-9'._-]*[A-Z0-9]")
ACCOUNT = re.compile(r"(?:[A-Za-z0-9-]|[^\x00-\x7f])+(?::(?:[A-Za-z0-9-]|[^\x00-\x7f])+)+")


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry on its way into a file."""

    entry: Entry
    path: Path
    booked_at: datetime
    text: str
    receipts: tuple[Receipt, ...]
    directives: tuple[str, ...]

    @property
    def block(self) -> str:
        """The entry's lines in the month file."""
        return "\n".join([self.text, *self.directives])

    @property
    def documents(self) -> list[tuple[Document, Receipt]]:
        """Each document of the entry, with where it is kept."""
        held = {document.sha256: document for document in self.entry.documents}
        return [(held[receipt.sha256], receipt) for receipt in self.receipts]

    @property
    def record(self) -> Record:
        """The record that this will be."""
        entry = self.entry
        return Record(
            reference=entry.reference,
            file=self.path,
            date=entry.date,
            flag="*" if entry.final else "!",
            booked_at=self.booked_at,
            lines=tuple((line.account, line.amount) for line in entry.lines),
            currency=entry.currency,
            fingerprint=entry.fingerprint,
            receipts=self.receipts,
        )


async def book(
    session: Session, snapshot: Snapshot, entries: Sequence[Entry]
) -> list[RecordResult]:
    """Write entries that are not there yet; raises FileChanged and OSError with nothing written."""
    new = {entry.reference: entry for entry in entries if not _there(snapshot, entry)}
    listed = session.archive.listed(document_roots(session, snapshot))
    drafts = [_draft(session, entry, listed=listed) for entry in new.values()]
    outcomes = await _refusals(session, snapshot, drafts)
    if snapshot.watch.changed():
        raise FileChanged(session.main)
    outcomes |= await _keep_receipts(
        session, [d for d in drafts if d.entry.reference not in outcomes]
    )
    accepted = [draft for draft in drafts if draft.entry.reference not in outcomes]
    outcomes |= _write(session, snapshot, accepted)
    return [outcomes.get(entry.reference, Booked(reference=entry.reference)) for entry in entries]


async def objections(
    session: Session, snapshot: Snapshot, texts: Sequence[str], accounts: Iterable[str]
) -> dict[int, str]:
    """Let Beancount judge texts against the declarations of the accounts they name."""
    declarations = [snapshot.declarations.get(account, "") for account in sorted(set(accounts))]
    options = declared_options(snapshot.options, OPTIONS)
    return await judge(texts, filter(None, declarations), options, session.judge)


def document_roots(session: Session, snapshot: Snapshot) -> list[Path]:
    """Return the folders that Beancount lists by itself (``option "documents"``)."""
    names = (value.decode("utf-8", "replace") for value in snapshot.options.get("documents", ()))
    plain = (re.sub(r"\\(.)", r"\1", name) for name in names)
    return [(session.main.parent / name).resolve() for name in plain]


def _there(snapshot: Snapshot, entry: Entry) -> bool:
    """Whether this very attempt is in the ledger: the last guard against booking it twice."""
    reference = entry.reference
    records = snapshot.books.find((reference.entry_id, reference.part))
    return any(record.reference == reference for record in records)


def _draft(session: Session, entry: Entry, *, listed: bool) -> Draft:
    account = receipt_account(entry)
    receipts = tuple(
        session.archive.receipt(document, account, entry.date)
        for document in {document.sha256: document for document in entry.documents}.values()
    )
    now = datetime.now(UTC).replace(microsecond=0)
    return Draft(
        entry=entry,
        path=session.months.path(entry.date),
        booked_at=now,
        text=entry_text(entry, now, receipts),
        receipts=receipts,
        directives=()
        if listed
        else tuple(
            document_directive(entry.date, account, receipt, entry.reference.entry_id)
            for receipt in receipts
        ),
    )


async def _refusals(
    session: Session, snapshot: Snapshot, drafts: Sequence[Draft]
) -> dict[Reference, RecordResult]:
    against = {draft.entry.reference: words for draft in drafts if (words := _malformed(draft))}
    judged = [draft for draft in drafts if draft.entry.reference not in against]
    accounts = (line.account for draft in judged for line in draft.entry.lines)
    found = await objections(session, snapshot, [draft.text for draft in judged], accounts)
    against |= {judged[number].entry.reference: words for number, words in found.items()}
    refused: dict[Reference, RecordResult] = {}
    for reference, words in against.items():
        refused[reference] = Refused(
            reference=reference, failure=RefusedByBooks(f"Beancount refuses it: {words}")
        )
    return refused


def _malformed(draft: Draft) -> str:
    """Object to names that would not stay names in the ledger: they are written without quotes."""
    entry = draft.entry
    if not CURRENCY.fullmatch(entry.currency):
        return f"{entry.currency!r} is no currency"
    odd = (line.account for line in entry.lines if not ACCOUNT.fullmatch(line.account))
    return next((f"{account!r} is no account" for account in odd), "")


async def _keep_receipts(
    session: Session, drafts: Sequence[Draft]
) -> dict[Reference, RecordResult]:
    """Write the receipts of entries that are about to be written; refuse those that lack one."""
    failures = await session.archive.keep(
        (document, receipt) for draft in drafts for document, receipt in draft.documents
    )
    refused: dict[Reference, RecordResult] = {}
    for draft in drafts:
        failed = [failures[one.sha256] for one in draft.receipts if one.sha256 in failures]
        if failed:
            reference = draft.entry.reference
            refused[reference] = Refused(reference=reference, failure=failed[0])
    return refused


def _write(
    session: Session, snapshot: Snapshot, drafts: Sequence[Draft]
) -> Mapping[Reference, RecordResult]:
    """Write the month files and read them back; what is not certainly there is unknown."""
    texts: dict[Path, list[str]] = {}
    for draft in drafts:
        texts.setdefault(draft.path, []).append(draft.block)
    if not texts:
        return {}
    doubtful: dict[Path, str] = {}
    try:
        session.months.append(texts, snapshot.watch)
    except HalfWritten as error:
        doubtful = dict.fromkeys(error.files, str(error))
        session.forget()
    else:
        differs = (path for path in texts if not session.months.verify(path))
        doubtful = dict.fromkeys(differs, "the file was changed at the same moment")
    outcomes: dict[Reference, RecordResult] = {}
    for draft in drafts:
        reference = draft.entry.reference
        if draft.path in doubtful:
            outcomes[reference] = Unknown(
                reference=reference, why=f"{draft.path}: {doubtful[draft.path]}"
            )
        else:
            snapshot.books.add(draft.record)
    return outcomes
