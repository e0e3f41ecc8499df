"""The verdict on each pair, in a table; and what holds of any pair."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.bookkeeping.entries import Part, Reference
from counterfoil.export.pairs import Pair, Source, Told
from counterfoil.export.verdicts import Verdict, judge
from counterfoil.register import DecisionKind
from counterfoil.systems.contract import Capabilities, EntryState
from tests.reconcile.pairing import (
    BOOKS,
    COMPUTING,
    ID,
    decision,
    entry,
    expected,
    pair,
    record,
    told,
)

GOOD = pair(record(), says=told(), holds=expected())
BILL, PAYMENT = entry(part=Part.BILL), entry(part=Part.PAYMENT)
BILL_TOLD = told(external_id=f"{ID}/bill")
NEXT = Reference(ID, Part.ENTRY, 2)
CHANGED = expected(changes=("amount 12.00 EUR became 13.00 EUR",))

CASES: dict[str, tuple[Pair, Verdict, str]] = {
    "told and there": (GOOD, Verdict.MATCHED, ""),
    "a draft counts": (
        pair(record(state=EntryState.DRAFT), says=told(), holds=expected()),
        Verdict.MATCHED,
        "",
    ),
    "an id that Pleo does not say": (
        replace(GOOD, told=told(external_id=None)),
        Verdict.MATCHED,
        "",
    ),
    "failed and not there": (pair(says=told("failed")), Verdict.NOT_BOOKED, ""),
    "waiting and not there": (pair(says=told("pending")), Verdict.NOT_BOOKED, ""),
    "taken out and failed since": (
        pair(record(state=EntryState.VOIDED), says=told("failed"), holds=expected()),
        Verdict.NOT_BOOKED,
        "",
    ),
    "deleted": (
        pair(says=told(), holds=expected()),
        Verdict.MISSING,
        f"booked as {ID}/entry, the books do not: nothing there carries its reference",
    ),
    "reversed in the books": (
        pair(record(state=EntryState.REVERSED), says=told(), holds=expected()),
        Verdict.MISSING,
        "it was reversed there",
    ),
    "voided in the books": (
        pair(record(state=EntryState.VOIDED), says=told(), holds=expected()),
        Verdict.MISSING,
        "it was voided there",
    ),
    "taken back by us": (
        replace(pair(says=told(), holds=expected()), decision=decision(DecisionKind.REVERSE)),
        Verdict.MISSING,
        "anna decided on 2026-03-07 to take it back",
    ),
    "told, and nobody knows of it": (
        pair(says=told(external_id=None)),
        Verdict.MISSING,
        "another integration may have booked it",
    ),
    "its payment is gone": (
        pair(record(part=Part.BILL), says=BILL_TOLD, holds=expected(BILL, PAYMENT)),
        Verdict.MISSING,
        "in the books is its bill, not its payment",
    ),
    "booked elsewhere by a person's word": (
        replace(
            pair(says=told(external_id="JE-7"), holds=expected()),
            decision=decision(DecisionKind.BOOKED_AS, "JE-7"),
        ),
        Verdict.NOT_COMPARABLE,
        "anna decided on 2026-03-07 that it is booked as JE-7",
    ),
    "booked elsewhere, but Pleo has it otherwise": (
        replace(
            pair(says=told(), holds=expected()),
            decision=decision(DecisionKind.BOOKED_AS, "JE-7"),
        ),
        Verdict.MISSING,
        "the books do not",
    ),
    "copied": (
        pair(record(), record(day=date(2026, 4, 1)), says=told(), holds=expected()),
        Verdict.DOUBLED,
        f"its entry is in the books 2 times: {ID}/entry of 2026-03-05, {ID}/entry of 2026-04-01",
    ),
    "booked as two attempts": (
        pair(record(), record(attempt=2), says=told(), holds=expected(entry(), entry(attempt=2))),
        Verdict.DOUBLED,
        "2 times",
    ),
    "a later attempt after one that was reversed": (
        pair(
            record(state=EntryState.REVERSED),
            record(attempt=2),
            says=told(external_id=f"{ID}/entry/2"),
            holds=expected(entry(attempt=2)),
        ),
        Verdict.MATCHED,
        "",
    ),
    "another amount": (
        pair(record("13.00"), says=told(), holds=expected()),
        Verdict.CHANGED_IN_BOOKS,
        "Travel 12.00 EUR as planned, 13.00 in the books",
    ),
    "another account": (
        pair(record(debit="Meals"), says=told(), holds=expected()),
        Verdict.CHANGED_IN_BOOKS,
        "Meals 0 EUR as planned, 12.00 in the books, Travel 12.00 EUR as planned, 0 in the books",
    ),
    "another day": (
        pair(record(day=date(2026, 3, 9)), says=told(), holds=expected()),
        Verdict.CHANGED_IN_BOOKS,
        "date 2026-03-05 as planned, 2026-03-09 in the books",
    ),
    "another currency": (
        pair(record(currency="EUR/USD"), says=told(), holds=expected()),
        Verdict.CHANGED_IN_BOOKS,
        "currency EUR as planned, EUR/USD in the books",
    ),
    "no postings any more": (
        pair(replace(record(), lines=(), currency=""), says=told(), holds=expected()),
        Verdict.CHANGED_IN_BOOKS,
        "currency EUR as planned, none in the books",
    ),
    "other figures than Pleo's item gives now": (
        pair(record("13.00"), says=told(), holds=expected(source=Source.PLEO)),
        Verdict.FIGURES_DIFFER,
        "12.00 EUR as planned, 13.00 in the books",
    ),
    "Pleo's item compared whatever the attempt": (
        pair(
            record(attempt=2),
            says=told(external_id=f"{ID}/entry/2"),
            holds=expected(source=Source.PLEO),
        ),
        Verdict.MATCHED,
        "",
    ),
    "changed in Pleo since": (
        pair(record(), says=told("failed"), holds=CHANGED),
        Verdict.FIGURES_DIFFER,
        "since it was booked, amount 12.00 EUR became 13.00 EUR in Pleo",
    ),
    "changed in Pleo, and a person decided": (
        replace(pair(record(), says=told(), holds=CHANGED), decision=decision(DecisionKind.KEEP)),
        Verdict.KEPT,
        "anna decided on 2026-03-07 that the booking stands",
    ),
    "changed in the books, and a person decided": (
        replace(
            pair(record("13.00"), says=told(), holds=expected()),
            decision=decision(DecisionKind.KEEP),
        ),
        Verdict.KEPT,
        "the booking stands",
    ),
    "no figures": (
        pair(record(), says=told()),
        Verdict.NOT_COMPARABLE,
        "its figures are not known: Pleo gives no figures of a finished job, and we kept none",
    ),
    "figures of another attempt only": (
        pair(record(attempt=2), says=told(external_id=f"{ID}/entry/2"), holds=expected()),
        Verdict.NOT_COMPARABLE,
        f"the figures of {ID}/entry/2 are not known",
    ),
    "not told yet": (
        pair(
            record(),
            says=told("pending", job_status="in_progress", resumable=True),
            holds=expected(),
        ),
        Verdict.UNKNOWN_TO_PLEO,
        f"booked as {ID}/entry; Pleo has it as pending",
    ),
    "told as failed": (
        pair(record(), says=told("failed", failure="No receipt"), holds=expected()),
        Verdict.UNKNOWN_TO_PLEO,
        "Pleo has it as failed (No receipt)",
    ),
    "told under another id": (
        pair(record(attempt=2), says=told(), holds=expected(entry(attempt=2))),
        Verdict.UNKNOWN_TO_PLEO,
        f"booked as {ID}/entry/2; Pleo has it as booked as {ID}/entry",
    ),
    "in no job that Pleo lists": (
        pair(record(), holds=expected()),
        Verdict.UNKNOWN_TO_PLEO,
        "Pleo lists no export of it",
    ),
    "an intent without an outcome": (
        replace(pair(says=told("pending")), intents=(Reference(ID),)),
        Verdict.UNCERTAIN,
        f"{ID}/entry was about to be booked when the export stopped; it is not there now",
    ),
    "an intent that came to something": (
        replace(GOOD, intents=(Reference(ID),)),
        Verdict.MATCHED,
        "",
    ),
    "missing, and about to be booked again": (
        replace(pair(says=told(), holds=expected()), intents=(NEXT,)),
        Verdict.MISSING,
        f"{NEXT} was about to be booked",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_pair_has_its_verdict(case: str) -> None:
    given_pair, verdict, words = CASES[case]
    finding = judge(given_pair, BOOKS)
    assert finding.verdict is verdict, finding.what
    assert words in finding.what
    assert bool(finding.what) is bool(words)
    assert finding.verdict.off is bool(finding.remedy)


def test_books_that_compute_tax_may_differ_by_a_minor_unit() -> None:
    taxed = pair(record("12.01"), says=told(), holds=expected(entry(taxed=True)))
    assert judge(taxed, COMPUTING).verdict is Verdict.MATCHED
    assert judge(taxed, BOOKS).verdict is Verdict.CHANGED_IN_BOOKS
    more = pair(record("12.02"), says=told(), holds=expected(entry(taxed=True)))
    assert judge(more, COMPUTING).verdict is Verdict.CHANGED_IN_BOOKS


REMEDIES: dict[str, tuple[Told, str]] = {
    "our own job": (
        told("pending", job_status="in_progress", resumable=True),
        "counterfoil run --once goes on with its job",
    ),
    "a job that waits": (told("pending", job_status="pending"), "run --once exports its job"),
    "a job of another": (told("pending", job_status="in_progress"), "--take-over job-1"),
    "a job that was closed": (told("abandoned", job_status="failed"), "Export it again in Pleo"),
    "a failure": (told("failed"), "Mend what Pleo says. Export it again"),
}


@pytest.mark.parametrize("case", REMEDIES)
def test_what_to_do_depends_on_the_job(case: str) -> None:
    says, words = REMEDIES[case]
    finding = judge(pair(record(), says=says, holds=expected()), BOOKS)
    assert words in finding.remedy
    assert finding.only_untold


def test_an_uncertain_item_of_our_own_job_waits_for_the_next_run() -> None:
    says = told("pending", job_status="in_progress", resumable=True)
    finding = judge(replace(pair(says=says), intents=(Reference(ID),)), BOOKS)
    assert finding.remedy == "counterfoil run --once looks again, and settles it"


def test_an_uncertain_item_of_a_finished_job_waits_for_a_person() -> None:
    finding = judge(replace(pair(says=told("failed")), intents=(Reference(ID),)), BOOKS)
    assert f"Look for {ID}/entry" in finding.remedy
    assert "--not-booked" in finding.remedy


def test_all_that_is_wrong_is_said_and_the_worst_is_the_verdict() -> None:
    wrong = pair(record("13.00"), record(), says=told("pending"), holds=expected())
    finding = judge(wrong, BOOKS)
    assert finding.verdict is Verdict.DOUBLED
    assert "2 times" in finding.what
    assert "13.00 in the books" in finding.what
    assert "Pleo has it as pending" in finding.what
    assert not finding.only_untold


def test_a_finding_says_whose_word_it_rests_on() -> None:
    finding = judge(GOOD, BOOKS)
    assert (finding.status_from, finding.figures_from) == (Source.PLEO, Source.REGISTER)
    assert (finding.amount, finding.currency, finding.day) == (
        Decimal("12.00"),
        "EUR",
        entry().date,
    )
    unknown = judge(pair(record()), BOOKS)
    assert (unknown.status_from, unknown.figures_from) == (None, None)
    assert (unknown.amount, unknown.currency) == (Decimal("12.00"), "EUR")


def test_what_is_nowhere_has_no_figures() -> None:
    finding = judge(pair(says=told("pending")), BOOKS)
    assert (finding.amount, finding.currency, finding.day) == (None, "", None)


def test_verdicts_are_said_in_words() -> None:
    assert Verdict.UNKNOWN_TO_PLEO.words == "unknown to Pleo"
    assert Verdict.FIGURES_DIFFER.words == "figures differ"


states = st.sampled_from(list(EntryState))
records = st.lists(
    st.builds(
        record,
        st.sampled_from(["12.00", "13.00"]),
        part=st.sampled_from([Part.ENTRY, Part.PAYMENT]),
        attempt=st.integers(1, 2),
        state=states,
    ),
    max_size=3,
)
tellings = st.none() | st.builds(
    told,
    st.sampled_from(["successful", "failed", "pending", "abandoned"]),
    external_id=st.sampled_from([None, f"{ID}/entry", "other"]),
    job_status=st.sampled_from(["completed", "in_progress", "pending"]),
)
expectations = st.none() | st.builds(
    lambda parts, source: expected(*(entry(part=part) for part in sorted(parts)), source=source),
    st.sets(st.sampled_from([Part.ENTRY, Part.PAYMENT]), min_size=1),
    st.sampled_from(list(Source)),
)
kinds = st.none() | st.sampled_from(list(DecisionKind))
pairs = st.builds(
    lambda held, says, holds, kind: replace(
        pair(*held, says=says, holds=holds), decision=kind and decision(kind)
    ),
    records,
    tellings,
    expectations,
    kinds,
)


@given(pairs, st.sampled_from([BOOKS, COMPUTING]))
def test_whatever_is_off_is_said_with_a_remedy(any_pair: Pair, able: Capabilities) -> None:
    finding = judge(any_pair, able)
    assert bool(finding.what) is (finding.verdict not in {Verdict.MATCHED, Verdict.NOT_BOOKED})
    assert not finding.verdict.off or finding.remedy


@given(pairs)
def test_what_is_matched_is_told_and_there_once_as_expected(any_pair: Pair) -> None:
    if judge(any_pair, BOOKS).verdict is not Verdict.MATCHED:
        return
    assert any_pair.told_booked
    assert any_pair.expected is not None
    parts = [each.reference.part for each in any_pair.live]
    assert len(parts) == len(set(parts)) > 0
    assert {each.reference.part for each in any_pair.entries} == set(parts)
    assert all(
        amount in {Decimal("12.00"), Decimal("-12.00")}
        for each in any_pair.live
        for _, amount in each.lines
    )


@given(pairs)
def test_what_counts_as_not_booked_is_live_nowhere(any_pair: Pair) -> None:
    if judge(any_pair, BOOKS).verdict is Verdict.NOT_BOOKED:
        assert not any_pair.live
        assert not any_pair.told_booked


@given(pairs)
def test_two_live_records_of_a_part_are_never_passed_over(any_pair: Pair) -> None:
    parts = [each.reference.part for each in any_pair.live]
    if len(parts) > len(set(parts)):
        assert judge(any_pair, BOOKS).verdict is Verdict.DOUBLED


@given(pairs)
def test_the_order_of_the_records_does_not_matter(any_pair: Pair) -> None:
    turned = replace(any_pair, records=any_pair.records[::-1])
    assert judge(turned, BOOKS).verdict is judge(any_pair, BOOKS).verdict
