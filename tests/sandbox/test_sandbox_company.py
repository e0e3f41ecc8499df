"""The demo company: every kind of expense, the same every time, and books that fit it."""

from __future__ import annotations

import re
import struct
import tomllib
import zlib
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
import simplejson

from counterfoil.bookkeeping.parse import parse_item
from counterfoil.bookkeeping.plan import plan
from counterfoil.config import load
from counterfoil.sandbox import (
    Company,
    SandboxServer,
    State,
    demo_config_toml,
    queue_more,
    seed_company,
    write_demo_books,
)
from counterfoil.sandbox.catalogue import WALLETS
from tests.sandbox.conftest import check_response, contract

TODAY = date(2026, 7, 1)


@pytest.fixture(scope="module")
def acme() -> Company:
    return seed_company(State(), items=400, seed=7)


def payloads(company: Company, *, vendor_based: bool = False) -> list[dict[str, Any]]:
    """Read what an integration would, each receipt's URL being its place."""
    return [
        simplejson.loads(
            entry.payload(lambda entry_id, at: f"{entry_id}/{at}", vendor_based=vendor_based),
            use_decimal=True,
        )
        for entry in company.entries.values()
    ]


def enum(name: str) -> set[str]:
    return set(contract()["components"]["schemas"][name]["enum"])


def paid(amount: dict[str, dict[str, Any]]) -> Decimal:
    return Decimal(amount["inWalletCurrency"]["value"])


def lines_of(items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for item in items for line in item["accountingEntryLines"]]


def check_pdf(data: bytes) -> None:
    """Follow the cross-reference table to each object, and the stream to its length."""
    place = re.search(rb"startxref\n(\d+)\n%%EOF\n$", data)
    assert place
    table = data[int(place[1]) :]
    assert table.startswith(b"xref\n0 6\n")
    for number, offset in enumerate(re.findall(rb"(\d{10}) 00000 n", table), start=1):
        assert data[int(offset) :].startswith(b"%d 0 obj" % number)
    length = re.search(rb"/Length (\d+) >>\nstream\n", data)
    assert length
    assert data[length.end() + int(length[1]) :].startswith(b"\nendstream")


def check_png(data: bytes) -> None:
    """Check every chunk's sum, and that the pixels are all there."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, place = {}, 8
    while place < len(data):
        (length,) = struct.unpack_from(">I", data, place)
        named = data[place + 4 : place + 8 + length]
        assert struct.unpack_from(">I", data, place + 8 + length) == (zlib.crc32(named),)
        chunks[named[:4]] = named[4:]
        place += 12 + length
    width, height = struct.unpack_from(">II", chunks[b"IHDR"])
    assert len(zlib.decompress(chunks[b"IDAT"])) == height * (width + 1)
    assert list(chunks)[-1] == b"IEND"


def check_jpeg(data: bytes) -> None:
    """Walk from segment to segment until the scan, which ends with the image's end."""
    place = 2
    while data[place + 1] != 0xDA:
        assert data[place] == 0xFF
        place += 2 + int(struct.unpack_from(">H", data, place + 2)[0])
    assert (data[:2], data[-2:]) == (b"\xff\xd8", b"\xff\xd9")


CHECKS = {"application/pdf": check_pdf, "image/png": check_png, "image/jpeg": check_jpeg}


def test_a_small_company_has_every_type_and_sub_type() -> None:
    items = payloads(seed_company(State(), items=60))
    assert {item["type"] for item in items} == enum("ExportItemTypeV3")
    assert {item["subType"] for item in items} - {None} == enum("ExportItemSubTypeV3")


def test_a_seed_gives_the_same_company_and_another_seed_another() -> None:
    one, same, other = (seed_company(State(), items=50, seed=seed) for seed in (1, 1, 2))
    assert payloads(one) == payloads(same) != payloads(other)
    receipts = [[entry.receipts for entry in each.entries.values()] for each in (one, same)]
    assert receipts[0] == receipts[1]


def test_more_expenses_can_be_queued_later() -> None:
    company = seed_company(State(), items=5)
    added = queue_more(company, 3, seed=99)
    assert company.queued()[-3:] == added
    assert len(company.queued()) == 8


