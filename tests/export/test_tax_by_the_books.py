"""Books that compute tax themselves: a minor unit off is fine, more is told with both figures."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal

import pytest

from counterfoil.sandbox.items import build_line, build_tax
from counterfoil.testing.charts import chart_of
from counterfoil.testing.memory import MemoryLedger
from counterfoil.testing.world import World


@pytest.fixture
async def taxed() -> AsyncIterator[World]:
    """Start with books that compute tax, and one expense with VAT waiting."""
    ledger = MemoryLedger(chart_of("1800", "2900", "1899", "2000", "6100", "2201"))
    ledger.capabilities = replace(ledger.capabilities, computes_tax=True)
    async with World(ledger) as world:
        line = build_line(1200, net=1000, tax=build_tax(200, ingoing="2201"))
        world.company.add_item(value=1200, lines=[line])
        yield world


@pytest.mark.parametrize("off", ["0", "0.01", "-0.01"])
async def test_a_minor_unit_between_tax_and_base_is_fine(taxed: World, off: str) -> None:
    taxed.ledger.tax_off_by = Decimal(off)
    (result,) = await taxed.export()
    assert result.outcome == "completed"


async def test_more_than_that_is_told_with_both_figures(taxed: World) -> None:
    taxed.ledger.tax_off_by = Decimal("0.02")
    (result,) = await taxed.export()
    assert result.outcome == "failed"
    assert "hold 2.02 GBP on account-2201 where 2.00 GBP was sent" in str(result.reason)


async def test_books_that_hold_another_total_are_told_so(taxed: World) -> None:
    taxed.ledger.capabilities = replace(taxed.ledger.capabilities, computes_tax=False)
    taxed.ledger.tax_off_by = Decimal(-20)
    (result,) = await taxed.export()
    assert "the books hold 30.00 GBP where 12.00 GBP was sent" in str(result.reason)
