"""A fresh ledger for each story."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.systems.ledgers import MAIN, LedgerFolder


@pytest.fixture
def ledger(tmp_path: Path) -> LedgerFolder:
    """Make a ledger that has nothing but three accounts with codes."""
    folder = LedgerFolder(tmp_path / "books")
    folder.root.mkdir()
    folder.main.write_text(MAIN)
    return folder
