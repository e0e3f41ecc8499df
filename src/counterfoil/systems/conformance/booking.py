"""Stories of writing: parts, amounts, currencies, tax, dimensions, texts."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from decimal import Decimal

import pytest

from counterfoil.bookkeeping.entries import Entry, Part
from counterfoil.bookkeeping.money import minor_unit
from counterfoil.errors import ItemFailure
from counterfoil.systems.conformance.asking import (
    all_of,
    book_all,
    cites,
    job,
    needs,
    only,
    record,
    shown_once,
)
from counterfoil.systems.conformance.book import FreshBook
from counterfoil.systems.conformance.making import document, entry, taxed
from counterfoil.systems.contract import AccountingSystem, Booked, Capabilities, Refused

__all__ = ["Amounts", "Kinds", "Texts"]


class Kinds:
    """Each kind of record, with all that an entry may carry."""

    @cites(AccountingSystem.record, Part)
    async def test_each_part_is_booked(self, book: FreshBook) -> None:
        """A journal entry, a bill, a credit note and a payment, with or without real bills."""
        made = [entry(book, part=part) for part in Part]
        async with job(book) as books:
            await book_all(books, *made)
            for one in made:
                await only(books, one)
        await shown_once(book, *made)

    @cites(AccountingSystem.record, Part)
    async def test_the_parts_of_one_item_stand_side_by_side(self, book: FreshBook) -> None:
        """A bill and the payment of it may come from one item, under one id."""
        bill = entry(book, part=Part.BILL)
        payment = entry(book, id=bill.reference.entry_id, part=Part.PAYMENT)
        async with job(book) as books:
            await book_all(books, bill, payment)
        await shown_once(book, bill, payment)

    @cites(AccountingSystem.record)
    async def test_two_bills_of_one_number_are_two(self, book: FreshBook) -> None:
        """Two equal expenses are two: content is never a key."""
        bills = [entry(book, part=Part.BILL, invoice_number="2026-0815") for _ in range(2)]
        async with job(book) as books:
            await book_all(books, *bills)
        await shown_once(book, *bills)

    @cites(AccountingSystem.record)
    async def test_two_equal_entries_are_two(self, book: FreshBook) -> None:
        """Two coffees of one day and one price differ in their reference only."""
        coffees = [entry(book, "3.50"), entry(book, "3.50")]
        async with job(book) as books:
            await book_all(books, *coffees)
        await shown_once(book, *coffees)

    @cites(AccountingSystem.record, Entry)
    async def test_money_that_comes_back_is_booked(self, book: FreshBook) -> None:
        """A refund credits the cost account."""
        made = entry(book, "-12.30")
        async with job(book) as books:
            await book_all(books, made)
        await shown_once(book, made)

    @cites(AccountingSystem.record, Entry)
    async def test_split_lines_are_booked(self, book: FreshBook) -> None:
        """Many lines, on both sides, several of them on one account."""
        debits = [(book.debit, Decimal(number)) for number in range(1, 41)]
        made = entry(
            book, lines=[*debits, (book.debit, Decimal(-20)), (book.credit, Decimal(-800))]
        )
        async with job(book) as books:
            await book_all(books, made)
        await shown_once(book, made)

    @cites(AccountingSystem.record, Capabilities)
    async def test_tax_is_booked_as_pleo_says(self, book: FreshBook) -> None:
        """Base and tax stay what was sent; a system that computes tax may move a minor unit."""
        if book.tax is None:
            pytest.skip(f"{type(book).__name__} names no tax code")
        code, rate = book.tax
        async with job(book) as books:
            account = (await books.chart()).taxes[code].ingoing_account
            assert account, f"the chart names no ingoing account for tax code {code}"
            made = taxed(book, account, code, rate)
            await book_all(books, made)
        await shown_once(book, made)

    @cites(AccountingSystem.record, Capabilities)
    async def test_a_dimension_is_taken(self, book: FreshBook) -> None:
        """A line may carry a known value of a known group."""
        if book.dimension is None:
            pytest.skip(f"{type(book).__name__} names no dimension")
        made = entry(book, dimensions=(book.dimension,))
        async with job(book) as books:
            needs(books.capabilities.dimensions, "dimensions")
            await book_all(books, made)
        await shown_once(book, made)

    @cites(AccountingSystem.record)
    async def test_documents_ride_with_an_entry_of_any_system(self, book: FreshBook) -> None:
        """A system that takes none books the entry without; another may file them at once."""
        receipt = document(book)
        made = entry(book, documents=(receipt,))
        async with job(book) as books:
            await book_all(books, made)
            found = await only(books, made)
            if books.capabilities.attachments is None:
                assert found.receipts == frozenset()
            assert found.receipts <= {receipt.sha256}


class Amounts:
    """Money to the last digit: never rounded, never a float."""

    @pytest.mark.parametrize("currency", ["its-own", "JPY", "KWD"])
    @cites(AccountingSystem.record, Entry)
    async def test_minor_units_are_kept(self, book: FreshBook, currency: str) -> None:
        """Currencies with two, no and three digits; from one minor unit to many."""
        currency = book.currencies[0] if currency == "its-own" else currency
        if currency not in book.currencies:
            pytest.skip(f"{type(book).__name__} takes no {currency}")
        amounts = [units * minor_unit(currency) for units in (1, 10, 99, 12345, 999_999_999_999)]
        made = [entry(book, amount, currency=currency) for amount in amounts]
        async with job(book) as books:
            await book_all(books, *made)
        await shown_once(book, *made)

    @cites(AccountingSystem.record)
    async def test_several_currencies_stand_side_by_side(self, book: FreshBook) -> None:
        """An entry is in one currency, and the next one may be in another."""
        if len(book.currencies) == 1:
            pytest.skip(f"{type(book).__name__} takes one currency")
        made = [entry(book, currency=currency) for currency in book.currencies]
        async with job(book) as books:
            await book_all(books, *made)
        await shown_once(book, *made)

    @cites(AccountingSystem.record)
    async def test_the_largest_expense_is_booked(self, book: FreshBook) -> None:
        """Pleo's items are booked up to ten million million units."""
        made = entry(book, 10**13 - minor_unit(book.currencies[0]))
        async with job(book) as books:
            await book_all(books, made)
        await shown_once(book, made)

    @pytest.mark.parametrize("amount", ["1234567890123456.78", "98765432109876543210987654.32"])
    @cites(AccountingSystem.record, Refused)
    async def test_a_huge_amount_is_exact_or_refused(self, book: FreshBook, amount: str) -> None:
        """Eighteen digits and more: what the system cannot hold it refuses, it rounds nothing."""
        huge, usual = entry(book, amount), entry(book)
        async with job(book) as books:
            first, second = await record(books, [huge, usual])
            assert isinstance(first, Booked | Refused)
            assert second == Booked(reference=usual.reference)
            if isinstance(first, Refused):
                assert await all_of(books, huge) == []
        await shown_once(book, usual, *([huge] if isinstance(first, Booked) else []))

    @cites(AccountingSystem.record)
    async def test_a_number_counts_and_not_its_spelling(self, book: FreshBook) -> None:
        """Decimals with an exponent or without the last zeros are the same amount."""
        spellings = ["7", "7.0", "7.00", "0.7E+1", "700E-2", "70E-1"]
        made = [entry(book, Decimal(text)) for text in spellings]
        async with job(book) as books:
            await book_all(books, *made)
        await shown_once(book, *made)


