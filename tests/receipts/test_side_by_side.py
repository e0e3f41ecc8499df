"""Files are fetched side by side, and go on while the export computes."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from counterfoil.errors import ReceiptDownloadFailure
from counterfoil.limits import Limits, limited
from counterfoil.receipts import ReceiptStore
from tests.receipts.hosting import PDF, QUICK, Host, a_file, item_with


def files_at(host: Host, url: str, count: int, seconds: float) -> list[dict[str, object]]:
    async def slow(_: Request) -> Response:
        await asyncio.sleep(seconds)
        return Response(PDF)

    for number in range(count):
        host.put(f"/{number}", slow)
    return [a_file(f"{url}/{number}") for number in range(count)]


async def test_they_go_on_while_the_event_loop_is_busy(host: Host, host_url: str) -> None:
    first, *files = files_at(host, host_url, 8, seconds=0.01)
    async with ReceiptStore(host_url, limits=replace(QUICK, parallel=2)) as store:
        # Where the host is, is known from now on.
        await store.fetch(item_with(first, number=1))
        store.fetch_ahead([item_with(*files, number=2)])
        # Each task comes to where it waits for its file.
        await asyncio.sleep(0)
        deadline = time.monotonic() + 30
        while host.asked.total() < 8 and time.monotonic() < deadline:
            time.sleep(0.01)  # noqa: ASYNC251 -- the event loop stands still
        assert host.asked.total() == 8


async def test_no_more_at_once_than_the_limit(host: Host, host_url: str) -> None:
    now, most = 0, 0

    async def counted(_: Request) -> Response:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.02)
        now -= 1
        return Response(PDF)

    for number in range(20):
        host.put(f"/{number}", counted)
    async with ReceiptStore(host_url, limits=replace(QUICK, parallel=3)) as store:
        await store.fetch(item_with(*(a_file(f"{host_url}/{number}") for number in range(20))))
    assert most == 3


async def test_the_time_of_a_file_begins_when_it_is_asked_for(host: Host, host_url: str) -> None:
    files = files_at(host, host_url, 4, seconds=0.5)
    async with ReceiptStore(host_url, limits=replace(QUICK, parallel=1, seconds=1.5)) as store:
        assert len(await store.fetch(item_with(*files))) == 4


async def test_its_time_goes_on_over_redirects(host: Host, host_url: str) -> None:
    async def on(request: Request) -> Response:
        await asyncio.sleep(0.3)
        return Response(status_code=302, headers={"Location": f"{request.url.path}0"})

    for path in ("/1", "/10", "/100", "/1000"):
        host.put(path, on)
    async with ReceiptStore(host_url, limits=replace(QUICK, seconds=0.7)) as store:
        (failure,) = await store.fetch_each(item_with(a_file(f"{host_url}/1")))
    assert isinstance(failure, ReceiptDownloadFailure)
    assert "within 0.7 seconds" in str(failure)


async def test_what_waits_for_a_thread_leaves_a_host_alone_that_asks_for_it(
    host: Host, host_url: str
) -> None:
    when: list[float] = []

    async def busy(_: Request) -> Response:
        when.append(time.monotonic())
        if len(when) > 1:
            return Response(PDF)
        return Response(status_code=429, headers={"Retry-After": "1"})

    for number in range(4):
        host.put(f"/{number}", busy)
    async with AsyncExitStack() as stack:
        stack.enter_context(limited(Limits()))
        limits = replace(QUICK, parallel=1)
        store = await stack.enter_async_context(ReceiptStore(host_url, limits=limits))
        files = [a_file(f"{host_url}/{number}") for number in range(4)]
        assert len(await store.fetch(item_with(*files))) == 4
    first, *later = when
    assert min(later) - first > 0.9


async def test_what_is_forgotten_while_it_waits_is_never_asked_for(
    host: Host, host_url: str
) -> None:
    files = files_at(host, host_url, 3, seconds=0.3)
    zero, one, two = (item_with(file, number=number) for number, file in enumerate(files))
    async with ReceiptStore(host_url, limits=replace(QUICK, parallel=1)) as store:
        # Where the host is, is known from now on.
        await store.fetch(zero)
        store.fetch_ahead([one, two])
        await asyncio.sleep(0.1)
        store.forget(two.accounting_entry_id)
        assert len(await store.fetch(one)) == 1
    assert host.asked == {"/0": 1, "/1": 1}
