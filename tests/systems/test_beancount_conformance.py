"""A Beancount ledger keeps the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterfoil.systems.conformance import Conformance
from tests.systems.conforming import BeancountBook


@pytest.mark.slow
@pytest.mark.timeout(600)
class TestBeancount(Conformance):
    @pytest.fixture
    def book(self, tmp_path: Path) -> BeancountBook:
        return BeancountBook(tmp_path)
