"""The conformance kit: a pytest suite that shows whether an adapter keeps the contract.

An adapter's author writes one class, which makes a fresh book, and one fixture, which gives it::

    class LanternBook(FreshBook):
        debit, credit = "6100", "1800"

        def open(self) -> AccountingSystem:
            return Lantern(LanternOptions(...))


    class TestLantern(Conformance):
        @pytest.fixture
        def book(self, tmp_path: Path) -> LanternBook:
            return LanternBook(tmp_path)

What the adapter's ``Capabilities`` do not declare, and what the book does not say how to do, is
skipped by name with the reason. A failure tells what was wanted and cites the contract. The kit
needs pytest, which nothing else of Counterfoil does; no plugin of it is needed.
"""

from __future__ import annotations

import pytest

STORIES = (
    *("asking", "batches", "booking", "breaking", "comparing"),
    *("looking", "making", "once", "people", "steps"),
)

# Before they are imported, so that a failed assertion shows its figures.
pytest.register_assert_rewrite(*(f"{__name__}.{name}" for name in STORIES))

from counterfoil.systems.conformance.book import FreshBook  # noqa: E402 -- after the line above
from counterfoil.systems.conformance.suite import Conformance  # noqa: E402 -- after the line above

__all__ = ["Conformance", "FreshBook"]
