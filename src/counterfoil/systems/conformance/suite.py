"""The whole suite, as one class to inherit from."""

from __future__ import annotations

from counterfoil.systems.conformance.batches import Batches, Refusals
from counterfoil.systems.conformance.booking import Amounts, Kinds, Texts
from counterfoil.systems.conformance.breaking import Breaking, Killing
from counterfoil.systems.conformance.comparing import Comparing
from counterfoil.systems.conformance.looking import Looking
from counterfoil.systems.conformance.once import Once
from counterfoil.systems.conformance.people import People
from counterfoil.systems.conformance.steps import Documents, Posting, Settling, TakingBack

__all__ = ["Conformance"]


class Conformance(
    Looking,
    Comparing,
    Kinds,
    Amounts,
    Texts,
    Batches,
    Refusals,
    Posting,
    Documents,
    Settling,
    TakingBack,
    Once,
    Killing,
    Breaking,
    People,
):
    """Every story of the kit; give it a fixture ``book`` that makes a fresh book for each test."""
