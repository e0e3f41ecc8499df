"""The system in memory keeps the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterfoil.systems.conformance import Conformance
from tests.systems.conforming import MemoryBook


class TestMemory(Conformance):
    @pytest.fixture
    def book(self, tmp_path: Path) -> MemoryBook:
        return MemoryBook(tmp_path)
