"""Numbers, nulls and texts come through as Pleo sent them; what cannot be read fails alone."""

from __future__ import annotations

import json
from decimal import Decimal

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from counterfoil.pleo import ApiKeyAuth, PleoClient
from counterfoil.pleo.models import ExportItem, ExportJob, ExportJobItem, ItemUpdate
from tests.pleo.contract import check_component, sample
from tests.pleo.small_pleo import COMPANY, a_job, an_item, entry_id

JOB = a_job()["id"]
AMOUNTS = st.decimals(
    min_value=-(10**16), max_value=10**16, places=2, allow_nan=False, allow_infinity=False
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)
)


async def payload_of(body: bytes) -> dict[str, object]:
    """Read one payload through the client, from the bytes of its page."""
    whole = b'{"data": [%s], "pagination": {"hasNextPage": false}}' % body
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=whole))
    client = PleoClient(
        "http://pleo.test", ApiKeyAuth("key"), company_id=COMPANY, transport=transport
    )
    ((payload,),) = [page async for page in client.export_item_pages(JOB)]
    return payload


def with_amount(number: str) -> bytes:
    """Write an item whose amount is a number spelled like this."""
    item = an_item(1, amount={"inSupplierCurrency": "#", "inWalletCurrency": "#"})
    money = f'{{"currency": "EUR", "value": {number}}}'
    return json.dumps(item).replace('"#"', money).encode()


async def amount_of(number: str) -> Decimal:
    """Read the wallet amount of an item whose amount is spelled like this."""
    item = ExportItem.model_validate(await payload_of(with_amount(number)))
    return item.amount.in_wallet_currency.value


@given(AMOUNTS)
async def test_an_amount_of_18_digits_keeps_every_digit(amount: Decimal) -> None:
    assert str(await amount_of(f"{amount:f}")) == f"{amount:f}"


@pytest.mark.parametrize(
    ("spelled", "value"),
    [
        ("89696", "89696"),
        ("123456789012345678", "123456789012345678"),
        ("0.1", "0.1"),
        ("1234567890123456.78", "1234567890123456.78"),
        ("1e3", "1000"),
        ("-0", "0"),
    ],
)
async def test_a_number_is_what_it_says(spelled: str, value: str) -> None:
    assert await amount_of(spelled) == Decimal(value)


@pytest.mark.parametrize(
    "spelled", ['"100"', "true", "null", "[]", "9" * 5000, "1e99999999999999999999"]
)
async def test_what_is_no_usable_number_fails_its_item_alone(spelled: str) -> None:
    payload = await payload_of(with_amount(spelled))
    with pytest.raises(ValidationError, match="value"):
        ExportItem.model_validate(payload)


@given(st.dictionaries(st.text().map("x{}".format), JSON, max_size=4))
async def test_unknown_fields_are_kept_in_the_payload_and_ignored_by_the_model(
    extra: dict[str, object],
) -> None:
    item = an_item(1, **extra)
    payload = await payload_of(json.dumps(item).encode())
    assert payload == item
    assert ExportItem.model_validate(payload) == ExportItem.model_validate(an_item(1))


@given(st.text())
async def test_lists_that_pleo_may_lengthen_are_open(word: str) -> None:
    word = word.encode("utf-8", "replace").decode()
    item = an_item(1, type=word, subType=word, bookkeeping={"method": word})
    read = ExportItem.model_validate(await payload_of(json.dumps(item).encode()))
    assert (read.type, read.sub_type) == (word, word)
    assert read.bookkeeping is not None
    assert read.bookkeeping.method == word


async def test_half_a_surrogate_pair_becomes_a_replacement_character() -> None:
    item = an_item(1, note="half \ud83d and whole \U0001f9fe")
    payload = await payload_of(json.dumps(item).encode())
    assert payload["note"] == "half \ufffd and whole \U0001f9fe"
    assert ExportItem.model_validate(payload).note == payload["note"]


NULLABLE = [
    "bookkeeping",
    "contraAccount",
    "files",
    "note",
    "servicePeriod",
    "supplier",
    "team",
    "user",
    "vendor",
    "subType",
]


@given(st.sets(st.sampled_from(NULLABLE)))
def test_a_field_may_be_null_or_absent_alike(null: set[str]) -> None:
    item = an_item(1, **dict.fromkeys(null))
    assert ExportItem.model_validate(item) == ExportItem.model_validate(an_item(1))


def test_pleos_sample_job_is_read() -> None:
    job = ExportJob.model_validate(sample("get_export_job_response")["data"])
    assert (job.status, job.failure_reason_type, job.number_of_items) == ("pending", None, 4)


def test_pleos_sample_job_items_are_read() -> None:
    rows = sample("get_export_job_items_response")["data"]
    assert [ExportJobItem.model_validate(row).status for row in rows] == ["pending"] * 4


@pytest.mark.parametrize("place", [0, 1])
def test_pleos_sample_updates_are_what_we_write(place: int) -> None:
    row = sample("update_export_job_items_request")["successful_batch"][place]
    check_component(row, "UpdateExportJobItemV3")
    assert ItemUpdate.model_validate(row).accounting_entry_id == row["accountingEntryId"]


async def test_an_update_may_hold_any_text() -> None:
    sent: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.content)
        return httpx.Response(200, json={"data": [], "errors": []})

    client = PleoClient(
        "http://pleo.test",
        ApiKeyAuth("key"),
        company_id=COMPANY,
        transport=httpx.MockTransport(answer),
    )
    reason = 'No "6100" in\nthe books: caf\u00e9, \udce9'
    row = ItemUpdate(accounting_entry_id=entry_id(1), status="failed", failure_reason=reason)
    await client.update_items(JOB, [row])
    (update,) = json.loads(sent[0])
    check_component(update, "UpdateExportJobItemV3")
    assert update["failureReason"] == reason.replace("\udce9", "?")


async def test_errors_of_an_update_may_lack_words() -> None:
    error = {"accountingEntryId": entry_id(1), "message": None, "type": None}
    body = {"data": [], "errors": [error], "requestId": "new"}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=body))
    client = PleoClient(
        "http://pleo.test", ApiKeyAuth("key"), company_id=COMPANY, transport=transport
    )
    row = ItemUpdate(accounting_entry_id=entry_id(1), status="failed")
    result = await client.update_items(JOB, [row])
    assert [(error.message, error.type) for error in result.errors] == [("", "")]