HOSTILE = {
    "quotes": "\"double\" 'single' `back` „low“ «angle»",
    "sql": "Robert'); DROP TABLE entries;--",
    "markup": "<script>alert(1)</script> &amp; ]]> <!--",
    "backslashes": 'C:\\temp\\new \\n \\" \\',
    "lines": "first\nsecond\r\nthird\rfourth",
    "tabs": "a\tb\vc",
    "control": "\x00\x01\x07\x08\x1b[31mred\x1b[0m\x7f\x85",
    "right-to-left": "\u202egnihton\u202c שלום مرحبا",
    "emoji": "☕ 👩‍👩‍👧‍👦 🇩🇰 👍🏽",
    "composed": "e\u0301 \u00e9 \ufb01 Ǆ ẞ İ",
    "beyond": "\U0001d518\U0001d52b\U0001d526 \U0010fffd \ufeff \u2028 \u2029 \u200b",
    "surrogate": "half \ud83d of a pair",
    "formula": "=HYPERLINK(1) +1 -1 @x",
    "percent": "%s %d {0} {} $HOME ${x} %20 %%",
    "brackets": "^link #tag ;comment * heading [x](y)",
    "blank": "   ",
    "nothing": "",
    "json": '{"a": [1, null]}, "',
}


class Texts:
    """Texts come from strangers; whatever they hold, they stay texts."""

    @cites(AccountingSystem.record)
    async def test_hostile_texts_stay_texts(self, book: FreshBook) -> None:
        """The entries are booked with their figures and words, and nothing else is."""
        await _say_the_same(book, HOSTILE.values())

    @cites(AccountingSystem.record, Capabilities)
    async def test_long_texts_are_shortened_not_refused(self, book: FreshBook) -> None:
        """What is longer than the system's fields is cut, and the entry booked."""
        letters = [("Ærø ☕ " * length)[:length] for length in (255, 256, 2_001, 70_000)]
        await _say_the_same(book, letters, most=20)

    @cites(AccountingSystem.note)
    async def test_a_hostile_remark_stays_a_text(self, book: FreshBook) -> None:
        """A remark changes nothing of the record it is left with."""
        made = entry(book)
        async with job(book) as books:
            await book_all(books, made)
            before = await only(books, made)
            try:
                await books.note(before.id, "kept as it is")
            except ItemFailure as failure:
                pytest.skip(f"the system keeps no remarks: {failure}")
            await books.note(before.id, " ".join(HOSTILE.values()))
            assert await only(books, made) == before
        await shown_once(book, made)
        await _says(book, before.id, "kept as it is")


async def _say_the_same(book: FreshBook, texts: Iterable[str], most: int | None = None) -> None:
    """Book an entry with each text; ``most`` is how much of it the system must keep."""
    wanted = list(texts)
    made = [
        entry(book, payee=text, narration=text, details={"note": text, "team": text, text: "x"})
        for text in wanted
    ]
    async with job(book) as books:
        results = await record(books, made)
        refused = {
            text: result
            for text, result in zip(wanted, results, strict=True)
            if not isinstance(result, Booked)
        }
        assert refused == {}, "a text is no reason to refuse an entry"
    for text, found in zip(wanted, await shown_once(book, *made), strict=True):
        await _says(book, found.id, text[:most])


async def _says(book: FreshBook, id: str, text: str) -> None:
    """Check that people read every printable word of a text, where the book tells its texts."""
    said = await book.text_of(id)
    if said is None:
        return
    printable = "".join(each if _is_plain(each) else " " for each in text)
    missing = [word for word in printable.split() if word not in said]
    assert not missing, f"of the text {text!r} the record does not say {missing}: {said!r}"


def _is_plain(letter: str) -> bool:
    """Whether a system has no reason to write a letter otherwise."""
    return letter.isprintable() and unicodedata.category(letter) != "Mn"
