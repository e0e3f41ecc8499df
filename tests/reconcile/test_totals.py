"""Sums of both sides by account and currency."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from counterfoil.export.pairs import Pair
from counterfoil.export.totals import Total, totals
from counterfoil.systems.contract import EntryState, OtherPosting
from tests.reconcile.pairing import entry, expected, pair, record, told

NOTHING = Decimal(0)
BANK = OtherPosting(
    account="Wallet",
    amount=Decimal("500.00"),
    currency="EUR",
    date=date(2026, 3, 1),
    text="Topped up",
    place="main:7",
)


def wallet(*pairs: Pair, others: tuple[OtherPosting, ...] = ()) -> Total:
    """Sum up, and return the wallet's line."""
    sums = totals(pairs, others)
    (found,) = [total for total in sums if total.account == "Wallet"]
    return found


def test_what_agrees_has_no_difference() -> None:
    total = wallet(pair(record(), says=told(), holds=expected()))
    assert (total.pleo, total.books, total.difference) == (Decimal(-12), Decimal(-12), NOTHING)


def test_what_is_missing_is_a_difference() -> None:
    total = wallet(pair(says=told(), holds=expected()))
    assert (total.pleo, total.books, total.difference) == (Decimal(-12), NOTHING, Decimal(12))


def test_what_pleo_does_not_have_is_a_difference() -> None:
    total = wallet(pair(record(), says=told("pending"), holds=expected()))
    assert (total.pleo, total.difference) == (NOTHING, Decimal(-12))


def test_what_is_dead_does_not_count() -> None:
    gone = record(state=EntryState.REVERSED)
    assert totals([pair(gone, says=told("failed"), holds=expected())]) == ()


def test_a_copy_counts_in_the_books() -> None:
    total = wallet(pair(record(), record(), says=told(), holds=expected()))
    assert total.difference == Decimal(-12)


def test_what_others_posted_counts_as_a_difference() -> None:
    total = wallet(pair(record(), says=told(), holds=expected()), others=(BANK,))
    assert (total.others, total.difference) == (Decimal(500), Decimal(500))


def test_figures_that_nobody_has_are_taken_from_the_books_and_said_so() -> None:
    total = wallet(pair(record(), says=told()))
    assert (total.pleo, total.unknown, total.difference) == (Decimal(-12), Decimal(-12), NOTHING)


def test_an_item_that_changed_in_pleo_counts_as_it_is_now() -> None:
    holds = replace(expected(changes=("its amount",)), now=(entry("15.00"),))
    total = wallet(pair(record(), says=told(), holds=holds))
    assert (total.pleo, total.difference) == (Decimal(-15), Decimal(3))


def test_currencies_are_kept_apart() -> None:
    pairs = [
        pair(record(currency=code), says=told(), holds=expected(entry(currency=code)))
        for code in ("EUR", "USD")
    ]
    assert [total.currency for total in totals(pairs) if total.account == "Wallet"] == [
        "EUR",
        "USD",
    ]


amounts = st.integers(1, 10**6).map(lambda cents: str(Decimal(cents) / 100))


@given(st.lists(st.tuples(amounts, amounts)))
def test_the_differences_of_all_accounts_balance(both: list[tuple[str, str]]) -> None:
    pairs = [pair(record(held), says=told(), holds=expected(entry(due))) for held, due in both]
    assert sum((total.difference for total in totals(pairs)), Decimal(0)) == 0
