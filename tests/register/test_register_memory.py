"""What the register remembers of connections, jobs, items and parts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from counterfoil.bookkeeping.entries import Entry, Line, Reference
from counterfoil.errors import ConnectionBroken, JobLost
from counterfoil.register import (
    ItemOutcome,
    JobRecord,
    JobState,
    PartRecord,
    PartState,
    Register,
)
from counterfoil.register.connections import Binding
from counterfoil.register.records import dump_entry, dump_payload, load_entry, load_payload

NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)


def job(job_id: str = "job", *, created: datetime = NOW) -> JobRecord:
    """Build a job that is about to be claimed."""
    return JobRecord(
        job_id=job_id,
        connection="acme",
        company_id="company",
        target="book",
        state=JobState.CLAIMING,
        created_at=created,
        first_sent_at=NOW,
    )


def part(entry_id: str = "entry", *, fence: int = 1, attempt: int = 1) -> PartRecord:
    """Build the intent of an item's only part."""
    reference = Reference(entry_id, attempt=attempt)
    lines = (
        Line(account="Expenses:Travel", amount=Decimal("10.10"), rule="line-account"),
        Line(account="Assets:Wallet", amount=Decimal("-10.10"), rule="wallet"),
    )
    entry = Entry(reference=reference, date=date(2026, 3, 5), currency="GBP", lines=lines)
    return PartRecord(
        target="book",
        reference=reference,
        state=PartState.INTENDED,
        job_id="job",
        fence=fence,
        fingerprint="f",
        entry=dump_entry(entry),
        intent_at=NOW,
    )


def to(target: str) -> Binding:
    """Say that the connection acme stands for this book."""
    return Binding(name="acme", company_id="c", environment="https://pleo", target=target)


def book_something(register: Register, target: str = "book") -> None:
    """Let the register hold an entry of a book."""
    fence = register.connections.raise_fence("c")
    register.parts.intend([replace(part(fence=fence), target=target)], company_id="c")


def test_a_connection_keeps_its_book(register: Register) -> None:
    """The same connection may not write to another book tomorrow."""
    register.connections.bind(to("old"), now=NOW)
    book_something(register, "old")
    register.connections.bind(to("old"), now=NOW)
    with pytest.raises(ConnectionBroken, match=r"target old became new.*connections rebind acme"):
        register.connections.bind(to("new"), now=NOW)
    assert register.connections.all() == (to("old"),)


def test_a_book_in_which_nothing_was_written_binds_nobody(register: Register) -> None:
    """A mistyped path is put right without ceremony."""
    register.connections.bind(to("mistyped"), now=NOW)
    book_something(register, "right")
    register.connections.bind(to("right"), now=NOW)
    assert register.connections.all() == (to("right"),)


def test_looking_whether_a_connection_fits_writes_nothing(register: Register) -> None:
    """Commands that only look refuse another book as a run would, and bind none."""
    register.connections.check(to("old"))
    assert register.connections.all() == ()
    register.connections.bind(to("old"), now=NOW)
    register.connections.check(to("new"))
    book_something(register, "old")
    with pytest.raises(ConnectionBroken, match="target old became new"):
        register.connections.check(to("new"))
    assert register.connections.all() == (to("old"),)


def test_a_person_may_bind_a_connection_anew(register: Register) -> None:
    register.connections.bind(to("old"), now=NOW)
    book_something(register, "old")
    register.connections.rebind(to("new"), now=NOW)
    register.connections.bind(to("new"), now=NOW)
    assert register.connections.all() == (to("new"),)


def test_the_first_sending_of_started_is_kept(register: Register) -> None:
    """A second try does not forget when the first one was sent."""
    register.jobs.intend_claim(job())
    register.jobs.intend_claim(replace(job(), first_sent_at=NOW + timedelta(hours=1)))
    known = register.jobs.get("job")
    assert known is not None
    assert known.first_sent_at == NOW


def test_a_job_goes_from_claiming_to_closed(register: Register) -> None:
    """Each state is on record with what is known."""
    register.jobs.intend_claim(job())
    register.jobs.claimed("job")
    register.jobs.close("job", outcome="failed", reason="why", reason_type="t", now=NOW)
    known = register.jobs.get("job")
    assert known is not None
    assert (known.state, known.outcome, known.ended_at) == (JobState.CLOSED, "failed", NOW)


def test_jobs_are_listed_newest_first(register: Register) -> None:
    """By connection where one is named."""
    register.jobs.intend_claim(job("old"))
    register.jobs.intend_claim(job("new", created=NOW + timedelta(days=1)))
    assert [known.job_id for known in register.jobs.all()] == ["new", "old"]
    assert register.jobs.all("other") == ()


def test_items_come_in_posting_order_until_they_have_an_outcome(register: Register) -> None:
    """Payloads are joined to the control layer; strangers are named."""
    register.items.save_statuses("job", {"b": "pending", "a": "in_progress", "c": "successful"})
    strangers = register.items.save_payloads(
        "job", [("a", "2026-03-02", "{}"), ("b", "2026-03-01", "{}"), ("x", "2026-01-01", "{}")]
    )
    assert strangers == {"x"}
    assert [item.entry_id for item in register.items.unbooked("job", limit=9)] == ["b", "a"]
    outcome = ItemOutcome(status="successful", external_id="R", exported_at=NOW)
    register.parts.settle([], job_id="job", outcomes={"b": outcome})
    assert [item.entry_id for item in register.items.unbooked("job", limit=9)] == ["a"]
    (waiting,) = register.items.unreported("job", limit=9)
    assert waiting.outcome == outcome
    register.items.mark_reported("job", ["b"])
    assert register.items.unreported("job", limit=9) == []
    assert register.items.count_open("job") == 1


