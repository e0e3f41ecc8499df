"""Reads the master data of a company, and shows the rules what of it they know."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from counterfoil.bookkeeping.chart import Chart, ChartAccount, ChartTax, ChartVendor, ClosedSpan
from counterfoil.systems.tryton.access import Access
from counterfoil.systems.tryton.exchange import Refusal, not_ready
from counterfoil.systems.tryton.master import (
    AccountRow,
    Currency,
    Master,
    PartyRow,
    Period,
    TaxRow,
    account_id,
)
from counterfoil.systems.tryton.readiness import Offer
from counterfoil.systems.tryton.wire import Row

__all__ = ["chart_of", "read_master"]

ACCOUNT_FIELDS = (
    *("code", "name", "closed", "party_required", "reconcile", "second_currency"),
    *("start_date", "end_date", "type.payable"),
)
TAX_FIELDS = ("name", "description", "rate", "type", "parent", "invoice_account")


async def read_master(access: Access, offer: Offer) -> Master:
    """Read everything of the company that was entered; raises BooksNotReady."""
    everything = {**access.context, "active_test": False}
    reading = _Reading(access, offer.company)
    try:
        currencies = await reading.currencies()
        own = next(each for each in currencies.values() if each.number == offer.currency)
        journals = await reading.journals()
        periods = await reading.periods()
        plain, access.context = access.context, everything
        try:
            accounts, parties = await reading.accounts(), await reading.parties()
        finally:
            access.context = plain
        return Master(
            company=offer.company,
            company_name=offer.company_name,
            own=own,
            currencies=currencies,
            rates=await reading.rates(),
            accounts=accounts,
            taxes=await reading.taxes(),
            parties=parties,
            periods=periods,
            journals=journals,
            closed_journals=await reading.closed_journals(),
            dimensions=await reading.dimensions() if offer.analytic else {},
        )
    except Refusal as error:
        raise not_ready(f"Tryton does not let its master data be read: {error}") from error


class _Reading:
    """Reads one company's records of each kind."""

    def __init__(self, access: Access, company: int) -> None:
        self._access = access
        self._company = company

    async def currencies(self) -> dict[str, Currency]:
        rows = await self._access.search_read("currency.currency", [], ("code", "digits"))
        return {
            row["code"]: Currency(row["id"], row["code"], row["digits"])
            for row in rows
            if row["code"]
        }

    async def rates(self) -> dict[int, list[tuple[date, Decimal]]]:
        fields = ("currency", "date", "rate")
        found: defaultdict[int, list[tuple[date, Decimal]]] = defaultdict(list)
        for row in await self._access.search_read("currency.currency.rate", [], fields):
            found[row["currency"]].append((row["date"], row["rate"]))
        return {currency: sorted(rates) for currency, rates in found.items()}

    async def accounts(self) -> dict[str, AccountRow]:
        domain = [["company", "=", self._company], ["type", "!=", None]]
        rows = await self._access.search_read("account.account", domain, ACCOUNT_FIELDS)
        return {account_id(row["id"]): _account(row) for row in rows}

    async def taxes(self) -> dict[str, TaxRow]:
        rows = await self._access.search_read("account.tax", self._own, TAX_FIELDS)
        return _taxes(rows)

    async def parties(self) -> dict[str, PartyRow]:
        numbers: defaultdict[int, list[str]] = defaultdict(list)
        for row in await self._access.search_read("party.identifier", [], ("party", "code")):
            numbers[row["party"]].append(row["code"])
        places: dict[int, int] = {}
        for row in await self._access.search_read("party.address", [], ("party",)):
            places.setdefault(row["party"], row["id"])
        fields = ("name", "code", "active", "account_payable")
        return {
            str(row["id"]): PartyRow(
                number=row["id"],
                name=row["name"] or "",
                code=row["code"],
                active=row["active"],
                payable=row["account_payable"],
                address=places.get(row["id"]),
                numbers=tuple(numbers[row["id"]]),
            )
            for row in await self._access.search_read("party.party", [], fields)
        }

    async def periods(self) -> list[Period]:
        domain = [*self._own, ["type", "=", "standard"]]
        fields = ("name", "start_date", "end_date", "state")
        rows = await self._access.search_read("account.period", domain, fields)
        return [
            Period(
                number=row["id"],
                name=row["name"],
                first=row["start_date"],
                last=row["end_date"],
                state=row["state"],
            )
            for row in rows
        ]

    async def journals(self) -> dict[str, int]:
        rows = await self._access.search_read("account.journal", [], ("code", "name"))
        return {row["code"] or row["name"]: row["id"] for row in rows}

    async def closed_journals(self) -> frozenset[tuple[int, int]]:
        domain = [["state", "!=", "open"], ["period.company", "=", self._company]]
        fields = ("journal", "period")
        rows = await self._access.search_read("account.journal.period", domain, fields)
        return frozenset((row["journal"], row["period"]) for row in rows)

    async def dimensions(self) -> dict[tuple[str, str], tuple[int, int]]:
        fields = ("code", "name", "type", "root", "state")
        rows = await self._access.search_read("analytic_account.account", self._own, fields)
        roots = {row["id"]: row["code"] or row["name"] for row in rows if row["type"] == "root"}
        return {
            (roots[row["root"]], row["code"] or row["name"]): (row["root"], row["id"])
            for row in rows
            if row["type"] == "normal" and row["state"] != "closed" and row["root"] in roots
        }

    @property
    def _own(self) -> list[list[object]]:
        return [["company", "=", self._company]]


