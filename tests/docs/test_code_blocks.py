"""What README and docs tell a reader to type works, as written, from top to bottom."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.blocks import Folder, run_blocks

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.docs
@pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT))
)
def test_every_block_of_the_document_runs(document: Path, tmp_path: Path) -> None:
    with run_blocks(document, Folder(tmp_path)) as examples:
        for example in examples:
            example.evaluate()
