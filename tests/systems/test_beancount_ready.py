"""What keeps a ledger from being written is said before anything is: which file, which remedy."""

from __future__ import annotations

import pytest

from counterfoil.errors import JobFailureType
from counterfoil.systems.contract import Booked, BooksNotReady, Problem
from tests.systems.ledgers import COFFEE, TAXI, LedgerFolder, entry, look_up, only

pytestmark = pytest.mark.slow


async def problem(ledger: LedgerFolder) -> Problem:
    """Return the one problem a ledger has."""
    async with ledger.books() as books:
        (found,) = await books.ready()
        with pytest.raises(BooksNotReady):
            await books.find([])
    return found


async def test_a_missing_ledger_is_named_and_nothing_is_made(ledger: LedgerFolder) -> None:
    ledger.main.unlink()
    found = await problem(ledger)
    assert f"There is no ledger at {ledger.main}" in found.message
    assert "ledger" in found.message
    assert found.failure_type is JobFailureType.INVALID_CONFIGURATION
    assert not found.passing
    assert list(ledger.root.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2020-01-01 open Assets:Cash EUR\n2020-01-01 opne Assets:X\n", "main.beancount:9"),
        ('include "elsewhere.beancount"\n', "elsewhere.beancount"),
        ('2020-01-01 * "K\udce4se"\n', "UnicodeDecodeError"),
    ],
    ids=["syntax", "include", "encoding"],
)
async def test_a_ledger_that_does_not_parse_is_a_problem(
    ledger: LedgerFolder, text: str, words: str
) -> None:
    with ledger.main.open("a", errors="surrogateescape") as file:
        file.write(text)
    found = await problem(ledger)
    assert words in found.message
    assert "export again" in found.message


async def test_errors_it_had_before_are_no_problem(ledger: LedgerFolder) -> None:
    with ledger.main.open("a") as file:
        file.write("2026-01-01 balance Assets:Wallet 99 EUR\n")
    async with ledger.books() as books:
        assert await books.ready() == []
        assert isinstance((await books.record([entry()]))[0], Booked)
        assert await books.check() == []


async def test_an_entry_hidden_by_a_syntax_error_is_not_booked_again(ledger: LedgerFolder) -> None:
    async with ledger.books() as books:
        await books.record([entry(COFFEE), entry(TAXI)])
    ledger.edit(ledger.month, f'"Coffee with Acme" ^{TAXI}', f'"Coffee with Acme ^{TAXI}')
    async with ledger.books() as books:
        words = [found.message for found in await books.ready()]
        assert any(f"2026-03.beancount:15 holds {TAXI}" in text for text in words)
        with pytest.raises(BooksNotReady):
            await look_up(books, TAXI)
        with pytest.raises(BooksNotReady):
            await books.record([entry(TAXI)])


async def test_an_include_that_was_taken_out_is_missed(ledger: LedgerFolder) -> None:
    async with ledger.books() as books:
        await books.record([entry()])
    ledger.edit(ledger.main, 'include "counterfoil/*.beancount"', "; gone")
    found = await problem(ledger)
    assert f"2026-03.beancount:4 holds {COFFEE}" in found.message
    assert 'Put the line include "counterfoil/*.beancount" back' in found.message


async def test_ids_in_comments_and_strings_hide_nothing(ledger: LedgerFolder) -> None:
    with ledger.main.open("a") as file:
        file.write(
            f';   pleo_entry: "{COFFEE}"\n'
            '2026-01-01 note Assets:Wallet "Look:\n  pleo_entry: \\"x\\"\n"\n'
            f'* 2026-01-01 ! "heading"\n2026-01-01 event "pleo_entry" "{TAXI}"\n'
        )
    async with ledger.books() as books:
        assert await books.ready() == []
        assert await look_up(books) == []


async def test_a_ledger_in_pieces_is_read_whole(ledger: LedgerFolder) -> None:
    ledger.write("years/2025/january.beancount", "2020-01-01 open Equity:Opening\n")
    ledger.write("years/all.beancount", 'include "*/*.beancount"\n')
    with ledger.main.open("a") as file:
        file.write('include "years/all.beancount"\n')
    async with ledger.books() as books:
        assert "Equity:Opening" in (await books.chart()).accounts
        await books.record([entry()])
        made = ledger.month.read_text()
        ledger.write("years/2025/february.beancount", made.partition("\n\n")[2])
        ledger.month.unlink()
        assert (await only(books)).id == f"{COFFEE}/entry"


async def test_a_folder_that_beancount_cannot_include_from(ledger: LedgerFolder) -> None:
    odd = LedgerFolder(ledger.root / "acme [2026]")
    odd.root.mkdir()
    ledger.main.rename(odd.main)
    async with odd.books() as books:
        (found,) = await books.ready()
    assert "rename the folder" in found.message


async def test_a_path_with_odd_characters_works(ledger: LedgerFolder) -> None:
    odd = LedgerFolder(ledger.root / "a #1 & 'b' ~%20 ü")
    odd.root.mkdir()
    ledger.main.rename(odd.main)
    async with odd.books() as books:
        assert await books.ready() == []
        await books.record([entry()])
    assert odd.errors() == ""


async def test_a_new_error_in_an_entry_of_ours_is_said_when_the_job_is_done(
    ledger: LedgerFolder,
) -> None:
    async with ledger.books() as books:
        await books.record([entry(COFFEE), entry(TAXI)])
        assert await books.check() == []
        ledger.edit(ledger.month, f'Acme" ^{TAXI}', f'Acme" ^{TAXI} ^other')
        text = ledger.month.read_text()
        ledger.month.write_text(text[::-1].replace("00.01-", "00.02-", 1)[::-1])
        (sentence,) = await books.check()
    assert sentence.startswith(f"Beancount faults {TAXI}/entry at {ledger.month}:14: ")
    assert "does not balance" in sentence


@pytest.mark.parametrize("pattern", ["*.beancount", "*", "20*.beancount"])
async def test_an_include_that_people_wrote_before_the_first_run_is_fine(
    ledger: LedgerFolder, pattern: str
) -> None:
    with ledger.main.open("a") as file:
        file.write(f'include "counterfoil/{pattern}"\n')
    async with ledger.books() as books:
        assert await books.ready() == []
        assert isinstance((await books.record([entry()]))[0], Booked)
    assert ledger.errors() == ""
    assert ledger.main.read_text().count("include") == 1


async def test_a_single_month_included_by_hand_is_a_problem(ledger: LedgerFolder) -> None:
    async with ledger.books() as books:
        await books.record([entry()])
    text = ledger.main.read_text().replace("*.beancount", ledger.month.name)
    ledger.main.write_text(text)
    found = await problem(ledger)
    assert 'include "counterfoil/*.beancount" in its place' in found.message


async def test_to_look_at_a_ledger_writes_nothing(ledger: LedgerFolder) -> None:
    async with ledger.books().reading() as books:
        assert await books.ready() == []
        assert "Expenses:Travel" in (await books.chart()).accounts
    assert list(ledger.root.iterdir()) == [ledger.main]


async def test_a_remark_is_left_with_its_entry(ledger: LedgerFolder) -> None:
    async with ledger.books() as books:
        await books.record([entry()])
        id = (await look_up(books, COFFEE))[0].id
        await books.note(id, "kept as it is")
        await books.note(id, 'another "remark"')
    assert ledger.errors() == ""
    assert 'pleo_note: "kept as it is"' in ledger.month.read_text()
    assert r'pleo_note-2: "another \"remark\""' in ledger.month.read_text()
