"""The threat model names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path


def test_each_test_that_the_threat_model_names_is_there(root: Path) -> None:
    named = set(re.findall(r"`(tests/[^`]+)`", (root / "docs" / "threat-model.md").read_text()))
    assert len(named) > 20
    assert [name for name in sorted(named) if not (root / name).exists()] == []
