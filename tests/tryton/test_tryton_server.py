"""The harness itself: every test finds the company as it was set up."""

from __future__ import annotations

import pytest

from tests.tryton.tryton_server import Database

pytestmark = pytest.mark.slow


def test_a_company_is_set_up(database: Database) -> None:
    rpc = database.service()
    states = {row["state"] for row in rpc.read("account.period", [], "state")}
    assert states == {"open", "closed", "locked"}
