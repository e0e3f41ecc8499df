"""Writes ``docs/bookings.md``, the reference of how things are booked, from the book of cases.

Run it with ``python -m tests.book.render`` after changing a case; a test holds the page current.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from counterfoil.bookkeeping.chart import ChartTax, ChartVendor
from counterfoil.bookkeeping.entries import Entry, Line
from counterfoil.bookkeeping.parse import parse_item
from counterfoil.bookkeeping.plan import plan
from counterfoil.bookkeeping.roles import Row
from counterfoil.bookkeeping.rules import RULES
from counterfoil.bookkeeping.table import BASE
from counterfoil.errors import ItemFailure
from tests.book.books import CHART, SETTINGS
from tests.book.items import Json
from tests.book.reading import CASES, Case, read_case

__all__ = ["PAGE", "rendered", "unplaced"]

PAGE = Path(__file__).parents[2] / "docs" / "bookings.md"

GROUPS = {
    "types": "Types and sub types",
    "payable": "Accounts payable",
    "tax": "Tax",
    "signs": "Signs",
    "amounts": "Amounts and currencies",
    "accounts": "Accounts",
    "days": "Days and periods",
    "vendors": "Vendors",
    "dimensions": "Dimensions",
    "texts": "Texts and details",
    "shape": "What Pleo sends",
    "own-rules": "A connection's own rows",
}

OPENING = """\
# How things are booked

What each expense of Pleo's becomes in the books, and what it takes to be booked at all. Every case
below is a small file under `tests/book/cases/`, which an accountant can read and write, and a test
of the product; this page is written from them by `python -m tests.book.render`.

An entry balances to the minor unit and equals what Pleo says; each line names the rule that made
it. What cannot be booked rightly is not booked: the item fails, alone, with the sentence shown.

## The booking table

Which side each type debits and credits. *lines* are the accounts of the item's lines, with their
taxes; the other side takes the sum. A connection may replace any row with `[[connection.booking]]`,
and may name an account itself as `account:CODE`. *Null* is an item without bookkeeping method or
sub type.
"""

CASES_OPENING = """\
## The cases

