"""From an export item to the entries that would be written, or to the one failure that says why.

Pure: no clock, no file, no network; the same input gives the same output. What each step decides
lies in its own module: ``table`` (which sides), ``figures`` (amounts), ``costs`` and ``counters``
(accounts), ``dates`` (days), ``texts``. Writing is left to the accounting systems.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from counterfoil.bookkeeping.accounts import Books, Choice, named
from counterfoil.bookkeeping.chart import Chart
from counterfoil.bookkeeping.costs import cost_postings
from counterfoil.bookkeeping.counters import Counter, counter
from counterfoil.bookkeeping.dates import booked_day, checked_day, invoice_day, posting_day
from counterfoil.bookkeeping.entries import Entry, Line, Part, Reference
from counterfoil.bookkeeping.figures import Figures, read_figures
from counterfoil.bookkeeping.fingerprint import fingerprint
from counterfoil.bookkeeping.names import company_key, given, quoted
from counterfoil.bookkeeping.postings import Posting
from counterfoil.bookkeeping.roles import LINE_ROLES, PartRow, Role, Row
from counterfoil.bookkeeping.settings import PostingMode, Settings
from counterfoil.bookkeeping.table import booking_table
from counterfoil.bookkeeping.texts import details, link, narration, payee
from counterfoil.errors import ConfigurationError, InvalidItem, InvalidSetting
from counterfoil.pleo.models import NO_ID, ExportItem

__all__ = ["plan"]

_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,99}")
"""An accounting entry id: a UUID in Pleo's contract, and a reference in the books."""


def plan(
    item: ExportItem, chart: Chart, settings: Settings, *, today: date, pays: str | None = None
) -> tuple[Entry, ...]:
    """Return the item's balanced entries, one per part and the first part first.

    ``pays`` is the account id that a payment goes to, where the bill it pays is known to the
    caller. Raises exactly one ItemFailure, whose text tells a bookkeeper what to change and where.
    """
    _check_id(item)
    _check_company(item, settings)
    row = _row(item, settings)
    figures = read_figures(item, settings.negative)
    day = booked_day(item.date, settings.zone, today)
    books = Books(chart, settings, figures.currency)
    drafts = list(_Drafting(item, figures, books, pays).drafts(row))
    choices = [choice for draft in drafts for choice in draft.choices]
    posted = posting_day(day, choices, chart, settings)
    for choice in choices:
        books.check_usable(choice, posted)
    return _Finishing(item, figures, settings, today).entries(drafts, day, posted)


def _check_id(item: ExportItem) -> None:
    if not _ID.fullmatch(item.accounting_entry_id):
        raise InvalidItem(
            f'"{quoted(item.accounting_entry_id)}" is no id that an entry in the books could '
            "carry: report this expense to Pleo's support."
        )


def _check_company(item: ExportItem, settings: Settings) -> None:
    """Refuse another company's expense; Pleo's all-zero id names no company, so no other one."""
    named_company, ours = item.company_id, settings.company_id
    if ours is None or company_key(named_company) in {company_key(ours), company_key(NO_ID)}:
        return
    raise InvalidItem(
        f'This is an expense of the company "{quoted(named_company)}", but this connection books '
        f"those of {ours}: export it from its own company, or correct [[connection]] company_id."
    )


