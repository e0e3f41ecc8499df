"""The bench runs, and puts its figures where readers look for them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.page import write_between_markers

MARKERS = "<!-- figures: written by the bench -->\nold\n<!-- end of figures -->\n"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_quick_run_measures_everything_and_writes_its_page(root: Path, tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"What it means.\n\n{MARKERS}\nHow to repeat it.\n")
    command = [sys.executable, f"{root}/bench/run.py", "--quick", "--write", str(page)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for figure in ("120 items: the whole command", "peak memory", "all calls", "planning on one"):
        assert figure in done.stdout
        assert figure in page.read_text()
    assert page.read_text().startswith("What it means.\n")
    assert page.read_text().endswith("\nHow to repeat it.\n")
    assert "old" not in page.read_text()


def test_the_real_page_has_a_place_for_the_figures(root: Path, tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text((root / "docs" / "performance.md").read_text())
    write_between_markers(page, "new figures")
    assert "new figures" in page.read_text()


def test_a_page_without_markers_is_left_as_it_is(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text("only prose\n")
    with pytest.raises(ValueError, match="lacks the lines"):
        write_between_markers(page, "new figures")
    assert page.read_text() == "only prose\n"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_quick_run_of_many_companies_finds_each_job_done_once_in_order(
    root: Path, tmp_path: Path
) -> None:
    page = tmp_path / "many-workers.md"
    page.write_text(f"What it means.\n\n{MARKERS}\nHow to repeat it.\n")
    command = [sys.executable, "-m", "bench.scale", "--quick", "--write", str(page)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for figure in ("embedded", "2 workers", "is killed"):
        assert figure in page.read_text()
    assert page.read_text().count("| yes | yes | met |") == 3
