"""A register in a file is copied while it is in use."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from counterfoil.register import open_register
from counterfoil.register.backup import BackupFailed, back_up
from tests.register.test_register_memory import job
from tests.register.test_register_retention import export


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Keep one job in a register, and what it booked."""
    with open_register(f"sqlite:///{tmp_path}/register.db") as register:
        export(register, "first")
    return tmp_path / "register.db"


def damage(file: Path) -> None:
    """Empty an index of a register behind its table's back."""
    with closing(sqlite3.connect(file)) as register:
        register.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = register.execute(
            "SELECT rootpage FROM sqlite_master WHERE type = 'index' AND tbl_name = 'parts'"
        ).fetchone()
        (size,) = register.execute("PRAGMA page_size").fetchone()
    with file.open("r+b") as damaged:
        # The index is empty now, which its table is not.
        damaged.seek((page - 1) * size)
        damaged.write(b"\x0a" + bytes(4) + size.to_bytes(2) + bytes(1))


def test_a_copy_holds_what_was_committed_when_it_was_made(source: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    with open_register(f"sqlite:///{source}") as register:
        assert back_up(source, copy) == copy.stat().st_size
        register.jobs.intend_claim(job("second"))
        assert back_up(source, copy) == copy.stat().st_size
        register.jobs.intend_claim(job("third"))
    with open_register(f"sqlite:///{copy}") as copied:
        assert {each.job_id for each in copied.jobs.all()} == {"first", "second"}


def test_a_copy_that_fails_leaves_the_older_one(source: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    back_up(source, copy)
    sound = copy.read_bytes()
    damage(source)
    with pytest.raises(BackupFailed, match="the copy is damaged"):
        back_up(source, copy)
    assert copy.read_bytes() == sound
    assert {path.name for path in tmp_path.glob("*copy*")} == {"copy.db"}


def test_what_is_no_register_is_not_copied(tmp_path: Path) -> None:
    (tmp_path / "register.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(BackupFailed, match="could not be copied"):
        back_up(tmp_path / "register.db", tmp_path / "copy.db")
    assert [path.name for path in tmp_path.iterdir()] == ["register.db"]
