"""An entry in Tryton's words: the fields of an account move, or of a supplier invoice.

A bill or credit note becomes a supplier invoice where what it owes stands on a payable account;
elsewhere (an employee who is no party of the books, say) there is no vendor to have a bill of, and
it becomes a move, as entries and payments do. Taxes are given as Pleo has them, never computed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from counterfoil.bookkeeping.entries import Entry, Line, LineTax, Part
from counterfoil.errors import InvalidSetting, MissingSetting, PeriodClosed, UnknownVendor
from counterfoil.systems.tryton.master import Master, PartyRow, Period, TaxRow
from counterfoil.systems.tryton.texts import one_line, plain

__all__ = ["INVOICE", "MOVE", "Draft", "Setup", "draft_of", "key_of"]

MOVE, INVOICE = "account.move", "account.invoice"
INGOING = frozenset({"tax-ingoing", "reverse-ingoing"})
OUTGOING = frozenset({"reverse-outgoing"})
MARK = "Pleo"
"""What stands before a reference in a description, where Tryton has no field for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How this connection books: master data, journals, and whether our module is there."""

    master: Master
    journal: int
    bill_journal: int
    fallback: PartyRow | None = None
    module: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An entry as it is sent: the model, the fields, and what to expect when it is read back."""

    entry: Entry
    model: str
    values: Mapping[str, Any]
    tax: Decimal
    """The sum of its taxes: of a move in the company's currency, of an invoice in its own."""
    journal: int
    period: Period


@dataclass
class _Taxed:
    """A line of an entry with what its taxes are; ``side`` is set on a tax's own line."""

    line: Line
    own: Decimal
    """Its amount in the company's currency."""
    base_of: TaxRow | None = None
    tax: LineTax | None = None
    row: TaxRow | None = None
    part: int | None = None
    base: Decimal = field(default=Decimal(0))


def key_of(entry_id: str, part: Part) -> str:
    """Return what all attempts at one part have in common."""
    return f"{entry_id}/{part}"


def draft_of(entry: Entry, setup: Setup) -> Draft:
    """Put an entry into Tryton's words; raises the ItemFailure that says why it cannot be."""
    return _Drafting(entry, setup).draft()


