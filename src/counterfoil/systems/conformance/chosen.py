"""The suite as pytest collects it for ``--book``; the fixture comes from ``plugin``."""

from __future__ import annotations

from counterfoil.systems.conformance.suite import Conformance

__all__ = ["TestConformance"]


class TestConformance(Conformance):
    """Every story of the kit, on the chosen book."""
