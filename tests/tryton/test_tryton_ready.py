"""Whether a job could be done: each obstacle has its own type and sentence, with what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from counterfoil.errors import JobFailureType
from counterfoil.systems.contract import EntryState, Problem, Uniqueness
from counterfoil.systems.tryton import Tryton
from tests.tryton.tryton_books import Books, booked, options
from tests.tryton.tryton_company import ADMIN, WEAK
from tests.tryton.tryton_server import Database, free_port
from tests.tryton.tryton_server import Tryton as Server

pytestmark = pytest.mark.slow


async def problem(database: Database, folder: Path, /, **changes: Any) -> Problem:  # noqa: ANN401 -- options of any type
    async with Tryton(options(database, folder / "password", **changes), folder) as system:
        (found,) = await system.ready()
        return found


async def test_nobody_listens(database: Database, tmp_path: Path) -> None:
    found = await problem(database, tmp_path, url=f"http://127.0.0.1:{free_port()}")
    assert found.failure_type is JobFailureType.ACCOUNTING_SYSTEM_UNREACHABLE
    assert found.passing
    assert "does not answer" in found.message


async def test_no_such_database(database: Database, tmp_path: Path) -> None:
    found = await problem(database, tmp_path, database="nowhere")
    assert found.failure_type is JobFailureType.INVALID_CONFIGURATION
    assert "has no database nowhere" in found.message


async def test_a_password_that_is_not_the_user_s(database: Database, tmp_path: Path) -> None:
    found = await problem(database, tmp_path, user=ADMIN[0])
    assert found.failure_type is JobFailureType.ACCOUNTING_SYSTEM_AUTHENTICATION_FAILURE
    assert not found.passing
    assert "the user admin" in found.message


async def test_a_user_without_rights(database: Database, tmp_path: Path) -> None:
    (tmp_path / "weak").write_text(WEAK[1])
    weak = f"file:{tmp_path / 'weak'}"
    found = await problem(database, tmp_path, user=WEAK[0], password=weak)
    assert found.failure_type is JobFailureType.AUTHORIZATION_FAILURE
    assert "Accounting" in found.message


async def test_no_such_company(database: Database, tmp_path: Path) -> None:
    found = await problem(database, tmp_path, company=7)
    assert found.failure_type is JobFailureType.INVALID_CONFIGURATION
    assert "no company 7; there is 1 (Acme Ltd)" in found.message


async def test_no_such_journal_and_no_such_party(database: Database, tmp_path: Path) -> None:
    found = await problem(database, tmp_path, journal="NONE")
    assert "has no journal NONE; there is CASH, EXC, EXP, MISC" in found.message
    found = await problem(database, tmp_path, fallback_party="V099")
    assert "no active party with the code V099" in found.message


async def test_a_module_that_is_not_active(tryton: Server, tmp_path: Path) -> None:
    gone = ["account_invoice", "analytic_invoice", "counterfoil"]
    with tryton.database(without=gone) as database:
        found = await problem(database, tmp_path)
    assert found.failure_type is JobFailureType.INVALID_CONFIGURATION
    assert "module account_invoice is not active" in found.message


async def test_a_secret_that_is_not_set(database: Database, tmp_path: Path) -> None:
    found = await problem(database, tmp_path, password="env:NOT_SET_ANYWHERE")
    assert found.failure_type is JobFailureType.MISSING_CONFIGURATION
    assert "env:NOT_SET_ANYWHERE" in found.message


async def test_a_session_that_ends_in_the_middle_is_begun_anew(
    books: Books, database: Database
) -> None:
    entry = books.entry(final=True)
    rpc = database.admin()
    inside = books.system._inside
    assert inside is not None
    session = inside.access
    vars(session)["_session"] = "Session bm9ib2R5OjE6a2V5"
    assert await books.record(entry) == booked(entry)
    assert (await books.found(entry)).state is EntryState.POSTED
    rpc.close()


async def test_a_rest_key_does_all_that_a_session_does(database: Database, tmp_path: Path) -> None:
    rpc = database.admin()
    user = rpc.one("res.user", ["login", "=", "counterfoil"])
    id = rpc.make("res.user.application", user=user, application="rest")
    (row,) = rpc.read("res.user.application", [["id", "=", id]], "key", "state")
    assert row["state"] == "validated"
    (tmp_path / "key").write_text(row["key"])
    key = f"file:{tmp_path / 'key'}"
    chosen = options(database, tmp_path / "password", user=None, password=None, api_key=key)
    async with Books.of(chosen, tmp_path) as books:
        assert books.system.capabilities.uniqueness is Uniqueness.UNIQUE_REFERENCE
        bad = books.entry(books.line("6999", "1.00"), books.line("1800", "-1.00"))
        entries = [books.entry(final=True), bad, books.bill(final=True), books.payment(final=True)]
        results = await books.record(*entries)
        good = [each for each in entries if each is not bad]
        assert [result for result in results if result.reference != bad.reference] == booked(*good)
        states = {(await books.found(entry)).state for entry in good}
        assert states == {EntryState.POSTED}
        await books.system.settle(
            (await books.found(entries[3])).id, (await books.found(entries[2])).id
        )
        assert (await books.found(entries[2])).settled
        await books.system.reverse((await books.found(entries[0])).id, entries[0].date)
        assert (await books.found(entries[0])).state is EntryState.REVERSED


async def test_a_rest_key_that_was_cancelled(database: Database, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("cancelled")
    chosen = options(database, tmp_path / "password").model_copy(
        update={"user": None, "password": None, "api_key": f"file:{tmp_path / 'key'}"}
    )
    async with Tryton(chosen, tmp_path) as system:
        (found,) = await system.ready()
    assert found.failure_type is JobFailureType.ACCOUNTING_SYSTEM_AUTHENTICATION_FAILURE


async def test_reading_needs_no_lock_and_writes_nothing(
    books: Books, tmp_path: Path, tryton: Server
) -> None:
    system = Tryton(books.system._options, tmp_path)
    async with system.reading():
        assert await system.ready() == []
        assert (await system.chart()).by_code["6100"].name == "Travel"
    assert system.target == (f"tryton:127.0.0.1:{tryton.port}/{books.system._options.database}/1")


async def test_what_the_chart_tells_the_rules(books: Books) -> None:
    chart = books.chart
    assert chart.taxes["RC20"].ingoing_account == books.account("2201")
    assert chart.taxes["RC20"].outgoing_account == books.account("2202")
    (blocked,) = chart.vendors_by["code", "v099"]
    assert blocked.blocked
    (employee,) = chart.vendors_by["code", "e01"]
    assert employee.account == books.account("2010")
    assert chart.dimensions is not None
    assert chart.dimensions["REGION"] == {"EMEA", "APAC"}
    assert chart.accounts[books.account("6999")].closed is not None