def _account(row: Row) -> AccountRow:
    return AccountRow(
        number=row["id"],
        code=row["code"],
        name=row["name"] or "",
        payable=bool((row.get("type.") or {}).get("payable")),
        party_required=bool(row["party_required"]),
        reconcile=bool(row["reconcile"]),
        currency=row["second_currency"],
        opened=row["start_date"],
        last_day=row["end_date"],
        closed=bool(row["closed"]),
    )


def _taxes(rows: Sequence[Row]) -> dict[str, TaxRow]:
    """Make a tax of each that has no parent, under its name and, if free, description."""
    children: defaultdict[int, list[Row]] = defaultdict(list)
    for row in rows:
        if row["parent"] is not None:
            children[row["parent"]].append(row)
    found: dict[str, TaxRow] = {}
    tops = [row for row in rows if row["parent"] is None]
    for key in ("name", "description"):
        for row in tops:
            if row[key]:
                found.setdefault(row[key], _tax(row, children[row["id"]] or [row]))
    return found


def _tax(row: Row, parts: Sequence[Row]) -> TaxRow:
    """Tell a tax's parts apart: one that is deducted, and for a reverse charge one that is owed."""
    counted = [part for part in parts if part["invoice_account"] is not None]
    owed = next((part for part in counted if (part["rate"] or 0) < 0), None)
    deducted = next((part for part in counted if part is not owed), None)
    return TaxRow(
        name=row["name"],
        parts=tuple(part["id"] for part in counted),
        ingoing=deducted["id"] if deducted else None,
        outgoing=owed["id"] if owed else None,
        ingoing_account=deducted["invoice_account"] if deducted else None,
        outgoing_account=owed["invoice_account"] if owed else None,
        rate=row["rate"],
    )


def chart_of(master: Master, journals: Iterable[int]) -> Chart:
    """Return what the rules know of the books; ``journals`` are those that we write to."""
    codes = {each.number: each.code for each in master.currencies.values()}
    return Chart(
        accounts={
            id: _chart_account(id, account, codes) for id, account in master.accounts.items()
        },
        taxes={code: _chart_tax(code, tax) for code, tax in master.taxes.items()},
        vendors=tuple(_vendor(id, party) for id, party in master.parties.items()),
        dimensions=_axes(master.dimensions),
        closed=tuple(_closed(master, set(journals))),
    )


def _chart_account(id: str, account: AccountRow, currencies: Mapping[int, str]) -> ChartAccount:
    last = account.last_day
    return ChartAccount(
        id=id,
        code=account.code,
        name=account.name,
        opened=account.opened,
        closed=None if last is None or last == date.max else last + timedelta(days=1),
        currencies=frozenset({currencies[account.currency]} if account.currency else ()),
        active=not account.closed,
    )


def _chart_tax(code: str, tax: TaxRow) -> ChartTax:
    ingoing, outgoing = tax.ingoing_account, tax.outgoing_account
    return ChartTax(
        code=code,
        ingoing_account=None if ingoing is None else account_id(ingoing),
        outgoing_account=None if outgoing is None else account_id(outgoing),
    )


def _vendor(id: str, party: PartyRow) -> ChartVendor:
    first, second = (*party.numbers, None, None)[:2]
    return ChartVendor(
        id=id,
        name=party.name,
        account=None if party.payable is None else account_id(party.payable),
        code=party.code,
        registration_number=second,
        tax_number=first,
        blocked=not party.active,
    )


def _axes(dimensions: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    axes: defaultdict[str, set[str]] = defaultdict(set)
    for axis, value in dimensions:
        axes[axis].add(value)
    return {axis: frozenset(values) for axis, values in axes.items()}


def _closed(master: Master, journals: set[int]) -> Iterator[ClosedSpan]:
    """Give the days of each period that is closed, or closed for a journal that we write to."""
    shut = {period for journal, period in master.closed_journals if journal in journals}
    for period in master.periods:
        if period.state != "open" or period.number in shut:
            yield ClosedSpan(first=period.first, last=period.last)
