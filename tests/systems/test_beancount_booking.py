"""Entries go into the ledger, once, and are found there wherever people put them."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from counterfoil.bookkeeping.entries import Line, LineTax, Part, Reference
from counterfoil.effects import Effect, observe
from counterfoil.systems.contract import (
    Booked,
    BooksNotReady,
    EntryState,
    Refused,
    SystemKind,
    Uniqueness,
)
from tests.systems.ledgers import COFFEE, HOTEL, TAXI, LedgerFolder, entry, look_up, only

pytestmark = pytest.mark.slow


def test_the_adapter_declares_what_it_can() -> None:
    (found,) = entry_points(group="counterfoil.systems", name="beancount")
    kind = found.load()
    assert isinstance(kind, SystemKind)
    capabilities = kind.open(kind.options(ledger="x.beancount"), Path("/")).capabilities
    assert capabilities.uniqueness is Uniqueness.EXCLUSIVE_FILE
    assert capabilities.void
    assert capabilities.reverse


async def test_an_entry_is_booked_and_read_back(ledger: LedgerFolder) -> None:
    async with ledger.books(fava_url="http://fava.test/acme/") as books:
        before = datetime.now(UTC).replace(microsecond=0)
        assert await books.record([entry()]) == [Booked(reference=Reference(COFFEE))]
        here = await only(books)
    assert ledger.errors() == ""
    assert ledger.ask("select flag, payee, narration, links, account, number") == [
        ["!", "Café Ø", "Coffee with Acme", COFFEE, "Expenses:Travel", " 10.00"],
        ["!", "Café Ø", "Coffee with Acme", COFFEE, "Assets:Wallet", "-10.00"],
    ]
    assert here.id == f"{COFFEE}/entry"
    assert here.url == f"http://fava.test/acme/journal/?filter=%5E{COFFEE}"
    assert here.state is EntryState.DRAFT
    assert before <= here.booked_at <= datetime.now(UTC)
    assert (here.date, here.currency, here.fingerprint) == (date(2026, 3, 5), "EUR", "f1")
    async with ledger.books(fava_url="http://fava.test/acme") as books:
        assert await only(books) == here


async def test_what_beancount_refuses_fails_alone_in_its_words(ledger: LedgerFolder) -> None:
    async with ledger.books() as books:
        results = await books.record(
            [
                entry(COFFEE),
                entry(TAXI, debit="Expenses:Unknown"),
                entry(HOTEL, currency="USD"),
                entry("four", final=True),
            ]
        )
    assert [type(result) for result in results] == [Booked, Refused, Refused, Booked]
    words = [str(result.failure) for result in results if isinstance(result, Refused)]
    assert "unknown account 'Expenses:Unknown'" in words[0]
    assert "Invalid currency USD for account 'Assets:Wallet'" in words[1]
    assert ledger.ask("select distinct flag, entry_meta('pleo_entry')") == [
        ["!", COFFEE],
        ["*", "four"],
    ]


async def test_entries_go_to_the_month_of_their_day(ledger: LedgerFolder) -> None:
    async with ledger.books() as books:
        await books.record([entry(COFFEE), entry(TAXI, day=date(2026, 4, 1))])
    assert ledger.files() == {
        "main.beancount",
        "counterfoil/.lock",
        "counterfoil/index.beancount",
        "counterfoil/2026-03.beancount",
        "counterfoil/2026-04.beancount",
    }
    assert ledger.errors() == ""


async def test_lines_carry_their_rule_tax_dimensions_and_foreign_amount(
    ledger: LedgerFolder,
) -> None:
    tax = LineTax(
        code="VAT20", rate=Decimal("0.2"), base=Decimal(10), amount=Decimal(2), type="inclusive"
    )
    line = Line(
        account="Expenses:Travel",
        amount=Decimal("10.00"),
        rule="base",
        tax=tax,
        dimensions=(("Cost Centre", "A1"), ("cost centre", "A2"), ("filename", "x")),
        supplier_amount=(Decimal("11.50"), "USD"),
    )
    made = entry()
    made = type(made)(
        reference=made.reference,
        date=made.date,
        currency="EUR",
        lines=(line, made.lines[1]),
    )
    async with ledger.books() as books:
        await books.record([made])
    assert ledger.errors() == ""
    keys = ["rule", "tax_code", "tax_rate", "cost_centre", "cost_centre-2", "item_filename"]
    columns = ", ".join(f"meta('{key}')" for key in [*keys, "supplier_amount"])
    assert ledger.ask(f"select {columns} where account = 'Expenses:Travel'") == [
        ["base", "VAT20", "0.2", "A1", "A2", "x", "11.50 USD"]
    ]


async def test_entries_that_people_moved_edited_or_removed(ledger: LedgerFolder) -> None:
    async with ledger.books() as books:
        await books.record([entry(COFFEE), entry(TAXI), entry(HOTEL)])
        header, coffee, taxi, _ = ledger.month.read_text().split("\n\n")
        moved = taxi.replace("10.00", "11.00").replace(" ! ", " * ")
        ledger.month.write_text(f"{header}\n\n{coffee}\n  ; mine\n")
        ledger.main.write_text(f"{ledger.main.read_text()}\n{moved}\n")
        found = await only(books, TAXI)
        assert found.state is EntryState.POSTED
        assert found.lines == (
            ("Expenses:Travel", Decimal("11.00")),
            ("Assets:Wallet", Decimal("-11.00")),
        )
        assert await look_up(books, HOTEL) == []
        assert await books.record([entry(TAXI), entry(HOTEL, attempt=2)]) == [
            Booked(reference=Reference(TAXI)),
            Booked(reference=Reference(HOTEL, Part.ENTRY, 2)),
        ]
    assert "; mine" in ledger.month.read_text()
    assert ledger.ask("select distinct entry_meta('pleo_entry')") == [[COFFEE], [TAXI], [HOTEL]]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b'\ninclude "counterfoil/*.beancount"\n'),
        (b"; no line end", b'; no line end\n\ninclude "counterfoil/*.beancount"\n'),
        (b"; windows\r\n", b'; windows\r\n\r\ninclude "counterfoil/*.beancount"\r\n'),
        (b'include   "./counterfoil/*.beancount"', b'include   "./counterfoil/*.beancount"'),
        (b'include "counterfoil/**/*.beancount"', b'include "counterfoil/**/*.beancount"'),
    ],
    ids=["empty", "no-line-end", "windows", "other-spelling", "recursive"],
)
async def test_the_include_is_put_in_once_and_nothing_else_changes(
    ledger: LedgerFolder, before: bytes, after: bytes
) -> None:
    opens = ledger.main.read_bytes()
    ledger.main.write_bytes(opens + before)
    # A file that an explicit include asks for must be there.
    ledger.write("counterfoil/index.beancount", "")
    ledger.main.chmod(0o640)
    async with ledger.books() as books:
        await books.record([entry(COFFEE)])
        await books.record([entry(TAXI)])
    assert ledger.main.read_bytes() == opens + after
    assert ledger.main.stat().st_mode & 0o777 == 0o640
    assert ledger.errors() == ""


async def test_renamed_root_accounts_work_in_month_files(ledger: LedgerFolder) -> None:
    ledger.main.write_text(
        'option "name_expenses" "Ausgaben"\noption "name_assets" "Vermögen"\n'
        "2020-01-01 open Vermögen:Bank\n2020-01-01 open Ausgaben:Reise\n"
    )
    async with ledger.books() as books:
        (result,) = await books.record([entry(debit="Ausgaben:Reise", credit="Vermögen:Bank")])
        assert isinstance(result, Booked)
    assert ledger.errors() == ""


async def test_a_second_writer_waits_and_is_refused(ledger: LedgerFolder) -> None:
    async with ledger.books():
        second = ledger.books()
        second._session.patience = 0.1
        with pytest.raises(BooksNotReady, match="another Counterfoil is writing to") as caught:
            async with second:
                pass
    assert caught.value.problem.passing
    async with ledger.books() as books:
        assert await books.ready() == []


async def test_the_lock_goes_with_the_session_and_not_to_children(ledger: LedgerFolder) -> None:
    async with ledger.books() as books:
        descriptor = books._session._lock._descriptor
        assert descriptor is not None
        assert not os.get_inheritable(descriptor)


async def test_a_change_by_hand_during_the_job_is_kept(ledger: LedgerFolder) -> None:
    async with ledger.books() as books:
        await books.record([entry(COFFEE)])
        with ledger.month.open("a") as file:
            file.write('\n2026-03-06 note Assets:Wallet "mine"\n')
        await books.record([entry(TAXI)])
        assert (await only(books, COFFEE)).state is EntryState.DRAFT
    assert '"mine"' in ledger.month.read_text()
    assert ledger.ask("select distinct entry_meta('pleo_entry')") == [[COFFEE], [TAXI]]
    assert ledger.errors() == ""


async def test_one_load_answers_until_something_changes(ledger: LedgerFolder) -> None:
    seen: list[str] = []

    class Log:
        def before(self, effect: Effect) -> None:
            seen.append(effect.name)

        def after(self, effect: Effect) -> None:
            pass

    with observe(Log()):
        async with ledger.books() as books:
            await books.ready()
            await books.chart()
            await books.record([entry(COFFEE)])
            await asyncio.gather(look_up(books), look_up(books, TAXI))
            await books.record([entry(TAXI)])
            await look_up(books, TAXI)
    assert seen.count("beancount.query") == 1
    assert seen.count("beancount.check") == 3
