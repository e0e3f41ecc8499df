"""The kit can fail: each adapter that breaks the contract in one way is caught by a story of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from counterfoil.systems.conformance import Conformance
from counterfoil.systems.contract import Capabilities
from counterfoil.testing.strict import StrictBooks, StrictLedger
from tests.systems import broken
from tests.systems.conforming import MemoryBook, denied_ledger, memory_chart


class Broken(MemoryBook):
    """A book in memory with an adapter, a ledger or a declaration that is wrong."""

    books: type[StrictBooks] = broken.Honest
    kind: type[StrictLedger] = StrictLedger

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        able = self.ledger.capabilities
        self.ledger = self.kind(memory_chart(), able, name=str(folder))

    def open(self) -> StrictBooks:
        return self.books(self.ledger)

    def open_denied(self) -> StrictBooks:
        return self.books(denied_ledger())

    def lost(self) -> Exception:
        return OSError("the line was cut")


def failed(book: type[Broken], folder: Path) -> set[str]:
    """Run the kit as pytest does, and return which of its tests failed."""
    return {
        name for number, name in enumerate(stories()) if _fails(book, folder / str(number), name)
    }


def stories() -> Iterator[str]:
    """Name the tests of the kit."""
    return (name for name in dir(Conformance) if name.startswith("test_"))


def _fails(book: type[Broken], folder: Path, name: str) -> bool:
    story = getattr(Conformance(), name)
    marks = getattr(story, "pytestmark", [])
    arguments = [[value] for mark in marks for value in mark.args[1]] or [[]]
    for number, values in enumerate(arguments):
        place = folder / str(number)
        place.mkdir(parents=True)
        try:
            story(book(place), *values)
        except pytest.skip.Exception:
            continue
        except (Exception, pytest.fail.Exception):  # noqa: BLE001 -- whatever an adapter does wrong
            return True
    return False


def adapter(books: type[StrictBooks], kind: type[StrictLedger] = StrictLedger) -> type[Broken]:
    return type(books.__name__, (Broken,), {"books": books, "kind": kind})


def ledger(kind: type[StrictLedger], capabilities: Capabilities | None = None) -> type[Broken]:
    return type(kind.__name__, (Broken,), {"kind": kind, "capabilities": capabilities})


def test_an_honest_adapter_passes(tmp_path: Path) -> None:
    assert failed(Broken, tmp_path) == set()


CAUGHT = [
    (adapter(broken.LosesTheOrder), "test_a_bad_entry_is_refused_alone"),
    (adapter(broken.SaysBookedAndDidNotWrite), "test_what_was_booked_is_read_back"),
    (adapter(broken.RefusesTheWholeBatch), "test_a_bad_entry_is_refused_alone"),
    (adapter(broken.WritesWhatItRefuses), "test_an_unknown_account_is_refused"),
    (adapter(broken.LeavesTheRestOfABatchOut), "test_a_whole_batch_is_booked_in_order"),
    (adapter(broken.RefusesUnusualLetters), "test_hostile_texts_stay_texts"),
    (adapter(broken.FindsVoidedAsLive), "test_a_voided_draft_counts_no_more"),
    (adapter(broken.FindsVoidedAsLive), "test_a_draft_that_people_took_out_counts_no_more"),
    (adapter(broken.FindsReversedAsPosted), "test_a_reversed_record_counts_no_more"),
    (adapter(broken.FindsReversedAsPosted), "test_a_record_that_people_reversed_counts_no_more"),
    (adapter(broken.TellsLocalTimes), "test_what_was_booked_is_read_back"),
    (adapter(broken.TellsTheTimeOfTheLookUp), "test_what_was_booked_is_read_back"),
    (adapter(broken.TellsEverythingInItsOwnCurrency), "test_minor_units_are_kept"),
    (adapter(broken.TurnsSignsRound), "test_each_part_is_booked"),
    (adapter(broken.FindsNewestFirst), "test_every_attempt_is_found_oldest_first"),
    (adapter(broken.FindsWhatBeginsAlike), "test_ids_that_resemble_each_other_are_told_apart"),
    (adapter(broken.RemembersWhatItSaw), "test_an_edited_record_is_told_as_it_is_now"),
    (adapter(broken.TellsEmptyForAbsent), "test_what_is_not_there_is_left_out"),
    (adapter(broken.DropsReceipts), "test_a_receipt_is_with_its_entry"),
    (adapter(broken.AttachesUnread), "test_a_receipt_that_cannot_be_read_is_a_failure"),
    (adapter(broken.PostsAllDrafts), "test_a_draft_is_posted_once"),
    (adapter(broken.SettlesAllBills), "test_other_bills_stay_open"),
    (adapter(broken.VoidsPostedRecords), "test_a_posted_record_is_not_voided"),
    (adapter(broken.ReversesEachTime), "test_a_reversal_takes_back_the_figures_once"),
    (adapter(broken.CountsReversalsAsOthers), "test_what_was_taken_back_is_no_posting_of_others"),
    (adapter(broken.ListsLiveRecordsOnly), "test_what_was_taken_back_is_no_posting_of_others"),
    (adapter(broken.KeepsTheLockOnErrors), "test_a_job_that_failed_lets_the_next_one_in"),
    (adapter(broken.LetsASecondWriterIn), "test_a_second_writer_is_kept_out"),
    (adapter(broken.TakesACutLineForARefusal), "test_a_cut_line_is_told_as_it_is"),
    (adapter(broken.FindsNothingWhileAway), "test_a_system_that_goes_away_in_the_middle"),
    (adapter(broken.IsReadyWhileAway), "test_a_system_that_is_away_is_said"),
    (adapter(broken.WaitsForAnotherKey), "test_wrong_credentials_are_said"),
    (
        adapter(broken.HidesItsClosedPeriods, broken.TakesWhatever),
        "test_a_closed_day_is_told_or_refused",
    ),
    (ledger(broken.TakesWhatever), "test_an_unknown_dimension_is_refused"),
    (adapter(broken.WritesBesideTheGate), "test_every_effect_goes_through_the_gate"),
    (adapter(broken.WritesInTwoHalves), "test_killed_at_every_effect_a_booking_ends_as_one"),
    (ledger(broken.BooksTwice), "test_the_same_reference_is_booked_once"),
    (ledger(broken.BooksTwice), "test_a_reference_twice_in_a_batch_is_booked_once"),
    (
        ledger(broken.BooksTwice, broken.UNIQUE),
        "test_a_request_that_arrives_late_books_nothing_twice",
    ),
    (
        ledger(broken.BooksTwice, broken.UNIQUE),
        "test_two_sessions_with_the_same_entries_book_them_once",
    ),
    (ledger(StrictLedger, broken.PROBE), "test_capabilities_are_whole"),
    (ledger(broken.Rounds), "test_minor_units_are_kept"),
    (ledger(broken.Floats), "test_a_huge_amount_is_exact_or_refused"),
]


@pytest.mark.parametrize(
    ("book", "story"), CAUGHT, ids=[f"{book.__name__}-{story[5:]}" for book, story in CAUGHT]
)
def test_a_broken_adapter_is_caught(tmp_path: Path, book: type[Broken], story: str) -> None:
    assert _fails(book, tmp_path, story)


@pytest.mark.parametrize(
    ("book", "story", "rule"),
    [
        (
            adapter(broken.DropsReceipts),
            Conformance.test_a_receipt_is_with_its_entry,
            "AccountingSystem.attach:\n    “Attach a document;",
        ),
        (
            adapter(broken.AttachesUnread),
            Conformance.test_a_receipt_that_cannot_be_read_is_a_failure,
            "AccountingSystem.attach:\n    “Attach a document;",
        ),
    ],
    ids=["an-assertion", "an-error-that-did-not-come"],
)
def test_a_failure_cites_what_is_wanted(
    tmp_path: Path, book: type[Broken], story: Callable[[Conformance, Broken], None], rule: str
) -> None:
    with pytest.raises((AssertionError, pytest.fail.Exception)) as caught:
        story(Conformance(), book(tmp_path))
    told = "".join(caught.value.__notes__)
    assert f"What is wanted: {story.__doc__}" in told
    assert rule in told