Each starts from the same books and settings, and says what it changes. Dates are 2026-03-05 where
nothing is said, and the item is a card purchase of 60.00 GBP on 6100 under the method journal.
"""


def rendered() -> str:
    """Return the whole page."""
    parts = [OPENING, _table(), _rules(), CASES_OPENING, _books(), *map(_group, GROUPS)]
    return "\n".join(part.rstrip() + "\n" for part in parts)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rule = ["---"] * len(head)
    return "\n".join(_row(cells) for cells in (head, rule, *rows))


def _names(names: Iterable[str | None]) -> str:
    return ", ".join(name or "null" for name in names)


def _table() -> str:
    rows = dict.fromkeys(BASE.rows.values())
    head = ["type", "sub type", "method", "record", "debit", "credit", "why", "evidence"]
    return _grid(head, (cells for row in rows for cells in _table_rows(row)))


def _table_rows(row: Row) -> Iterator[Sequence[str]]:
    for number, part in enumerate(row.parts):
        key = [_names(row.types), _names(row.sub_types), _names(row.methods)]
        why = [row.why, row.evidence]
        first = number == 0
        yield [
            *(key if first else ["", "", ""]),
            part.part,
            part.debit,
            part.credit,
            *(why if first else ["", ""]),
        ]


def _rules() -> str:
    rows = ([f"`{name}`", text] for name, text in RULES.items())
    return "## The rules that make lines\n\n" + _grid(["rule", "what it takes"], rows)


def _books() -> str:
    accounts = SETTINGS.accounts
    settings = {
        str(accounts.wallet): "`wallet`",
        str(accounts.out_of_pocket): "`out_of_pocket`",
        str(accounts.contra): "`contra`",
        str(accounts.payable): "`payable`",
    }
    rows = (
        [account.code or "", account.id, settings.get(account.code or "", "")]
        for account in CHART.accounts.values()
    )
    tables = [
        _grid(["code", "account", "`[connection.accounts]`"], rows),
        _grid(["tax code", "ingoing", "outgoing", "recoverable"], map(_tax, CHART.taxes.values())),
        _grid(["vendor", "name", "payable account", "known by"], map(_vendor, CHART.vendors)),
    ]
    return "\n\n".join(tables)


def _tax(tax: ChartTax) -> Sequence[str]:
    recoverable = "yes" if tax.recoverable else "no"
    return [tax.code, tax.ingoing_account or "", tax.outgoing_account or "", recoverable]


def _vendor(vendor: ChartVendor) -> Sequence[str]:
    numbers = [vendor.external_id, vendor.registration_number, vendor.tax_number]
    known = ", ".join(filter(None, [*numbers, "blocked" if vendor.blocked else ""]))
    return [vendor.code or "", vendor.name, vendor.account or "", known]


def _group(group: str) -> str:
    cases = [list(read_case(path)) for path in sorted((CASES / group).glob("*.toml"))]
    return "\n".join([f"### {GROUPS[group]}\n", *(_case(variants) for variants in cases)])


def _case(variants: Sequence[Case]) -> str:
    """Write one case, under all its methods at once."""
    case = variants[0]
    parts = [f"**{case.title}.** {case.why}".rstrip(), _given(case)]
    return "\n\n".join([*parts, _outcome(case)]) + "\n"


def _given(case: Case) -> str:
    facts = [
        f"under {', '.join(case.raw.get('methods', ['journal']))}",
        *(f"{key}: {_value(value)}" for key, value in _said(case.raw.get("item", {}))),
        *(f"setting {key}: {_value(value)}" for key, value in case.raw.get("settings", {}).items()),
        *(f"books, {key}: {_value(value)}" for key, value in case.raw.get("chart", {}).items()),
        *(f"{key}: {_value(case.raw[key])}" for key in ("pays", "today") if key in case.raw),
    ]
    return "; ".join(facts) + "."


def _said(item: Json) -> Iterator[tuple[str, object]]:
    for key, value in item.items():
        if key == "lines":
            for number, line in enumerate(value, start=1):
                yield f"line {number}", line
        else:
            yield key, value


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_value(each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return " and ".join(map(_value, value)) or "none"
    return f"`{repr(str(value))[1:-1]}`"


def _outcome(case: Case) -> str:
    try:
        item = parse_item(case.item)
        entries = plan(item, case.chart, case.settings, today=case.today, pays=case.pays)
    except ItemFailure as failure:
        return f"> Fails, `{failure.failure_type}`: {failure.reason}"
    return "\n\n".join(_entry(entry, case) for entry in entries)


def _entry(entry: Entry, case: Case) -> str:
    head = [str(entry.reference.part), "debit", "credit", "rule", ""]
    caption = f"{entry.date}, {entry.currency}"
    moved = f", moved from {entry.original_date}" if entry.original_date else ""
    rows = [_line(line, case) for line in entry.lines]
    return f"{caption}{moved}:\n\n" + _grid(head, rows)


def _line(line: Line, case: Case) -> list[str]:
    account = case.chart.accounts[line.account]
    more = [f"{group} {value}" for group, value in line.dimensions]
    if line.supplier_amount is not None:
        more.append(" ".join(map(str, line.supplier_amount)))
    return [
        f"{account.code} {account.id}" if account.code else account.id,
        str(line.amount) if line.amount > 0 else "",
        str(-line.amount) if line.amount < 0 else "",
        line.rule,
        ", ".join(more),
    ]


def unplaced() -> set[str]:
    """Return folders of cases that the page leaves out."""
    folders = (path.parent.name for path in CASES.glob("*/*.toml"))
    return {folder for folder, _ in groupby(sorted(folders))} - GROUPS.keys()


if __name__ == "__main__":
    PAGE.write_text(rendered(), "utf-8")
