"""What was written is held against what was sent; a difference is told with both figures."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from counterfoil.bookkeeping.entries import Entry, Line, Reference
from counterfoil.systems.tryton.master import Period
from counterfoil.systems.tryton.values import MOVE, Draft
from counterfoil.systems.tryton.verifying import Held, difference

DAY = date(2026, 3, 5)
SENT = Draft(
    entry=Entry(
        reference=Reference("e-1"),
        date=DAY,
        currency="GBP",
        lines=(
            Line(account="account.account,1", amount=Decimal(12), rule="line-account"),
            Line(account="account.account,2", amount=Decimal(-12), rule="wallet"),
        ),
        final=True,
    ),
    model=MOVE,
    values={},
    tax=Decimal("2.00"),
    journal=1,
    period=Period(number=1, name="2026-03", first=DAY, last=DAY, state="open"),
)
HELD = Held(state="posted", number="7", balance=Decimal(0), valid=True, tax=Decimal("2.00"))


def test_what_is_as_it_was_sent_differs_in_nothing() -> None:
    assert difference(SENT, HELD) is None


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (None, "cannot be read back"),
        (replace(HELD, state="draft"), "it is draft where it was posted"),
        (replace(HELD, number=None), "without a number"),
        (replace(HELD, valid=False), "no valid entry"),
        (replace(HELD, balance=Decimal("0.01")), "out of balance by 0.01"),
        (replace(HELD, tax=Decimal("1.99")), "its tax is 1.99 where 2.00 was sent"),
    ],
)
def test_a_difference_is_told_with_both_figures(held: Held | None, words: str) -> None:
    assert words in (difference(SENT, held) or "")


def test_a_draft_needs_no_number() -> None:
    draft = replace(SENT, entry=replace(SENT.entry, final=False))
    held = replace(HELD, state="draft", number=None, valid=True)
    assert difference(draft, held) is None
