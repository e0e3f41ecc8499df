"""The old wire, taken generously and answered exactly: paths, queries, pages, bodies, tokens."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from counterfoil.sandbox.faults import Kind
from counterfoil.sandbox.items import build_line, build_tax
from counterfoil.sandbox.model import Receipt
from tests.bridge.conftest import TOKEN, Acme, OldProgram

pytestmark = pytest.mark.slow

PDF = b"%PDF-1.4\n%%EOF\n"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/expenses",
        "/v1/expenses/",
        "/expenses",
        "/expenses/",
        "//v1//expenses//",
        "/v1/expenses?status=QUEUED",
        "/v1/expenses/?status=queued&pageSize=100000",
        "/v1/expenses?status=QUEUED,EXPORTING&pageSize=1e+06",
        "/v1/expenses?status=QUEUED&status=EXPORTED&pageSize=10.0&pageOffset=0.0",
        "/v1/expenses?status[]=QUEUED&pageSize=2000&pageOffset=",
        "/v1/expenses?status=&unheardOf=1",
        "/v1/expenses?dateFrom=2020-01-01",
        "/v1/expenses?dateFrom=2020-01-01T00:00:00.000Z&dateTo=2999-12-31",
        "/v1/expenses?dateFrom=2020-01-01T00:00:00+00:00",
        "/v1/expenses?types=CARD&types=MANUAL",
    ],
)
async def test_ways_to_ask_for_the_same_expense(acme: Acme, old: OldProgram, path: str) -> None:
    (one,) = acme.items(1)
    acme.export()
    answer = await old.get(path)
    assert [each["id"] for each in answer["expenses"]] == [one]
    assert answer["metadata"]["pageInfo"]["totalCount"] == 1


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("pageSize=0", "pageSize"),
        ("pageSize=-1", "pageSize"),
        ("pageSize=ten", "pageSize"),
        ("pageSize=1.5", "pageSize"),
        ("pageSize=NaN", "pageSize"),
        ("pageSize=1e99", "pageSize"),
        ("pageOffset=-1", "pageOffset"),
        ("status=BOOKED", "status"),
        ("dateFrom=yesterday", "dateFrom"),
        ("dateTo=2026-13-01", "dateTo"),
    ],
)
async def test_what_cannot_be_is_refused_by_name(old: OldProgram, query: str, named: str) -> None:
    answer = await old.ask("GET", f"/v1/expenses?{query}")
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(f"{named}: ")


async def test_pages_say_where_the_next_begins_and_the_last_says_null(
    acme: Acme, old: OldProgram
) -> None:
    ids = acme.items(5)
    acme.export()
    pages = [
        await old.get("/v1/expenses", status="QUEUED", pageSize=2, pageOffset=at)
        for at in (0, 2, 4)
    ]
    assert [page["metadata"] for page in pages] == [
        {"pageInfo": {"pageSize": 2, "totalCount": 5, "nextPageOffset": after}}
        for after in (2, 4, None)
    ]
    told = [each["id"] for page in pages for each in page["expenses"]]
    assert sorted(told) == sorted(ids)
    beyond = await old.get("/v1/expenses", status="QUEUED", pageSize=2, pageOffset=100)
    assert beyond["expenses"] == []


async def test_marking_a_page_before_the_next_is_read_passes_nothing_over(
    acme: Acme, old: OldProgram
) -> None:
    ids = acme.items(7)
    job = acme.export()
    offset: int | None = 0
    told: list[str] = []
    while offset is not None:
        page = await old.get("/v1/expenses", status="QUEUED", pageSize=3, pageOffset=offset)
        told += [each["id"] for each in page["expenses"]]
        await old.exported(*[each["id"] for each in page["expenses"]])
        offset = page["metadata"]["pageInfo"]["nextPageOffset"]
    assert sorted(told) == sorted(ids)
    assert acme.job(job) == "completed"


async def test_what_was_exported_since_is_not_on_a_later_page(acme: Acme, old: OldProgram) -> None:
    acme.items(4)
    acme.export()
    first = await old.get("/v1/expenses", status="QUEUED", pageSize=2)
    everything = await old.ids(status="QUEUED")
    later = [entry for entry in everything if entry not in [e["id"] for e in first["expenses"]]]
    await old.get("/v1/expenses", status="QUEUED", pageSize=2)
    await old.exported(later[0])
    rest = await old.get("/v1/expenses", status="QUEUED", pageSize=2, pageOffset=2)
    assert [each["id"] for each in rest["expenses"]] == [later[1]]


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ({"dateFrom": "2026-03-02"}, [2, 3]),
        ({"dateTo": "2026-03-02"}, [1, 2]),
        ({"dateFrom": "2026-03-02", "dateTo": "2026-03-02"}, [2]),
        ({"dateTo": "2026-03-02T11:59:59.999Z"}, [1]),
        ({"dateTo": "2026-03-02T12:00:00.000Z"}, [1, 2]),
        ({"dateFrom": "2026-03-02T12:00:00.001Z"}, [3]),
        ({"dateFrom": "2026-03-02T14:00:00+02:00"}, [2, 3]),
    ],
)
async def test_dates_filter_by_the_day_or_to_the_millisecond(
    acme: Acme, old: OldProgram, query: dict[str, str], days: list[int]
) -> None:
    ids = {day: acme.item(date=f"2026-03-0{day}T12:00:00.000Z") for day in (1, 2, 3)}
    acme.export()
    assert await old.ids(status="QUEUED", **query) == [ids[day] for day in days]


async def test_types_accounts_and_tags_filter(acme: Acme, old: OldProgram) -> None:
    card = acme.item(lines=[build_line(100, tags=[("project", "P1")])])
    manual = acme.item(type="mileage")
    acme.export()
    assert await old.ids(types="MANUAL") == [manual]
    shown = await old.get(f"/v1/expenses/{card}")
    assert await old.ids(accountId=shown["accountId"]) == [card]
    assert await old.ids(tagId=shown["tagIds"][0]["id"]) == [card]
    assert await old.ids(tagId="no-such-tag") == []


async def test_a_single_expense_and_what_it_no_longer_tells(acme: Acme, old: OldProgram) -> None:
    (one,) = acme.items(1)
    acme.export()
    await old.queued()
    answer = await old.ask("GET", f"/v1/expenses/{one}/")
    assert answer.json()["id"] == one
    assert answer.json()["status"] == "QUEUED"
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    absent = answer.headers["Counterfoil-Absent"].split(", ")
    assert {"amountOriginal", "deletedAt", "cardTransaction.state"} <= set(absent)
    assert set((await old.get("/v1"))["absent"]) <= set(absent)


async def test_nobodys_expense_is_not_found(old: OldProgram) -> None:
    for path in ("/v1/expenses/x", "/v1/expenses/x/receipts", "/v1/expenses/x/receipts/y"):
        assert (await old.ask("GET", path)).status_code == 404


async def test_receipts_have_download_urls(acme: Acme, old: OldProgram) -> None:
    one = acme.item(receipts=[Receipt(PDF), Receipt(PDF, "image/png")])
    acme.export()
    (expense,) = (await old.get("/v1/expenses", status="QUEUED"))["expenses"]
    receipts = await old.get(f"/v1/expenses/{one}/receipts")
    assert [each["id"] for each in receipts] == expense["receiptIds"]
    assert [each["mimeType"] for each in receipts] == ["application/pdf", "image/png"]
    single = await old.get(f"/v1/expenses/{one}/receipts/{receipts[1]['id']}")
    assert single == receipts[1]
    assert receipts[0]["url"].startswith("http://127.0.0.1")
    page = await old.get(f"/v1/expenses/{one}/receipts", pageSize=1)
    assert page["receipts"] == receipts[:1]
    assert page["metadata"]["pageInfo"]["nextPageOffset"] == 1


async def test_accounts_employees_and_tags_that_items_mention(acme: Acme, old: OldProgram) -> None:
    user = {"id": "user-1", "name": "Anna Maria Holm", "code": "E1"}
    acme.item(user=user, lines=[build_line(100, "6100", tags=[("project", "P1")])])
    acme.item(user=user, account="6300")
    acme.export()
    expenses = (await old.get("/v1/expenses"))["expenses"]
    accounts = await old.get("/v1/accounts/", pageSize=1000)
    assert {row["accountNumber"] for row in accounts["accounts"]} == {"6100", "6300"}
    assert {row["id"] for row in accounts["accounts"]} == {each["accountId"] for each in expenses}
    one = accounts["accounts"][0]
    assert await old.get(f"/v1/accounts/{one['id']}") == one
    employees = await old.get("/v1/employees", pageOffset=0)
    assert employees["metadata"]["pageInfo"]["totalCount"] == 1
    assert employees["employees"][0]["firstName"] == "Anna Maria"
    assert employees["employees"][0]["lastName"] == "Holm"
    assert (await old.get("/v1/employees/user-1"))["code"] == "E1"
    (group,) = await old.get("/v1/tag-groups")
    assert group["name"] == "project"
    assert await old.get(f"/v1/tag-groups/{group['id']}") == group
    (tag,) = await old.get(f"/v1/tag-groups/{group['id']}/tags")
    assert tag["attributeValues"] == [{"attributeId": "project", "value": "P1"}]
    assert await old.get(f"/v1/tag-groups/project/tags/{tag['id']}") == tag
    paged = await old.get("/v1/tag-groups", pageSize=10)
    assert paged["tagGroups"] == [group]
    assert (await old.get("/v1/tag-groups/project/tags", pageOffset=0))["tags"] == [tag]
    assert (await old.ask("GET", "/v1/tag-groups/nothing")).status_code == 404


async def test_tax_codes_that_items_mention(acme: Acme, old: OldProgram) -> None:
    tax = {**build_tax(200, code="RC20", type="reverse", ingoing="2201"), "id": "tax-1"}
    acme.item(lines=[{**build_line(1200), "tax": tax}])
    acme.export()
    (shown,) = (await old.get("/v1/tax-codes", hidden="true"))["taxCodes"]
    assert shown == {
        "id": "tax-1",
        "name": "RC20",
        "rate": Decimal("0.2"),
        "enabled": True,
        "code": "RC20",
        "type": "reverse",
        "ingoingTaxAccount": "2201",
        "outgoingTaxAccount": None,
        "createdAt": None,
        "updatedAt": None,
        "deletedAt": None,
    }
    assert await old.get("/v1/tax-codes/tax-1") == shown


def _bodies(one: str, two: str) -> list[Any]:
    return [
        [{"id": one, "status": "EXPORTED"}, {"id": two, "status": "EXPORTED"}],
        {"ids": [one, two], "status": "EXPORTED"},
        [{"ids": [one], "status": "EXPORTED"}, {"ids": [two], "status": "exported"}],
        {"expenses": [{"id": one, "status": "EXPORTED"}, {"id": two, "status": "EXPORTED"}]},
        {"status": "EXPORTED", "expenses": [{"id": one}, {"id": two}]},
        {"status": "EXPORTED", "expenses": [one, two]},
        {"status": "EXPORTED", "expenseIds": [one, two]},
        [{"expenseId": one, "status": "EXPORTED"}, {"id": two, "status": " EXPORTED "}],
        [
            {"id": one, "status": "EXPORTING"},
            {"id": two, "status": "EXPORTED"},
            {"id": one, "status": "EXPORTED"},
        ],
    ]


@pytest.mark.parametrize("shape", range(9))
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_bodies_in_which_ids_and_statuses_can_be_recognised(
    acme: Acme, old: OldProgram, shape: int, method: str
) -> None:
    one, two = acme.items(2)
    job = acme.export()
    await old.queued()
    answer = await old.ask(method, "/v1/expenses/", json=_bodies(one, two)[shape])
    assert answer.status_code == 200, answer.text
    assert {each["id"]: each["status"] for each in answer.json()["expenses"]} == {
        one: "EXPORTED",
        two: "EXPORTED",
    }
    assert acme.job(job) == "completed"


async def test_a_single_expense_is_marked_by_its_path(acme: Acme, old: OldProgram) -> None:
    one, two = acme.items(2)
    job = acme.export()
    await old.queued()
    for entry_id in (one, two):
        answer = await old.ask("PUT", f"/v1/expenses/{entry_id}", json={"status": "EXPORTED"})
        assert answer.status_code == 200
    assert acme.job(job) == "completed"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/expenses/ID?status=EXPORTED", b""),
        ("/v1/expenses/ID/?status=exported", b"{}"),
        ("/v1/expenses?status=EXPORTED&ids=ID", b""),
        ("/v1/expenses?status=EXPORTED", b'["ID"]'),
        ("/v1/expenses?status=EXPORTED", b'{"ids": ["ID"]}'),
    ],
)
async def test_a_status_in_the_query_counts_where_the_body_says_none(
    acme: Acme, old: OldProgram, path: str, body: bytes
) -> None:
    (one,) = acme.items(1)
    job = acme.export()
    await old.queued()
    content = body.replace(b"ID", one.encode())
    answer = await old.ask("PUT", path.replace("ID", one), content=content)
    assert answer.status_code == 200, answer.text
    assert acme.job(job) == "completed"


async def test_names_can_be_looked_up_before_expenses_are_asked_for(
    acme: Acme, old: OldProgram
) -> None:
    acme.item(user={"id": "user-1", "name": "Anna", "code": "E1"}, account="6100")
    job = acme.export()
    accounts = (await old.get("/v1/accounts"))["accounts"]
    employees = (await old.get("/v1/employees"))["employees"]
    assert acme.job(job) == "pending"
    (expense,) = (await old.get("/v1/expenses", status="QUEUED"))["expenses"]
    assert [row["id"] for row in accounts] == [expense["accountId"]]
    assert [row["id"] for row in employees] == [expense["employeeId"]]
    assert employees[0]["lastName"] is None


async def test_names_of_known_expenses_are_told_while_pleo_is_away(
    acme: Acme, old: OldProgram
) -> None:
    acme.items(1)
    acme.export()
    await old.queued()
    acme.fault(Kind.UNAVAILABLE, "*")
    assert len((await old.get("/v1/accounts"))["accounts"]) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        b"null",
        b'"EXPORTED"',
        b'{"status": "EXPORTED"}',
        b'["ID"]',
        b'[{"id": "ID"}]',
        b'{"ids": ["ID"]}',
        b'[{"id": "ID", "status": "BOOKED"}]',
        b'[{"id": "ID", "status": 7}]',
        b'[{"id": 7, "status": "EXPORTED"}]',
        b'[{"id": "ID", "status": "EXPORTED"}, 7]',
    ],
)
async def test_a_body_that_says_nothing_clear_changes_nothing(
    acme: Acme, old: OldProgram, body: bytes
) -> None:
    (one,) = acme.items(1)
    job = acme.export()
    await old.queued()
    answer = await old.ask("PUT", "/v1/expenses", content=body.replace(b"ID", one.encode()))
    assert answer.status_code == 400
    assert "Nothing was changed" in answer.json()["message"]
    assert acme.outcomes(job) == {one: "pending"}


@pytest.mark.parametrize("header", ["Bearer wrong", "Basic xyz", "", "Bearer", "Bearer \x80"])
async def test_without_the_token_nothing_is_told(acme: Acme, header: str) -> None:
    acme.items(1)
    job = acme.export()
    async with acme.bridge() as old:
        headers = {"Authorization": header.encode("latin-1")}
        answer = await old.ask("GET", "/v1/expenses?status=QUEUED", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert TOKEN not in answer.text
    assert acme.job(job) == "pending"


@pytest.mark.parametrize("header", [f"bearer {TOKEN}", f"BEARER  {TOKEN} ", TOKEN])
async def test_ways_to_send_the_token(old: OldProgram, header: str) -> None:
    answer = await old.ask("GET", "/v1/expenses", headers={"Authorization": header})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/companies/balance", 404),
        ("GET", "/v1/me", 404),
        ("POST", "/v1/expenses", 405),
        ("DELETE", "/v1/employees/x", 405),
    ],
)
async def test_what_is_not_served_says_so(
    old: OldProgram, method: str, path: str, status: int
) -> None:
    answer = await old.ask(method, path)
    assert answer.status_code == status
    assert "expenses check" in answer.json()["message"]
