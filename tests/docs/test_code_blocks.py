"""What README and docs tell a reader to type works, as written, from top to bottom."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.mark.structures import ParameterSet

from tests.docs.blocks import Folder, run_blocks

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def documents() -> Iterator[ParameterSet]:
    """Give README and all of docs; those that run a sandbox take their time."""
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        slow = [pytest.mark.slow] if "```bash background" in path.read_text() else []
        yield pytest.param(path, marks=slow, id=str(path.relative_to(ROOT)))


@pytest.mark.docs
@pytest.mark.timeout(300)
@pytest.mark.parametrize("document", list(documents()))
def test_every_block_of_the_document_runs(document: Path, tmp_path: Path) -> None:
    with run_blocks(document, Folder(tmp_path)) as examples:
        for example in examples:
            example.evaluate()
