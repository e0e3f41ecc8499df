"""Files are fetched side by side, and go on while the export computes."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from counterfoil.errors import ReceiptDownloadFailure
from counterfoil.limits import Limits, limited
from counterfoil.receipts import ReceiptStore
from counterfoil.receipts.line import Line
from tests.receipts.hosting import PDF, QUICK, Host, Names, a_file, item_with


def files_at(host: Host, url: str, count: int, seconds: float) -> list[dict[str, object]]:
    async def slow(_: Request) -> Response:
        await asyncio.sleep(seconds)
        return Response(PDF)

    for number in range(count):
        host.put(f"/{number}", slow)
    return [a_file(f"{url}/{number}") for number in range(count)]


def open_parts() -> list[str]:
    opened = (os.path.realpath(each) for each in Path("/proc/self/fd").glob("*"))
    return [path for path in opened if "/.part-" in path]


async def until(so: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not so():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


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


async def test_holding_off_takes_no_time_from_what_waits(host: Host, host_url: str) -> None:
    times: list[float] = []

    async def two_a_second(_: Request) -> Response:
        now = time.monotonic()
        times.append(now)
        if sum(now - each < 0.9 for each in times) <= 2:
            return Response(PDF)
        times.pop()
        return Response(status_code=429, headers={"Retry-After": "1"})

    for number in range(10):
        host.put(f"/{number}", two_a_second)
    limits = replace(QUICK, parallel=2, seconds=2.5, attempts=10)
    with limited(Limits()):
        async with ReceiptStore(host_url, limits=limits) as store:
            files = [a_file(f"{host_url}/{number}") for number in range(10)]
            assert len(await store.fetch(item_with(*files))) == 10


async def test_what_is_forgotten_while_it_waits_is_never_asked_for(
    host: Host, host_url: str
) -> None:
    go_on = threading.Event()

    async def until_told(_: Request) -> Response:
        await asyncio.to_thread(go_on.wait, 30)
        return Response(PDF)

    host.put("/0", PDF)
    host.put("/1", until_told)
    host.put("/2", PDF)
    zero, one, two = (item_with(a_file(f"{host_url}/{place}"), number=place) for place in range(3))
    async with ReceiptStore(host_url, limits=replace(QUICK, parallel=1)) as store:
        # Where the host is, is known from now on.
        await store.fetch(zero)
        store.fetch_ahead([one, two])
        await until(lambda: host.asked["/1"])
        store.forget(two.accounting_entry_id)
        # Its task has to hear of it before the thread takes the next.
        await asyncio.sleep(0.1)
        go_on.set()
        assert len(await store.fetch(one)) == 1
    assert host.asked == {"/0": 1, "/1": 1}


async def test_who_is_given_up_cuts_nobody_else(host: Host, host_url: str) -> None:
    go_on = threading.Event()

    async def until_told(_: Request) -> Response:
        await asyncio.to_thread(go_on.wait, 30)
        return Response(PDF)

    for number in (1, 2):
        host.put(f"/{number}", until_told)
    one, two = (item_with(a_file(f"{host_url}/{number}"), number=number) for number in (1, 2))
    async with ReceiptStore(host_url, limits=replace(QUICK, attempts=1)) as store:
        store.fetch_ahead([one, two])
        await until(lambda: host.asked["/1"] and host.asked["/2"])
        store.forget(one.accounting_entry_id)
        await asyncio.sleep(0)
        go_on.set()
        assert len(await store.fetch(two)) == 1


async def test_connections_are_kept_and_no_file_is_open_that_waits(
    host: Host, host_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected: list[str] = []
    connect = Line._connect

    def counted(line: Line, address: str) -> socket.socket:
        connected.append(address)
        return connect(line, address)

    monkeypatch.setattr(Line, "_connect", counted)
    files = files_at(host, host_url, 30, seconds=0.02)
    async with ReceiptStore(host_url, limits=replace(QUICK, parallel=2)) as store:
        fetching = asyncio.create_task(store.fetch(item_with(*files)))
        await until(lambda: host.asked.total() > 3)
        assert len(open_parts()) <= 2
        assert len(await fetching) == 30
    assert len(connected) == 2


async def test_many_files_of_a_host_need_one_look_at_its_name(host: Host, host_url: str) -> None:
    names = Names(["127.0.0.1"])
    files = files_at(host, host_url, 20, seconds=0)
    async with ReceiptStore(host_url, limits=QUICK, resolve=names) as store:
        assert len(await store.fetch(item_with(*files))) == 20
    assert names.asked == 1


async def test_what_waits_takes_the_address_that_was_found_last(host: Host, host_url: str) -> None:
    # Nothing listens on the second address of the loopback network.
    names = Names(["127.0.0.2"], ["127.0.0.1"])
    files = files_at(host, host_url, 6, seconds=0)
    async with ReceiptStore(
        host_url, limits=replace(QUICK, parallel=1, attempts=2), resolve=names
    ) as store:
        assert len(await store.fetch(item_with(*files))) == 6
    assert names.asked == 2


async def test_a_file_that_was_begun_is_finished_before_others(host: Host, host_url: str) -> None:
    asked: list[str] = []

    async def on(request: Request) -> Response:
        asked.append(request.url.path)
        await asyncio.sleep(0.01)
        return RedirectResponse(f"{request.url.path}/file")

    async def file(request: Request) -> Response:
        asked.append(request.url.path)
        return Response(PDF)

    for number in range(8):
        host.put(f"/{number}", on)
        host.put(f"/{number}/file", file)
    async with ReceiptStore(host_url, limits=replace(QUICK, parallel=1)) as store:
        files = [a_file(f"{host_url}/{number}") for number in range(8)]
        assert len(await store.fetch(item_with(*files))) == 8
    # Another is asked for while where to go on is read.
    waited = [asked.index(f"/{number}/file") - asked.index(f"/{number}") for number in range(8)]
    assert max(waited) <= 3
