"""Stories of looking: ready, chart, find, target, reading."""

from __future__ import annotations

import datetime as dt

import pytest

from counterfoil.bookkeeping.entries import Part
from counterfoil.systems.conformance.asking import book_all, cites, job, only
from counterfoil.systems.conformance.book import FreshBook
from counterfoil.systems.conformance.making import entry, many, with_attempt
from counterfoil.systems.contract import (
    AccountingSystem,
    Capabilities,
    Chart,
    EntryState,
    Found,
    Uniqueness,
)

__all__ = ["Looking"]


class Looking:
    """What an adapter says of a book before anything is written, and finds afterwards."""

    @cites(Capabilities, Uniqueness)
    async def test_capabilities_are_whole(self, book: FreshBook) -> None:
        """A batch of at least one; what each class of uniqueness needs is declared with it."""
        async with job(book) as books:
            able = books.capabilities
        assert able.batch_size >= 1
        assert able.narration_limit >= 1
        if able.uniqueness is Uniqueness.NATIVE_KEY:
            assert able.key_lifetime_seconds, "native_key needs key_lifetime_seconds"
        if able.uniqueness is Uniqueness.PROBE_ONLY:
            assert able.settle_seconds > 0, "probe_only needs settle_seconds"

    @cites(AccountingSystem.target)
    async def test_the_target_is_the_book_itself(self, book: FreshBook) -> None:
        """Each session with one book names the same target."""
        async with job(book) as first:
            target = first.target
        async with job(book) as second:
            assert second.target == target
        assert target

    @cites(AccountingSystem.ready)
    async def test_a_sound_book_is_ready_each_time(self, book: FreshBook) -> None:
        """No problem is told where there is none."""
        async with job(book) as books:
            assert list(await books.ready()) == []
            assert list(await books.check()) == []

    @cites(AccountingSystem.chart, Chart)
    async def test_the_chart_has_the_known_accounts(self, book: FreshBook) -> None:
        """Accounts by the ids that entries name, usable on an open day, and nothing made up."""
        async with job(book) as books:
            chart = await books.chart()
        named = [book.debit, book.credit, *([book.payable] if book.payable else [])]
        for id in named:
            assert id in chart.accounts
            account = chart.accounts[id]
            assert account.id == id
            assert account.active
            assert account.opened is None or account.opened <= book.day
            assert account.closed is None or account.closed > book.day
        assert book.unknown_account not in chart.accounts
        assert not any(book.day in span for span in chart.closed)

    @cites(AccountingSystem.chart, Chart)
    async def test_the_chart_has_the_known_codes(self, book: FreshBook) -> None:
        """Tax codes, dimensions and vendors as the book has them."""
        async with job(book) as books:
            chart = await books.chart()
        if book.tax is not None:
            assert book.tax[0] in chart.taxes
        if book.vendor is not None:
            assert book.vendor in {vendor.id for vendor in chart.vendors}
        if book.dimension is not None and chart.dimensions is not None:
            group, value = book.dimension
            assert value in chart.dimensions.get(group, ())

    @cites(AccountingSystem.find)
    async def test_what_is_not_there_is_left_out(self, book: FreshBook) -> None:
        """Absent parts have no key in the answer; an id is a text, never a pattern."""
        strange = ["%", "*", "_", "'", '"', "\\", "(", "a" * 100, "1", ""]
        async with job(book) as books:
            assert await books.find([]) == {}
            await book_all(books, entry(book))
            for id in strange:
                assert await books.find([(id, part) for part in Part]) == {}

    @cites(AccountingSystem.find, Found)
    async def test_what_was_booked_is_read_back(self, book: FreshBook) -> None:
        """The figures as the books hold them now, by a later job, too."""
        made = entry(book)
        before = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)
        async with job(book) as books:
            await book_all(books, made)
            found = await only(books, made)
        assert found.id
        assert found.url is None or "://" in found.url
        assert found.state in {EntryState.DRAFT, EntryState.POSTED}
        assert found.booked_at.utcoffset() == dt.timedelta(0), "booked_at is not in UTC"
        assert before <= found.booked_at <= dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
        assert not found.settled
        assert found.receipts == frozenset()
        async with job(book) as later:
            assert await only(later, made) == found

    @cites(AccountingSystem.find)
    async def test_many_are_found_in_one_call(self, book: FreshBook) -> None:
        """More keys than a batch holds, some absent, some asked for twice."""
        made = many(book, 7)
        absent = [(f"absent-{number}", Part.ENTRY) for number in range(230)]
        present = [(one.reference.entry_id, one.reference.part) for one in made]
        async with job(book) as books:
            await book_all(books, *made)
            answer = await books.find([*absent[:115], *present, *present, *absent[115:]])
        assert set(answer) == set(present)
        assert all(len(found) == 1 for found in answer.values())

    @cites(AccountingSystem.find)
    async def test_ids_that_resemble_each_other_are_told_apart(self, book: FreshBook) -> None:
        """An id that begins with another, or has a letter that is a wildcard in searches."""
        ids = ["7e1f", "7e1f0", "7e_f", "7e-f", "7e.f", "17e1f"]
        made = [entry(book, number, id=id) for number, id in enumerate(ids, 1)]
        async with job(book) as books:
            await book_all(books, *made)
            for one in made:
                await only(books, one)

    @cites(AccountingSystem.find)
    async def test_every_attempt_is_found_oldest_first(self, book: FreshBook) -> None:
        """Attempts and parts of one item are records of their own."""
        first = entry(book)
        id = first.reference.entry_id
        attempts = [first, *(with_attempt(book, first, number) for number in (2, 3))]
        payment = entry(book, id=id, part=Part.PAYMENT)
        async with job(book) as books:
            await book_all(books, *attempts)
            await book_all(books, payment)
            answer = await books.find([(id, part) for part in Part])
            found = answer[id, Part.ENTRY]
        assert [one.reference.attempt for one in found] == [1, 2, 3]
        assert len({one.id for one in found}) == 3
        assert [one.reference for one in answer[id, Part.PAYMENT]] == [payment.reference]

    @cites(AccountingSystem.reading)
    async def test_others_may_look_while_a_job_writes(self, book: FreshBook) -> None:
        """Reading takes no lock, and sees what is booked."""
        made = entry(book)
        async with job(book) as books:
            await book_all(books, made)
            async with book.open().reading() as reader:
                assert list(await reader.ready()) == []
                assert book.debit in (await reader.chart()).accounts
                await only(reader, made)

    @cites(AccountingSystem.__aenter__, AccountingSystem.__aexit__)
    async def test_a_job_that_failed_lets_the_next_one_in(self, book: FreshBook) -> None:
        """Everything is released, whatever ended the session."""
        with pytest.raises(ZeroDivisionError):
            async with job(book):
                raise ZeroDivisionError
        async with job(book) as books:
            await book_all(books, entry(book))
