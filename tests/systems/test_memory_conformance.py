"""The system in memory keeps the contract, whatever it declares that it can do."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterfoil.bookkeeping.entries import Attachments
from counterfoil.systems.conformance import Conformance
from counterfoil.systems.contract import Capabilities, Uniqueness
from tests.systems.conforming import MemoryBook


class TestMemory(Conformance):
    @pytest.fixture
    def book(self, tmp_path: Path) -> MemoryBook:
        return MemoryBook(tmp_path)


class Unique(MemoryBook):
    """Refuses a second record with one reference, and takes one document of an entry."""

    capabilities = Capabilities(
        uniqueness=Uniqueness.UNIQUE_REFERENCE,
        attachments=Attachments(limit=1),
        reverse=True,
        batch_size=2,
    )


class TestUniqueReference(Conformance):
    @pytest.fixture
    def book(self, tmp_path: Path) -> Unique:
        return Unique(tmp_path)


class Keyed(MemoryBook):
    """Takes a second record with one key for the first; has no drafts and reverses nothing."""

    capabilities = Capabilities(
        uniqueness=Uniqueness.NATIVE_KEY, key_lifetime_seconds=86_400, drafts=False
    )


class TestNativeKey(Conformance):
    @pytest.fixture
    def book(self, tmp_path: Path) -> Keyed:
        return Keyed(tmp_path)


class Probed(MemoryBook):
    """Can be searched, and no more."""

    capabilities = Capabilities(
        uniqueness=Uniqueness.PROBE_ONLY, settle_seconds=60, dimensions=False, void=True
    )


class TestProbeOnly(Conformance):
    @pytest.fixture
    def book(self, tmp_path: Path) -> Probed:
        return Probed(tmp_path)
