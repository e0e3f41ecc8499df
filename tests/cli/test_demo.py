"""``counterfoil demo``: a stranger's first minute, and the folder it may and may not touch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from counterfoil.cli.demo_folder import start_afresh
from counterfoil.errors import ConfigurationError
from tests.acme import CommandLine

pytestmark = pytest.mark.slow

DEMO = Path("counterfoil-demo")


def entries(folder: Path) -> int:
    months = (folder / DEMO / "books" / "counterfoil").glob("20*.beancount")
    return sum(path.read_text().count("pleo_entry:") for path in months)


def test_every_expense_is_booked_and_the_ledger_is_sound_each_time(
    shell: CommandLine, here: Path
) -> None:
    first = shell("demo")
    assert (first.code, first.err) == (0, "")
    assert "completed, 60 of 60 items booked" in first.out
    assert f"bean-check: {DEMO}/books/main.beancount is sound" in first.out
    assert "python -m counterfoil items --config counterfoil-demo/counterfoil.toml" in first.out
    booked = entries(here)
    (here / DEMO / "notes.txt").write_text("mine")
    assert shell("demo").code == 0
    assert (entries(here), booked) == (60, 60)
    assert (here / DEMO / "notes.txt").read_text() == "mine"
    rows = json.loads(shell("items", "--config", f"{DEMO}/counterfoil.toml", "--json").out)
    assert {row["status"] for row in rows} == {"successful"}
    assert all(row["debits"] and row["credits"] and row["external_url"] for row in rows)


def test_a_folder_that_no_demo_made_is_left_alone(counterfoil: CommandLine, here: Path) -> None:
    (here / DEMO / "books").mkdir(parents=True)
    (here / DEMO / "books" / "main.beancount").write_text("; ten years of accounts")
    said = counterfoil("demo")
    assert said.code == 2
    assert f"{here / DEMO} was not made by an earlier demo; move it away" in said.err
    assert (here / DEMO / "books" / "main.beancount").read_text() == "; ten years of accounts"


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_is_no_folder_is_left_alone(tmp_path: Path, kind: str) -> None:
    place = tmp_path / DEMO
    if kind == "file":
        place.write_text("mine")
    else:
        start_afresh(tmp_path / "real")
        place.symlink_to(tmp_path / "real")
    with pytest.raises(ConfigurationError, match="was not made by an earlier demo"):
        start_afresh(place)


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / DEMO).mkdir()
    start_afresh(tmp_path / DEMO)


def test_only_what_a_demo_makes_is_removed(tmp_path: Path) -> None:
    start_afresh(tmp_path)
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (outside / "kept").touch()
    (tmp_path / "books").symlink_to(outside)
    (tmp_path / "counterfoil.db-wal").touch()
    (tmp_path / "mine.beancount").touch()
    start_afresh(tmp_path)
    assert not (tmp_path / "books").exists()
    assert not (tmp_path / "counterfoil.db-wal").exists()
    assert (tmp_path / "mine.beancount").exists()
    assert (outside / "kept").exists()