class _Drafting:
    """One entry on its way into Tryton's words."""

    def __init__(self, entry: Entry, setup: Setup) -> None:
        self.entry = entry
        self.setup = setup
        self.master = setup.master
        self.currency = self.master.currency(entry.currency)

    def draft(self) -> Draft:
        owed = self.owed()
        journal = self.setup.journal if owed is None else self.setup.bill_journal
        period = self.period(journal)
        lines = self.taxed()
        if owed is None:
            model, values = MOVE, self.move(lines, journal, period)
            tax = sum((each.own for each in lines if each.part), Decimal(0))
        else:
            model, values = INVOICE, self.invoice(lines, owed, journal)
            tax = sum((each.line.amount for each in lines if each.part), Decimal(0))
        values |= self.marks()
        return Draft(
            entry=self.entry, model=model, values=values, tax=tax, journal=journal, period=period
        )

    def owed(self) -> Line | None:
        """Return the line of a bill or credit note that says what is owed, if a vendor can be."""
        if self.entry.reference.part not in {Part.BILL, Part.CREDIT_NOTE}:
            return None
        bill = self.entry.reference.part is Part.BILL
        line = self.entry.lines[-1 if bill else 0]
        return line if self.master.account(line.account).payable else None

    def period(self, journal: int) -> Period:
        """Return the open period of the day; raises MissingSetting, PeriodClosed."""
        day, company = self.entry.date, self.master.company_name
        period = self.master.period_at(day)
        if period is None:
            raise MissingSetting(
                f"Tryton has no period of {company} for {day.isoformat()}: create the fiscal year "
                "with its periods there, then export again."
            )
        if period.state != "open":
            raise PeriodClosed(
                f"The period {period.name} of {company} is {period.state} in Tryton: open it "
                "there, then export again."
            )
        if (journal, period.number) in self.master.closed_journals:
            raise PeriodClosed(
                f"A journal of {company} is closed for the period {period.name} in Tryton: open "
                "it there (journals and periods), then export again."
            )
        return period

    def taxed(self) -> list[_Taxed]:
        """Give each line its amount in the company's currency, and join taxes to their base.

        A tax stands right after the line that it is on.
        """
        amounts = [line.amount for line in self.entry.lines]
        converted = self.master.convert(amounts, self.currency, self.entry.date)
        found: list[_Taxed] = []
        on: _Taxed | None = None
        for line, own in zip(self.entry.lines, converted, strict=True):
            each = _Taxed(line, own)
            if line.tax is not None:
                on = each
                self.check_tax(line.tax)
                each.tax = line.tax
                each.row = self.master.taxes.get(line.tax.code or "")
                each.base = self.own_base(line.tax)
                if each.row is not None and not line.tax.amount:
                    each.base_of = each.row
            elif on is not None and line.rule in INGOING | OUTGOING:
                each.tax, each.row, each.base, on.base_of = on.tax, on.row, on.base, on.row
                if on.row is not None:
                    each.part = on.row.ingoing if line.rule in INGOING else on.row.outgoing
            found.append(each)
        return found

    def check_tax(self, tax: LineTax) -> None:
        """Refuse a tax that Tryton has without any account."""
        row = self.master.taxes.get(tax.code or "")
        if row is not None and tax.amount and not row.parts:
            raise InvalidSetting(
                f"The tax {row.name} has no accounts in Tryton, so its amount cannot be booked: "
                "give it an account there, then export again."
            )

    def own_base(self, tax: LineTax) -> Decimal:
        (base,) = self.master.convert([tax.base], self.currency, self.entry.date)
        return base

    def move(self, lines: Sequence[_Taxed], journal: int, period: Period) -> dict[str, Any]:
        return {
            "company": self.master.company,
            "journal": journal,
            "period": period.number,
            "date": self.entry.date,
            "lines": [["create", [self.move_line(each) for each in lines]]],
        }

    def move_line(self, each: _Taxed) -> dict[str, Any]:
        account = self.master.account(each.line.account)
        values: dict[str, Any] = {
            "account": account.number,
            "debit": max(each.own, Decimal(0)),
            "credit": max(-each.own, Decimal(0)),
        }
        if self.currency.number != self.master.own.number:
            values["second_currency"] = self.currency.number
            values["amount_second_currency"] = each.line.amount
        if account.party_required:
            values["party"] = self.party(each.line).number
        if account.payable:
            values["maturity_date"] = self.entry.due_date or self.entry.date
        if tax_lines := list(tax_lines_of(each)):
            values["tax_lines"] = [["create", tax_lines]]
        if each.line.dimensions and not each.part:
            values["analytic_lines"] = [["create", list(self.analytic(each))]]
        return values

    def analytic(self, each: _Taxed) -> Iterator[dict[str, Any]]:
        for dimension in each.line.dimensions:
            _, account = self.master.analytic(dimension)
            yield {
                "account": account,
                "debit": max(each.own, Decimal(0)),
                "credit": max(-each.own, Decimal(0)),
                "date": self.entry.date,
            }

    def party(self, line: Line) -> PartyRow:
        """Return whom a line is owed to; raises UnknownVendor, MissingSetting."""
        vendor = self.entry.vendor
        found = self.master.parties.get(vendor) if vendor else self.setup.fallback
        if vendor and (found is None or not found.active):
            name = found.name if found else vendor
            raise UnknownVendor(
                f"Tryton has no active party {name}: create or activate it there, or choose "
                "another vendor in Pleo."
            )
        if found is None:
            account = self.master.account(line.account)
            raise MissingSetting(
                f"Account {account.code or account.name} takes a party in Tryton, and this "
                "expense names no vendor that Tryton knows: set [connection.options] "
                "fallback_party to the code of a party for such expenses."
            )
        return found

    def invoice(self, lines: Sequence[_Taxed], owed: Line, journal: int) -> dict[str, Any]:
        party = self.party(owed)
        if party.address is None:
            raise MissingSetting(
                f"The party {party.name} has no address in Tryton, which a bill needs: add one."
            )
        entry = self.entry
        costs = [each for each in lines if each.line is not owed and not each.part]
        return {
            "type": "in",
            "company": self.master.company,
            "party": party.number,
            "invoice_address": party.address,
            "account": self.master.account(owed.account).number,
            "journal": journal,
            "currency": self.currency.number,
            "reference": one_line(entry.invoice_number or ""),
            "invoice_date": entry.document_date or entry.date,
            "accounting_date": entry.date,
            "payment_term_date": entry.due_date or entry.document_date or entry.date,
            "lines": [["create", [self.invoice_line(each) for each in costs]]],
            "taxes": [["create", [self.invoice_tax(each) for each in lines if each.part]]],
        }

    def invoice_line(self, each: _Taxed) -> dict[str, Any]:
        values: dict[str, Any] = {
            "type": "line",
            "company": self.master.company,
            "currency": self.currency.number,
            "account": self.master.account(each.line.account).number,
            "description": one_line(self.entry.narration),
            "quantity": 1 if each.line.amount >= 0 else -1,
            "unit_price": abs(each.line.amount),
        }
        if each.line.dimensions:
            entries = [
                dict(zip(("root", "account"), self.master.analytic(dimension), strict=True))
                for dimension in each.line.dimensions
            ]
            values["analytic_accounts"] = [["create", entries]]
        if each.tax is not None and not each.tax.amount and each.row and each.row.rate == 0:
            values["taxes"] = [["add", list(each.row.parts)]]
        return values

    def invoice_tax(self, each: _Taxed) -> dict[str, Any]:
        tax = each.tax
        return {
            "description": each.row.name if each.row else "",
            "account": self.master.account(each.line.account).number,
            "tax": each.part,
            "base": tax.base if tax else Decimal(0),
            "amount": each.line.amount,
            "manual": True,
        }

    def marks(self) -> dict[str, Any]:
        """Return what tells the record again: fields of our module, or words in its description."""
        entry = self.entry
        words = one_line(entry.narration)
        if not self.setup.module:
            return {"description": f"{words} [{MARK} {entry.reference}]".strip()}
        kept = {
            "fingerprint": entry.fingerprint,
            "original_date": entry.original_date and entry.original_date.isoformat(),
            "link": entry.link,
            "payee": entry.payee,
            **entry.details,
        }
        return {
            "description": words,
            "external_id": str(entry.reference),
            "external_key": key_of(entry.reference.entry_id, entry.reference.part),
            "external_data": json.dumps(
                {plain(name): plain(value) for name, value in kept.items() if value},
                ensure_ascii=False,
            ),
        }


def tax_lines_of(each: _Taxed) -> Iterator[dict[str, Any]]:
    """Give what a line tells the tax report: its base, or its tax."""
    if each.base_of is not None:
        for part in each.base_of.parts:
            yield {"tax": part, "type": "base", "amount": each.base}
    if each.part is not None:
        yield {"tax": each.part, "type": "tax", "amount": each.own}
