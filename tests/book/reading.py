"""Reads a case of the book: an item, a configuration, and what an accountant expects of them.

A case is a small TOML file; ``README.md`` beside this module says what may stand in it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from counterfoil.bookkeeping.chart import Chart
from counterfoil.bookkeeping.settings import Settings
from tests.book.books import CHART, TODAY, changed_chart, changed_settings
from tests.book.items import Json, item_json, known_only

__all__ = ["CASES", "Case", "read_case", "read_cases"]

CASES = Path(__file__).parent / "cases"

_CASE_KEYS = {
    "title",
    "why",
    "today",
    "pays",
    "methods",
    "item",
    "settings",
    "chart",
    "entry",
    "failure",
}
_ENTRY_KEYS = {
    "part",
    "date",
    "currency",
    "lines",
    "payee",
    "narration",
    "final",
    "original_date",
    "document_date",
    "due_date",
    "invoice_number",
    "vendor",
    "link",
    "details",
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One case under one bookkeeping method."""

    group: str
    name: str
    title: str
    why: str
    method: str
    raw: Json
    """The file itself, for the reference page."""
    item: Json
    chart: Chart
    settings: Settings
    today: date
    pays: str | None
    entries: Sequence[Json]
    failure: Json | None

    @property
    def id(self) -> str:
        """The case's name in the test report."""
        return f"{self.group}/{self.name}[{self.method}]"


def read_cases() -> list[Case]:
    """Read the whole book, in order."""
    return [case for path in sorted(CASES.glob("*/*.toml")) for case in read_case(path)]


def read_case(path: Path) -> Iterator[Case]:
    """Read one file: a case for each of its methods."""
    raw = tomllib.loads(path.read_text("utf-8"), parse_float=Decimal)
    known_only(raw, _CASE_KEYS, path.name)
    entries = raw.get("entry", [])
    for entry in entries:
        known_only(entry, _ENTRY_KEYS, path.name)
    if bool(entries) == ("failure" in raw):
        raise ValueError(f"{path.name}: either entries or a failure must be expected")
    for method in raw.get("methods", ["journal"]):
        yield Case(
            group=path.parent.name,
            name=path.stem,
            title=raw["title"],
            why=raw.get("why", ""),
            method=method,
            raw=raw,
            item=item_json(deepcopy(raw.get("item", {})), method),
            chart=changed_chart(CHART, raw.get("chart", {})),
            settings=changed_settings(raw.get("settings", {})),
            today=raw.get("today", TODAY),
            pays=raw.get("pays"),
            entries=entries,
            failure=raw.get("failure"),
        )
