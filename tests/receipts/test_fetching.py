"""An item's documents come to this machine whole, in order, once."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
import time
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from counterfoil.bookkeeping.entries import Document
from counterfoil.effects import Effect, observe
from counterfoil.errors import ItemFailureType, ReceiptDownloadFailure
from counterfoil.receipts import Limits, ReceiptExpired, ReceiptStore
from tests.receipts.hosting import PDF, PNG, QUICK, Host, a_file, item_with


def names_in(folder: Path, pattern: str = "*") -> list[str]:
    return sorted(path.name for path in folder.glob(pattern))


async def test_a_receipt_is_kept_with_its_hash_size_type_and_name(
    store: ReceiptStore, host: Host, host_url: str
) -> None:
    host.put("/a", PDF)
    (document,) = await store.fetch(item_with(a_file(f"{host_url}/a")))
    assert document.path.read_bytes() == PDF
    assert document == Document(
        path=document.path,
        sha256=hashlib.sha256(PDF).hexdigest(),
        size=len(PDF),
        media_type="application/pdf",
        name="Taxi SA.pdf",
    )


async def test_an_item_without_files_has_no_documents(store: ReceiptStore) -> None:
    assert await store.fetch(item_with()) == ()
    assert await store.fetch(item_with(None)) == ()


async def test_thirty_files_come_in_order_a_few_at_a_time(host: Host, host_url: str) -> None:
    under_way = most = 0

    async def slowly(request: Request) -> Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.005)
        under_way -= 1
        return Response(PDF + request.url.path.encode())

    files = []
    for number in range(30):
        host.put(f"/{number}", slowly)
        files.append(a_file(f"{host_url}/{number}", size=None))
    limits = replace(QUICK, parallel=4)
    async with ReceiptStore(host_url, limits=limits) as store:
        documents = await store.fetch(item_with(*files))
        ends = [document.path.read_bytes()[len(PDF) :].decode() for document in documents]
    assert ends == [f"/{number}" for number in range(30)]
    assert documents[29].name == "Taxi SA 30.pdf"
    assert 1 < most <= 4


async def test_the_same_content_twice_is_stored_once(
    store: ReceiptStore, host: Host, host_url: str
) -> None:
    host.put("/a", PDF)
    host.put("/b", PDF)
    one, other = await store.fetch(item_with(a_file(f"{host_url}/a"), a_file(f"{host_url}/b")))
    assert one.path == other.path
    assert names_in(one.path.parent) == [one.sha256]


async def test_what_came_is_not_fetched_again(
    store: ReceiptStore, host: Host, host_url: str
) -> None:
    host.put("/a", PDF)
    item = item_with(a_file(f"{host_url}/a"))
    assert await store.fetch(item) == await store.fetch(item)
    assert host.asked["/a"] == 1


@pytest.mark.parametrize("status", [403, 404, 410])
async def test_a_dead_url_is_told_apart_and_asked_once(
    store: ReceiptStore, host: Host, host_url: str, status: int
) -> None:
    host.put("/a", PDF)
    host.put("/dead", Response(status_code=status))
    with pytest.raises(ReceiptExpired, match="Receipt 2 of 2") as caught:
        await store.fetch(item_with(a_file(f"{host_url}/a"), a_file(f"{host_url}/dead")))
    assert caught.value.failure_type is ItemFailureType.RECEIPT_DOWNLOAD_FAILURE
    assert host.asked["/dead"] == 1


async def test_a_fresh_url_fetches_only_what_is_missing(
    store: ReceiptStore, host: Host, host_url: str
) -> None:
    host.put("/a", PDF)
    host.put("/fresh", PNG)
    first = a_file(f"{host_url}/a")
    with pytest.raises(ReceiptExpired):
        await store.fetch(item_with(first, a_file(f"{host_url}/dead", PNG, "image/png")))
    fresh = a_file(f"{host_url}/fresh", PNG, "image/png")
    documents = await store.fetch(item_with(first, fresh))
    assert [document.name for document in documents] == ["Taxi SA 1.pdf", "Taxi SA 2.png"]
    assert host.asked["/a"] == 1


async def test_a_dead_url_comes_before_other_failures(
    store: ReceiptStore, host: Host, host_url: str
) -> None:
    host.put("/bad", b"not a PDF")
    with pytest.raises(ReceiptExpired):
        await store.fetch(
            item_with(a_file(f"{host_url}/bad", b"not a PDF"), a_file(f"{host_url}/dead"))
        )


async def test_each_file_can_be_had_with_its_own_outcome(
    store: ReceiptStore, host: Host, host_url: str
) -> None:
    host.put("/a", PDF)
    item = item_with(a_file(f"{host_url}/dead"), a_file(f"{host_url}/a"))
    failure, document = await store.fetch_each(item)
    assert isinstance(failure, ReceiptExpired)
    assert isinstance(document, Document)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
async def test_a_passing_fault_is_tried_again(
    store: ReceiptStore, host: Host, host_url: str, status: int
) -> None:
    host.put("/a", Response(status_code=status), Response(status_code=status), PDF)
    await store.fetch(item_with(a_file(f"{host_url}/a")))
    assert host.asked["/a"] == 3


async def test_a_fault_that_stays_fails_after_four_tries(
    store: ReceiptStore, host: Host, host_url: str
) -> None:
    host.put("/a", Response(status_code=503))
    with pytest.raises(ReceiptDownloadFailure, match="answered 503"):
        await store.fetch(item_with(a_file(f"{host_url}/a")))
    assert host.asked["/a"] == 4


async def test_a_redirect_on_the_same_host_is_followed(
    store: ReceiptStore, host: Host, host_url: str
) -> None:
    host.put("/a", RedirectResponse("/b"))
    host.put("/b", PDF)
    assert len(await store.fetch(item_with(a_file(f"{host_url}/a")))) == 1


async def test_nothing_of_ours_is_sent_to_the_host(
    store: ReceiptStore, host: Host, host_url: str
) -> None:
    host.put("/a", RedirectResponse("/b", headers={"Set-Cookie": "a=b"}))
    host.put("/b", PDF)
    await store.fetch(item_with(a_file(f"{host_url}/a")))
    sent = {name for headers in host.headers for name in headers}
    assert "authorization" not in sent
    assert host.headers[0]["accept-encoding"] == "identity"
    assert host.headers[0]["host"] == httpx.URL(host_url).netloc.decode()


async def test_the_folder_is_private_and_goes_with_the_store(
    host: Host, host_url: str, tmp_path: Path
) -> None:
    host.put("/a", PDF)
    parent = tmp_path / "made" / "as needed"
    async with ReceiptStore(host_url, folder=parent, limits=QUICK) as store:
        (document,) = await store.fetch(item_with(a_file(f"{host_url}/a")))
        assert stat.S_IMODE(document.path.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(document.path.stat().st_mode) == 0o600
    assert names_in(parent) == []


async def test_what_a_killed_process_left_goes_after_a_day(host_url: str, tmp_path: Path) -> None:
    old, new, other = (
        tmp_path / name
        for name in ("counterfoil-receipts-old", "counterfoil-receipts-new", "other")
    )
    for folder in (old, new, other):
        folder.mkdir()
        (folder / "file").touch()
    for folder in (old, other):
        os.utime(folder, (time.time() - 90_000,) * 2)
    async with ReceiptStore(host_url, folder=tmp_path):
        pass
    assert names_in(tmp_path) == [new.name, other.name]


async def test_a_failed_download_leaves_nothing(
    store: ReceiptStore, host: Host, host_url: str, tmp_path: Path
) -> None:
    host.put("/a", PDF)
    with pytest.raises(ReceiptDownloadFailure):
        await store.fetch(item_with(a_file(f"{host_url}/a", size=5)))
    assert names_in(tmp_path, "*/*") == []


async def test_a_file_goes_with_the_last_item_that_holds_it(
    store: ReceiptStore, host: Host, host_url: str
) -> None:
    host.put("/a", PDF)
    one, two = (item_with(a_file(f"{host_url}/a"), number=number) for number in (1, 2))
    (document,) = await store.fetch(one)
    await store.fetch(two)
    store.forget(one.accounting_entry_id)
    assert names_in(document.path.parent) == [document.sha256]
    store.forget(two.accounting_entry_id)
    assert names_in(document.path.parent) == []
    store.forget(two.accounting_entry_id)


async def test_a_download_passes_the_gate_without_its_url(
    store: ReceiptStore, host: Host, host_url: str
) -> None:
    seen: list[Effect] = []

    class Watching:
        def before(self, effect: Effect, /) -> None:
            seen.append(effect)

        def after(self, effect: Effect, /) -> None:
            pass

    host.put("/a", PDF)
    item = item_with(a_file(f"{host_url}/a?signature=secret"))
    with observe(Watching()):
        await store.fetch(item)
    assert seen == [Effect("receipts.download", f"{item.accounting_entry_id}/1")]


async def test_an_error_that_is_not_a_receipts_own_stops_the_others(
    host: Host, host_url: str
) -> None:
    class Killed(BaseException):
        pass

    class Killing:
        def before(self, effect: Effect, /) -> None:
            if effect.target.endswith("/2"):
                raise Killed

        def after(self, effect: Effect, /) -> None:
            pass

    async def never(request: Request) -> Response:
        while not await request.is_disconnected():  # noqa: ASYNC110 -- starlette has no event for it
            await asyncio.sleep(0.02)
        return Response(PDF)

    host.put("/slow", never)
    item = item_with(a_file(f"{host_url}/slow"), a_file(f"{host_url}/b"))
    async with ReceiptStore(host_url, limits=replace(QUICK, seconds=100)) as store:
        with observe(Killing()), pytest.raises(Killed):
            await asyncio.wait_for(store.fetch(item), 30)


def test_limits_are_lowered_to_what_a_system_takes() -> None:
    assert Limits().at_most(None).max_bytes == Limits().max_bytes
    assert Limits().at_most(10**12).max_bytes == Limits().max_bytes
    assert Limits().at_most(1000).max_bytes == 1000


async def test_what_was_begun_first_comes_first(host: Host, host_url: str) -> None:
    asked: list[str] = []

    async def noted(request: Request) -> Response:
        asked.append(request.url.path)
        await asyncio.sleep(0.005)
        return Response(PDF)

    items = []
    for number in range(60):
        host.put(f"/{number}", noted)
        items.append(item_with(a_file(f"{host_url}/{number}"), number=number))
    async with ReceiptStore(host_url, limits=replace(QUICK, parallel=2)) as store:
        store.fetch_ahead(items[:20])
        for item, later in zip(items[:40], items[20:], strict=True):
            store.fetch_ahead([later])
            await store.fetch(item)
        for item in items[40:]:
            await store.fetch(item)
    places = [int(path[1:]) for path in asked]
    assert all(abs(number - place) < 10 for place, number in enumerate(places))