def test_the_company_is_varied(acme: Company) -> None:
    items = payloads(acme)
    lines = lines_of(items)
    assert {item["amount"]["inWalletCurrency"]["currency"] for item in items} == {
        wallet.currency for wallet in WALLETS
    }
    assert {line["tax"]["type"] for line in lines if line["tax"]} == enum("TaxTypeV3")
    methods = {item["bookkeeping"] and item["bookkeeping"]["method"] for item in items}
    assert methods == {"journal", "none", None}
    tagged = {
        item["bookkeeping"]["method"]
        for item in payloads(acme, vendor_based=True)
        if item["bookkeeping"]
    }
    assert "accounts_payable" in tagged
    assert any(len(item["accountingEntryLines"]) > 2 for item in items)
    assert any(item["servicePeriod"] for item in items)
    assert any(item["additionalInformation"].get("attendees") for item in items)
    assert any(paid(line["lineAmount"]) < 0 for line in lines)


def test_every_amount_fits_its_currency(acme: Company) -> None:
    steps = {wallet.currency: Decimal(10) ** (2 - wallet.digits) for wallet in WALLETS}
    for item in payloads(acme):
        currency = item["amount"]["inWalletCurrency"]["currency"]
        parts = [line["lineAmount"] for line in item["accountingEntryLines"]]
        assert sum(map(paid, parts)) == paid(item["amount"])
        assert all(paid(part) % steps[currency] == 0 for part in parts)


def test_net_and_tax_agree_with_the_tax_type(acme: Company) -> None:
    for line in lines_of(payloads(acme)):
        gross, net = paid(line["lineAmount"]), paid(line["netAmount"])
        tax = line["tax"]
        if tax and tax["type"] == "exclusive":
            assert net + paid(tax["amount"]) == gross
        else:
            assert net == gross


def test_reimbursements_settle_what_was_laid_out(acme: Company) -> None:
    items = payloads(acme)
    by_reference = {item["additionalInformation"]["reconciliationId"]: item for item in items}
    found = 0
    for item in items:
        names = item["additionalInformation"].get("reconciledEntries") or []
        spent = [by_reference[name] for name in names if name in by_reference]
        if item["type"].endswith("reimbursement") and spent and len(spent) == len(names):
            assert sum(paid(each["amount"]) for each in spent) == paid(item["amount"])
            found += 1
    assert found


def test_payments_name_the_invoice_they_pay(acme: Company) -> None:
    items = payloads(acme)
    invoices = {
        item["additionalInformation"]["invoiceInformation"]["invoiceNumber"]: item["supplier"]
        for item in items
        if item["type"] == "invoice"
    }
    payments = [item for item in items if item["type"] == "invoice_payment"]
    assert payments
    for item in payments:
        number = item["additionalInformation"]["invoiceInformation"]["invoiceNumber"]
        assert invoices.get(number, item["supplier"]) == item["supplier"]


def test_receipts_are_real_documents_all_different(acme: Company) -> None:
    receipts = [receipt for entry in acme.entries.values() for receipt in entry.receipts]
    assert {receipt.type for receipt in receipts} == set(CHECKS)
    assert len({receipt.data for receipt in receipts}) == len(receipts)
    for receipt in receipts:
        CHECKS[receipt.type](receipt.data)


def test_the_wire_shows_the_company_within_the_contract() -> None:
    state = State()
    company = seed_company(state, items=120)
    with SandboxServer(state) as server:
        for vendor_based in (False, True):
            job_id = state.queue_job(company.id, vendor_based=vendor_based)
            answer = httpx.get(
                f"{server.url}/v3/export-items",
                params={"job_id": job_id, "limit": 200},
                auth=(company.api_key, ""),
            )
            check_response(answer)
            assert len(answer.json()["data"]) == 120
            state.close(job_id)


async def test_every_expense_can_be_booked_in_the_books_that_come_with_it(
    acme: Company, tmp_path: Path
) -> None:
    write_demo_books(tmp_path / "books", 'Acme "Holding" \\ Sons')
    config = tmp_path / "counterfoil.toml"
    config.write_text(demo_config_toml("http://127.0.0.1:8890"))
    connection = load(config, {"PLEO_API_KEY": acme.api_key}).connections[0]
    async with connection.open_books() as books:
        assert list(await books.ready()) == []
        chart = await books.chart()
    for vendor_based in (False, True):
        for item in payloads(acme, vendor_based=vendor_based):
            assert plan(parse_item(item), chart, connection.settings, today=TODAY)


def test_the_configuration_names_an_account_for_every_wallet() -> None:
    config = tomllib.loads(demo_config_toml("http://127.0.0.1:8890"))
    wallets = config["connection"][0]["accounts"]["wallet"]
    assert wallets == {wallet.currency: wallet.code for wallet in WALLETS}
