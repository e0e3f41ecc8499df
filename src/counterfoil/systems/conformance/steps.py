"""Stories of steps that follow a booking: posting, documents, settling, taking back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from counterfoil.bookkeeping.entries import Entry, Part
from counterfoil.errors import ItemFailure
from counterfoil.systems.conformance.asking import (
    all_of,
    book_all,
    cites,
    job,
    live_of,
    needs,
    only,
    shown_once,
)
from counterfoil.systems.conformance.book import FreshBook
from counterfoil.systems.conformance.making import (
    bill_and_payment,
    document,
    entry,
    with_attempt,
)
from counterfoil.systems.contract import AccountingSystem, Capabilities, EntryState, Found

__all__ = ["Documents", "Posting", "Settling", "TakingBack"]

HOSTILE_NAMES = (
    "../../etc/passwd",
    'a"b\n<c>|d?.pdf',
    "\x00\u202efdp.exe",
    "é" * 300 + ".pdf",
    "half \ud83d.pdf",
    ".",
    "",
)
NOWHERE = "999999999"
"""An id of no record."""


class Posting:
    """Drafts wait for people; final entries count at once."""

    @cites(AccountingSystem.post, Capabilities)
    async def test_a_draft_is_posted_once(self, book: FreshBook) -> None:
        """Of each part: post() makes it final and may be repeated; others stay drafts."""
        made, others = ([entry(book, part=part) for part in Part] for _ in range(2))
        async with job(book) as books:
            needs(books.capabilities.drafts, "drafts")
            await book_all(books, *made, *others)
            for one in made:
                draft = await only(books, one)
                assert draft.state is EntryState.DRAFT
                for _ in range(2):
                    await books.post([draft.id])
                    assert (await only(books, one)).state is EntryState.POSTED
        assert await _states(book, made) == {EntryState.POSTED}
        assert await _states(book, others) == {EntryState.DRAFT}

    @cites(AccountingSystem.record, AccountingSystem.post)
    async def test_a_final_entry_is_posted(self, book: FreshBook) -> None:
        """Of each part: record() posts it at once, or post() does as a step of its own."""
        made = [entry(book, part=part, final=True) for part in Part]
        async with job(book) as books:
            await book_all(books, *made)
            await books.post([(await only(books, one)).id for one in made])
            for one in made:
                assert (await only(books, one)).state is EntryState.POSTED
        assert await _states(book, made) == {EntryState.POSTED}

    @cites(Capabilities, AccountingSystem.record)
    async def test_without_drafts_everything_is_final(self, book: FreshBook) -> None:
        """A system that has no drafts says so, and posts what is recorded."""
        made = entry(book)
        async with job(book) as books:
            needs(not books.capabilities.drafts, "drafts=False")
            await book_all(books, made)
            assert (await only(books, made)).state is EntryState.POSTED

    @cites(AccountingSystem.post)
    async def test_drafts_are_posted_together(self, book: FreshBook) -> None:
        """Several ids, one of them posted already; none is nothing."""
        made = [entry(book) for _ in range(3)]
        async with job(book) as books:
            await book_all(books, *made)
            ids = [(await only(books, one)).id for one in made]
            await books.post([])
            await books.post(ids[1:2])
            await books.post(ids)
        assert await _states(book, made) == {EntryState.POSTED}

    @cites(AccountingSystem.post)
    async def test_a_record_that_is_not_there_cannot_be_posted(self, book: FreshBook) -> None:
        """An unknown id is an ItemFailure, not a silence."""
        async with job(book) as books:
            with pytest.raises(ItemFailure):
                await books.post([NOWHERE])


async def _states(book: FreshBook, made: Sequence[Entry]) -> set[EntryState]:
    return {one.state for one in await shown_once(book, *made)}


class Documents:
    """Receipts: each is with its entry once, whenever it comes."""

    @cites(AccountingSystem.attach, AccountingSystem.record, Found)
    async def test_a_receipt_is_with_its_entry(self, book: FreshBook) -> None:
        """What record() did not file, attach() does; find() tells its hash, to later jobs too."""
        receipt = document(book)
        made = entry(book, documents=(receipt,))
        async with job(book) as books:
            needs(books.capabilities.attachments, "attachments")
            await book_all(books, made)
            if receipt.sha256 not in (await only(books, made)).receipts:
                await books.attach((await only(books, made)).id, receipt)
            assert (await only(books, made)).receipts == {receipt.sha256}
        (later,) = await shown_once(book, made)
        assert later.receipts == {receipt.sha256}

    @cites(AccountingSystem.attach)
    async def test_a_receipt_is_attached_once(self, book: FreshBook) -> None:
        """One with the same hash is left as it is; the entry is not changed by it."""
        made, receipt = entry(book), document(book)
        async with job(book) as books:
            needs(books.capabilities.attachments, "attachments")
            await book_all(books, made)
            id = (await only(books, made)).id
            for _ in range(2):
                await books.attach(id, receipt)
            assert (await only(books, made)).receipts == {receipt.sha256}
        async with job(book) as later:
            await later.attach(id, receipt)
            assert (await only(later, made)).receipts == {receipt.sha256}

    @cites(AccountingSystem.attach, Capabilities)
    async def test_several_receipts_are_kept(self, book: FreshBook) -> None:
        """As many as Attachments.limit says; two may have one name."""
        made, receipts = entry(book), [document(book, "scan.pdf") for _ in range(3)]
        async with job(book) as books:
            needs(books.capabilities.attachments, "attachments")
            able = books.capabilities.attachments
            fitting = receipts[: able.limit if able else 0]
            await book_all(books, made)
            for receipt in fitting:
                await books.attach((await only(books, made)).id, receipt)
        (found,) = await shown_once(book, made)
        assert found.receipts == {receipt.sha256 for receipt in fitting}

    @cites(AccountingSystem.attach)
    async def test_one_receipt_may_be_with_two_entries(self, book: FreshBook) -> None:
        """The same bytes are told of each entry that they are attached to."""
        receipt = document(book)
        made = [entry(book, documents=(receipt,)) for _ in range(2)]
        async with job(book) as books:
            needs(books.capabilities.attachments, "attachments")
            await book_all(books, *made)
            for one in made:
                await books.attach((await only(books, one)).id, receipt)
        assert [found.receipts for found in await shown_once(book, *made)] == [{receipt.sha256}] * 2

    @cites(AccountingSystem.attach)
    async def test_hostile_names_do_no_harm(self, book: FreshBook) -> None:
        """A name is what somebody called a file; it leads nowhere."""
        receipts = [document(book, name) for name in HOSTILE_NAMES]
        made = [entry(book) for _ in receipts]
        async with job(book) as books:
            needs(books.capabilities.attachments, "attachments")
            await book_all(books, *made)
            for one, receipt in zip(made, receipts, strict=True):
                await books.attach((await only(books, one)).id, receipt)
        held = [found.receipts for found in await shown_once(book, *made)]
        assert held == [{receipt.sha256} for receipt in receipts]

    @cites(AccountingSystem.attach)
    async def test_a_receipt_that_cannot_be_read_is_a_failure(self, book: FreshBook) -> None:
        """A file that is gone or not the announced one is an ItemFailure, and nothing is filed."""
        made, one, other = entry(book), document(book), document(book)
        gone = replace(one, path=book.folder / "gone")
        changed = replace(one, path=other.path)
        async with job(book) as books:
            needs(books.capabilities.attachments, "attachments")
            await book_all(books, made)
            for receipt in (gone, changed):
                with pytest.raises(ItemFailure):
                    await books.attach((await only(books, made)).id, receipt)
            assert (await only(books, made)).receipts == frozenset()

    @cites(AccountingSystem.attach, Capabilities)
    async def test_without_attachments_none_is_taken(self, book: FreshBook) -> None:
        """A system that takes no documents raises ItemFailure for one."""
        made, receipt = entry(book), document(book)
        async with job(book) as books:
            needs(books.capabilities.attachments is None, "attachments=None")
            await book_all(books, made)
            with pytest.raises(ItemFailure):
                await books.attach((await only(books, made)).id, receipt)


class Settling:
    """A payment pays a bill."""

    @cites(AccountingSystem.settle, Found)
    async def test_a_payment_settles_a_bill_once(self, book: FreshBook) -> None:
        """Both are told as settled, figures unchanged; repeated it changes nothing."""
        bill, payment = bill_and_payment(book)
        async with job(book) as books:
            await book_all(books, bill, payment)
            ids = [(await only(books, one)).id for one in (payment, bill)]
            await books.post(ids)
            assert not (await only(books, bill)).settled
            for _ in range(2):
                await books.settle(*ids)
                assert (await only(books, bill)).settled
                assert (await only(books, payment)).settled
        assert all(found.settled for found in await shown_once(book, bill, payment))

    @cites(AccountingSystem.settle)
    async def test_other_bills_stay_open(self, book: FreshBook) -> None:
        """Equal bills are told apart by their ids."""
        bill, payment = bill_and_payment(book)
        other = entry(book, part=Part.BILL, final=True)
        async with job(book) as books:
            await book_all(books, bill, other, payment)
            ids = [(await only(books, one)).id for one in (payment, bill, other)]
            await books.post(ids)
            await books.settle(*ids[:2])
        settled = [found.settled for found in await shown_once(book, bill, other, payment)]
        assert settled == [True, False, True]


class TakingBack:
    """Voiding drafts and reversing posted records, where the system can."""

    @cites(AccountingSystem.void, Found)
    async def test_a_voided_draft_counts_no_more(self, book: FreshBook) -> None:
        """Of each part: told as voided or not at all, may be voided again, and booked anew."""
        made, others = ([entry(book, part=part) for part in Part] for _ in range(2))
        anew = [with_attempt(book, one, 2) for one in made]
        async with job(book) as books:
            needs(books.capabilities.void, "void")
            needs(books.capabilities.drafts, "drafts")
            await book_all(books, *made, *others)
            for one in made:
                id = (await only(books, one)).id
                for _ in range(2):
                    await books.void(id)
                    assert await live_of(books, one) == [], "a voided record is told as live"
                assert {each.state for each in await all_of(books, one)} <= {EntryState.VOIDED}
        async with job(book) as later:
            assert [one for one in made if await live_of(later, one)] == []
            await book_all(later, *anew)
        await shown_once(book, *anew, *others)

    @cites(AccountingSystem.void)
    async def test_a_posted_record_is_not_voided(self, book: FreshBook) -> None:
        """What people closed their books on is reversed, never taken out."""
        made = entry(book, final=True)
        async with job(book) as books:
            await book_all(books, made)
            id = (await only(books, made)).id
            await books.post([id])
            with pytest.raises(ItemFailure):
                await books.void(id)
        (found,) = await shown_once(book, made)
        assert found.state is EntryState.POSTED

    @cites(AccountingSystem.reverse, Found)
    async def test_a_reversed_record_counts_no_more(self, book: FreshBook) -> None:
        """Of each part: told as reversed, and booked anew; the reversal is no record of ours."""
        made = [entry(book, part=part, final=True) for part in Part]
        async with job(book) as books:
            needs(books.capabilities.reverse, "reverse")
            await book_all(books, *made)
            ids = [(await only(books, one)).id for one in made]
            await books.post(ids)
            for one, id in zip(made, ids, strict=True):
                for days in (7, 8):
                    await books.reverse(id, book.day + timedelta(days=days))
                    assert [each.state for each in await all_of(books, one)] == [
                        EntryState.REVERSED
                    ]
            await book_all(books, *(with_attempt(book, one, 2) for one in made))
        async with job(book) as later:
            for one in made:
                every = await all_of(later, one)
                live = [(each.reference.attempt, each.state.live) for each in every]
                assert live == [(1, False), (2, True)]

    @cites(AccountingSystem.reverse)
    async def test_a_reversal_takes_back_the_figures_once(self, book: FreshBook) -> None:
        """However often it is asked for, the accounts stand as before the entry."""
        made = entry(book, final=True)
        async with job(book) as books:
            needs(books.capabilities.reverse, "reverse")
            await book_all(books, made)
            id = (await only(books, made)).id
            await books.post([id])
        before = await book.balance(book.debit)
        if before is None:
            pytest.skip(f"{type(book).__name__} tells no balances: override balance()")
        assert before == made.amount
        for _ in range(2):
            async with job(book) as books:
                await books.reverse(id, book.day + timedelta(days=7))
        assert await book.balance(book.debit) == 0
        assert await book.balance(book.credit) == 0

    @cites(AccountingSystem.void, AccountingSystem.reverse)
    async def test_what_a_system_cannot_take_back_it_says(self, book: FreshBook) -> None:
        """Without void or reverse in its Capabilities, the call is an ItemFailure."""
        made = entry(book)
        async with job(book) as books:
            able = books.capabilities
            needs(not (able.void and able.reverse), "void=False or reverse=False")
            await book_all(books, made)
            id = (await only(books, made)).id
            if not able.void:
                with pytest.raises(ItemFailure):
                    await books.void(id)
            if not able.reverse:
                with pytest.raises(ItemFailure):
                    await books.reverse(id, book.day)
        await shown_once(book, made)
