"""The example adapter, as processes find it without installing it: an SQLite file for each book."""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path

__all__ = ["CONNECTION", "environment", "make_books"]

EXAMPLE = Path(__file__).parents[2] / "examples" / "sqlbooks"
CONNECTION = """
[[connection]]
name = "{name}"
company_id = "{company}"
api_key = "env:{key}"
system = "sqlbooks"
options.database = "{name}.sqlite"
accounts = {{ wallet = "1800" }}
"""
"""A connection's part of the configuration; its books lie beside that."""


def environment(folder: Path) -> dict[str, str]:
    """Return this process's environment, in which the adapter is found as if it were installed."""
    about = folder / "installed" / "counterfoil_sqlbooks-1.0.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: counterfoil-sqlbooks\nVersion: 1\n"
    )
    (about / "entry_points.txt").write_text("[counterfoil.systems]\nsqlbooks = sqlbooks:KIND\n")
    paths = [str(about.parent), str(EXAMPLE / "src"), os.environ.get("PYTHONPATH")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def make_books(path: Path) -> None:
    """Make empty books, with every period open; their tables stand in the example's own tests."""
    text = (EXAMPLE / "tests" / "test_sqlbooks.py").read_text()
    found = re.search(r'TABLES = """(.*?)"""', text, re.DOTALL)
    assert found is not None
    with closing(sqlite3.connect(path)) as books:
        books.executescript(found[1])
        books.execute("DELETE FROM closed")
        books.commit()