def test_nothing_to_keep_is_nothing_to_do(register: Register) -> None:
    """A job without items is no error."""
    register.items.save_statuses("job", {})
    assert register.items.all("job") == []
    assert register.items.get("job", "a") is None


def test_an_intent_of_an_older_fence_is_refused(register: Register) -> None:
    """A worker that was cut off cannot write any more."""
    fence = register.connections.raise_fence("company")
    register.parts.intend([part(fence=fence)], company_id="company")
    register.connections.raise_fence("company")
    with pytest.raises(JobLost, match="another worker"):
        register.parts.intend([part("other", fence=fence)], company_id="company")
    assert set(register.parts.of("book", ["entry", "other"])) == {"entry"}


def test_an_intent_gets_its_outcome(register: Register) -> None:
    """The part's row is the same, before and after."""
    register.connections.raise_fence("company")
    register.parts.intend([part()], company_id="company")
    booked = replace(part(), state=PartState.BOOKED, external_id="R", booked_at=NOW)
    register.parts.settle([booked], job_id="job", outcomes={})
    assert register.parts.of("book", ["entry"]) == {"entry": [booked]}
    assert register.parts.of("another book", ["entry"]) == {}


def test_an_entry_is_found_by_what_the_books_call_it(register: Register) -> None:
    """By a part's own id, and by the one that Pleo was told."""
    register.connections.raise_fence("company")
    booked = replace(part(), state=PartState.BOOKED, external_id="R", booked_at=NOW)
    register.items.save_statuses("job", {"entry": "pending"})
    told = ItemOutcome(status="successful", external_id="T")
    register.parts.settle([booked], job_id="job", outcomes={"entry": told})
    assert register.parts.ids_booked_as("R") == {"entry"}
    assert register.items.ids_booked_as("T") == {"entry"}
    assert register.parts.ids_booked_as("T") == register.items.ids_booked_as("R") == set()


def test_an_item_is_given_as_each_job_held_it_the_newest_first(register: Register) -> None:
    """The same expense comes back in other jobs."""
    for job_id, created in (("old", NOW), ("new", NOW + timedelta(hours=1))):
        register.jobs.intend_claim(job(job_id, created=created))
        register.items.save_statuses(job_id, {"entry": "pending", "other": "pending"})
    held = register.items.of_entry("entry")
    assert [(item.job_id, item.entry_id) for item in held] == [("new", "entry"), ("old", "entry")]


def test_of_jobs_created_in_one_second_the_one_claimed_last_is_the_newest(
    register: Register,
) -> None:
    """Pleo tells whole seconds; what a person decides is about the item as it came last."""
    for minute, job_id in enumerate(("b", "a", "c")):
        sent = NOW + timedelta(minutes=minute)
        register.jobs.intend_claim(replace(job(job_id), first_sent_at=sent))
        register.items.save_statuses(job_id, {"entry": "pending"})
    assert [item.job_id for item in register.items.of_entry("entry")] == ["c", "a", "b"]
    assert [one.job_id for one in register.jobs.all()] == ["c", "a", "b"]


def test_entries_and_payloads_are_kept_digit_by_digit() -> None:
    """What goes in comes out, eighteen digits and all."""
    entry = load_entry(part().entry)
    assert entry.lines[0].amount == Decimal("10.10")
    payload = {"value": Decimal("123456789012345.678"), "note": "ümläut", "n": 5}
    assert load_payload(dump_payload(payload)) == payload


def test_outcomes_of_a_job_come_without_their_payloads(register: Register) -> None:
    """A report of ten thousand items needs none of them."""
    register.jobs.intend_claim(job())
    register.items.save_statuses("job", {"b": "pending", "a": "successful"})
    register.items.save_payloads("job", [("a", "2026-01-02", "{}"), ("b", "2026-01-01", "{}")])
    found = register.items.outcomes("job")
    assert [(item.entry_id, item.pleo_status, item.payload) for item in found] == [
        ("b", "pending", None),
        ("a", "successful", None),
    ]


def test_intents_without_an_outcome_are_told_oldest_first(register: Register) -> None:
    young = replace(part("young"), state=PartState.UNKNOWN, intent_at=NOW + timedelta(hours=1))
    booked = replace(part("booked"), state=PartState.BOOKED)
    register.parts.settle([young, booked, part("old")], job_id="job", outcomes={})
    assert [each.reference.entry_id for each in register.parts.unsettled("book")] == [
        *("old", "young"),
    ]
    assert register.parts.unsettled("another book") == []


def test_an_outcome_that_pleo_was_not_told_can_be_taken_back(register: Register) -> None:
    register.items.save_statuses("job", {"told": "pending", "kept": "pending", "other": "pending"})
    failed = ItemOutcome(status="failed", failure_type="t", failure_reason="r")
    register.parts.settle([], job_id="job", outcomes=dict.fromkeys(("told", "kept"), failed))
    register.items.mark_reported("job", ["told"])
    register.items.reopen("job", [])
    register.items.reopen("job", ["told", "kept"])
    outcomes = {item.entry_id: item.outcome for item in register.items.all("job")}
    assert outcomes == {"told": failed, "kept": None, "other": None}


def test_only_what_failed_and_was_not_told_is_uncertain_in_a_job(register: Register) -> None:
    register.items.save_statuses("job", {"entry": "pending", "other": "pending"})
    register.parts.settle([part(), part("other")], job_id="job", outcomes={})
    assert register.parts.uncertain("book", "job") == []
    failed = ItemOutcome(status="failed", failure_type="t", failure_reason="r")
    register.parts.settle([], job_id="job", outcomes={"entry": failed})
    assert register.parts.uncertain("book", "job") == [part()]
    register.items.mark_reported("job", ["entry"])
    assert register.parts.uncertain("book", "job") == []