def _row(item: ExportItem, settings: Settings) -> Row:
    try:
        table = booking_table(settings.table_overrides)
    except ConfigurationError as error:
        raise InvalidSetting(str(error)) from error
    method = item.bookkeeping.method if item.bookkeeping else None
    return table.row(item.type, item.sub_type, method)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A part with its postings, before anything is said of day and text."""

    part: Part
    debit: tuple[Posting, ...]
    credit: tuple[Posting, ...]
    vendor: str | None

    @property
    def choices(self) -> Iterator[Choice]:
        """Every account chosen for this part."""
        return (posting.choice for posting in (*self.debit, *self.credit))

    def lines(self) -> tuple[Line, ...]:
        """Turn the postings into signed lines, debits first."""
        return (
            *(posting.line(credit=False) for posting in self.debit),
            *(posting.line(credit=True) for posting in self.credit),
        )


class _Drafting:
    """Fills the sides of an item's parts; lines and accounts are looked up once for all parts."""

    def __init__(self, item: ExportItem, figures: Figures, books: Books, pays: str | None) -> None:
        self.item = item
        self.figures = figures
        self.books = books
        self.pays = pays
        self.counters: dict[str, Counter] = {}
        self.costs: tuple[Posting, ...] = ()

    def drafts(self, row: Row) -> list[_Draft]:
        """Return the row's parts; one that would move nothing is left out."""
        if any(LINE_ROLES & {part.debit, part.credit} for part in row.parts):
            self.pays = None
        drafts = [self.draft(part) for part in row.parts]
        moving = [draft for draft in drafts if draft.debit or draft.credit]
        if not moving:
            raise InvalidItem(
                "The lines sum to zero, so no money moved and there is nothing to book: correct "
                "the expense in Pleo, then export again."
            )
        return moving

    def draft(self, part: PartRow) -> _Draft:
        """Fill both sides of a part."""
        debit, credit = self.side(part.debit), self.side(part.credit)
        _check_apart(debit, credit)
        vendor = None if part.part is Part.ENTRY else self.vendor()
        return _Draft(part.part, debit, credit, vendor)

    def vendor(self) -> str | None:
        """Return the vendor or employee whose payable account was looked up for this item."""
        found = (self.counters.get(role) for role in (Role.PAYABLE, Role.EMPLOYEE_PAYABLE))
        return next((each.vendor for each in found if each is not None), None)

    def side(self, role: str) -> tuple[Posting, ...]:
        """Return the postings of a role, without those that are zero."""
        if role in LINE_ROLES:
            self.costs = self.costs or tuple(self.cost_side(role))
            return self.costs
        if role not in self.counters:
            self.counters[role] = counter(role, self.item, self.books, self.pays)
        if not self.figures.total:
            return ()
        sum_of_lines = Posting(
            choice=self.counters[role].choice,
            amount=self.figures.total,
            fields=("accountingEntryLines[].lineAmount",),
            supplied=self.figures.supplied,
        )
        return (sum_of_lines,)

    def cost_side(self, role: str) -> Iterator[Posting]:
        """Make the postings of every line."""
        otherwise = Role.OUT_OF_POCKET if role == Role.LINES_OR_OUT_OF_POCKET else None
        for line in self.figures.lines:
            for posting in cost_postings(line, self.books, otherwise):
                if posting.amount:
                    yield posting


def _check_apart(debit: Iterable[Posting], credit: Iterable[Posting]) -> None:
    """Refuse an entry that takes from an account what it gives it: it would say nothing."""
    others = {posting.choice.account.id: posting.choice for posting in credit}
    for posting in debit:
        other = others.get(posting.choice.account.id)
        if other is not None:
            one = posting.choice
            raise InvalidSetting(
                f"Account {named(one.account)} is both {one.role} and {other.role}, so nothing "
                f"would be booked: change {one.setting or other.setting or 'the account in Pleo'}."
            )


@dataclass(frozen=True, slots=True)
class _Finishing:
    """Gives drafts their day, texts and links."""

    item: ExportItem
    figures: Figures
    settings: Settings
    today: date

    def entries(self, drafts: Iterable[_Draft], day: date, posted: date) -> tuple[Entry, ...]:
        """Make the entries; the texts are the same for all parts of an item."""
        item, settings = self.item, self.settings
        text = self.narration()
        more = details(item, self.figures, settings.zone)
        mark = fingerprint(item, settings)
        page, whom = link(item), payee(item)
        document_date, due_date, number = self.invoice()
        return tuple(
            Entry(
                reference=Reference(item.accounting_entry_id, draft.part),
                date=posted,
                currency=self.figures.currency,
                lines=draft.lines(),
                payee=whom,
                narration=text,
                final=settings.posting is PostingMode.FINAL,
                fingerprint=mark,
                original_date=day if posted != day else None,
                document_date=None if draft.part is Part.PAYMENT else document_date,
                due_date=None if draft.part is Part.PAYMENT else due_date,
                invoice_number=number,
                vendor=draft.vendor,
                details=more,
                link=page,
            )
            for draft in drafts
        )

    def narration(self) -> str:
        """Fill the connection's template."""
        settings = self.settings
        try:
            return narration(self.item, settings.description, settings.narration_limit)
        except ValueError as error:
            raise InvalidSetting(f"[connection] description: {error}.") from error

    def invoice(self) -> tuple[date | None, date | None, str | None]:
        """Return the invoice's own date, due date and number."""
        invoice = self.item.additional_information.invoice_information
        if invoice is None:
            return None, None, None
        zone, due = self.settings.zone, invoice.due_date
        made = checked_day(invoice_day(invoice.invoice_date, zone), "the invoice date", self.today)
        payable = due and checked_day(invoice_day(due, zone), "the due date", self.today)
        return made, payable, given(invoice.invoice_number)
