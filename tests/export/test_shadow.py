"""What we would book beside what an old integration booked: the same, otherwise, or not there."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from counterfoil.bookkeeping.entries import Entry, Line, Reference
from counterfoil.export.shadow import DAYS, Likeness, hold_against
from counterfoil.systems.contract import OtherPosting

DAY = date(2026, 3, 5)
SAME, OTHERWISE, MISSING = Likeness.SAME, Likeness.OTHERWISE, Likeness.MISSING


def planned(amount: str = "10.00", *, entry_id: str = "e", account: str = "6100") -> Entry:
    """Plan an expense that the wallet paid."""
    value = Decimal(amount)
    return Entry(
        reference=Reference(entry_id),
        date=DAY,
        currency="EUR",
        lines=(
            Line(account=account, amount=value, rule="line-account"),
            Line(account="1800", amount=-value, rule="wallet"),
        ),
    )


def booked(
    amount: str = "10.00",
    *,
    account: str = "6100",
    place: str = "old.beancount:1",
    on: date = DAY,
    currency: str = "EUR",
) -> list[OtherPosting]:
    """Let the old integration have booked one."""
    return [
        OtherPosting(
            account=name, amount=value, currency=currency, date=on, text="old", place=place
        )
        for name, value in ((account, Decimal(amount)), ("1800", -Decimal(amount)))
    ]


def likeness(entries: list[Entry], others: list[OtherPosting]) -> list[Likeness]:
    """Compare, and give how each entry fared."""
    return [each.likeness for each in hold_against(entries, others)]


def test_an_entry_with_the_same_postings_is_the_same() -> None:
    (found,) = hold_against([planned()], booked())
    assert found.likeness is SAME
    assert [posting.account for posting in found.postings] == ["6100", "1800"]


def test_another_account_is_shown_with_what_the_books_have() -> None:
    (found,) = hold_against([planned()], booked(account="6300"))
    assert found.likeness is OTHERWISE
    assert found.postings[0].account == "6300"


def test_the_other_way_round_is_otherwise() -> None:
    assert likeness([planned()], booked("-10.00")) == [OTHERWISE]


def test_another_total_or_currency_is_none_of_it() -> None:
    assert likeness([planned()], booked("10.01")) == [MISSING]
    assert likeness([planned()], booked(currency="DKK")) == [MISSING]
    assert likeness([planned()], []) == [MISSING]


def test_a_few_days_do_not_matter_and_the_nearest_is_taken() -> None:
    near, far = (DAY + timedelta(days=days) for days in (1, DAYS))
    others = [*booked(on=far, place="far:1"), *booked(on=near, place="near:1")]
    (found,) = hold_against([planned()], others)
    assert found.postings[0].place == "near:1"
    assert likeness([planned()], booked(on=far + timedelta(days=1))) == [MISSING]


def test_one_entry_of_the_books_stands_for_one_expense() -> None:
    """Two equal coffees are two expenses."""
    coffees = [planned(entry_id="a"), planned(entry_id="b")]
    assert likeness(coffees, booked()) == [SAME, MISSING]
    both = [*booked(place="old:1"), *booked(place="old:2")]
    assert likeness(coffees, both) == [SAME, SAME]


def test_a_lookalike_does_not_take_the_place_of_the_right_one() -> None:
    entries = [planned(account="6300", entry_id="a"), planned(entry_id="b")]
    assert likeness(entries, booked()) == [MISSING, SAME]


def test_several_lines_on_one_account_count_as_their_sum() -> None:
    halves = [*booked("5.00"), *booked("5.00")]
    assert likeness([planned()], halves) == [SAME]
