"""The how-to's tables are the program's data, row by row."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterfoil.bridge.old_api import Mark, OldApi, old_api

MARKS = {Mark.SAME: "", Mark.OTHER_FORM: r" \*", Mark.RESOLVED: r" \*\*", Mark.NONE: ""}


@pytest.fixture
def page(root: Path) -> list[str]:
    return (root / "docs" / "leaving-the-expenses-api.md").read_text().splitlines()


@pytest.fixture
def api() -> OldApi:
    return old_api()


def test_every_field_is_in_the_table(page: list[str], api: OldApi) -> None:
    for row in api.expense_fields:
        new = f"`{row.new}`{MARKS[row.mark]}" if row.new else "—"
        assert f"| `{row.old}` | {new} | {row.reason} |" in page


def test_every_type_and_status_is_in_its_table(page: list[str], api: OldApi) -> None:
    for row in api.types:
        assert f"| `{row.new}` | `{row.old}` | {row.reason} |" in page
    for status in api.statuses:
        assert f"| `{status.old}` | `{status.new}` | {status.reason} |" in page


def test_every_endpoint_is_in_its_table(page: list[str], api: OldApi) -> None:
    for row in api.endpoints:
        served = "yes" if row.bridge else "no"
        assert f"| `{row.old}` | {row.new} | {served} | {row.reason} |" in page
