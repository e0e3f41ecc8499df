"""A book of hostile answers: each ends as a named failure of its receipt, and no more."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from counterfoil.errors import ItemFailureType, ReceiptDownloadFailure, ReceiptTooLarge
from counterfoil.receipts import ReceiptExpired, ReceiptNotAllowed, ReceiptStore
from tests.receipts.hosting import HTML, PDF, PNG, QUICK, Host, a_file, item_with, raw_server


async def failure_of(store: ReceiptStore, file: dict[str, object]) -> ReceiptDownloadFailure:
    """Fetch an item with this one file, which must fail."""
    with pytest.raises(ReceiptDownloadFailure) as caught:
        await store.fetch(item_with(file))
    return caught.value


async def test_nothing_there(store: ReceiptStore, host_url: str) -> None:
    assert isinstance(await failure_of(store, a_file(f"{host_url}/gone")), ReceiptExpired)


async def test_empty(store: ReceiptStore, host: Host, host_url: str) -> None:
    host.put("/a", b"")
    assert "empty" in str(await failure_of(store, a_file(f"{host_url}/a", b"")))
    assert "empty" in str(await failure_of(store, a_file(f"{host_url}/a", size=None)))


async def test_empty_where_more_was_announced(
    store: ReceiptStore, host: Host, host_url: str
) -> None:
    host.put("/a", b"")
    assert "Only 0 of the" in str(await failure_of(store, a_file(f"{host_url}/a")))


async def test_an_error_page_with_200(store: ReceiptStore, host: Host, host_url: str) -> None:
    host.put("/a", HTML)
    failure = await failure_of(store, a_file(f"{host_url}/a", HTML))
    assert str(failure) == (
        "Receipt 1 of 1: Pleo announced application/pdf, "
        "but an HTML page came, probably an error page."
    )


async def test_an_error_page_for_a_file_of_no_announced_type(
    store: ReceiptStore, host: Host, host_url: str
) -> None:
    host.put("/a", HTML)
    assert "HTML" in str(await failure_of(store, a_file(f"{host_url}/a", HTML, None)))


async def test_another_type_than_announced(store: ReceiptStore, host: Host, host_url: str) -> None:
    host.put("/a", PNG)
    assert "but PNG came" in str(await failure_of(store, a_file(f"{host_url}/a", PNG)))


async def test_bigger_than_announced(store: ReceiptStore, host: Host, host_url: str) -> None:
    host.put("/a", PDF)
    failure = await failure_of(store, a_file(f"{host_url}/a", size=len(PDF) - 1))
    assert "More came than" in str(failure)
    assert host.asked["/a"] == 1


async def test_smaller_than_announced(store: ReceiptStore, host: Host, host_url: str) -> None:
    host.put("/a", PDF)
    failure = await failure_of(store, a_file(f"{host_url}/a", size=len(PDF) + 1))
    assert f"Only {len(PDF)} of the {len(PDF) + 1} bytes" in str(failure)


async def test_truncated(store: ReceiptStore) -> None:
    with raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + PDF) as url:
        failure = await failure_of(store, a_file(f"{url}/a", size=5000))
    assert "no whole answer (IncompleteRead)" in str(failure)


@pytest.mark.parametrize("size", ["-1", "-5", "x", "FFFFFFFFFFFFFFFFF"])
async def test_chunks_of_no_size(store: ReceiptStore, size: str) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with raw_server(head + size.encode() + b"\r\n" + PDF) as url:
        failure = await failure_of(store, a_file(f"{url}/a"))
    assert "no whole answer" in str(failure)


async def test_a_length_of_five_thousand_digits(store: ReceiptStore) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000
    with raw_server(head + b"\r\n\r\n" + PDF) as url, pytest.raises(ReceiptTooLarge):
        await store.fetch(item_with(a_file(f"{url}/a")))


async def test_a_redirect_to_a_path_in_utf_8(
    store: ReceiptStore, host: Host, host_url: str
) -> None:
    host.put("/gr\u00fc\u00df.pdf", PDF)
    to = f"Location: {host_url}/gr\u00fc\u00df.pdf".encode()
    with raw_server(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n" + to + b"\r\n\r\n") as url:
        assert len(await store.fetch(item_with(a_file(f"{url}/a")))) == 1


async def test_not_http_at_all(store: ReceiptStore) -> None:
    with raw_server(b"220 ready for mail\r\n") as url:
        assert "no whole answer" in str(await failure_of(store, a_file(f"{url}/a")))


async def test_nobody_listens(store: ReceiptStore) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    failure = await failure_of(store, a_file(f"http://127.0.0.1:{port}/a"))
    assert "ConnectionRefusedError" in str(failure)


async def test_slower_than_its_time(host: Host, host_url: str) -> None:
    async def drip(_: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(50):
                yield b"%"
                await asyncio.sleep(0.02)

        return StreamingResponse(pieces())

    host.put("/a", drip)
    async with ReceiptStore(host_url, limits=replace(QUICK, seconds=0.1)) as store:
        failure = await failure_of(store, a_file(f"{host_url}/a", size=50))
    assert "within 0.1 seconds" in str(failure)


async def test_endless(host: Host, host_url: str) -> None:
    async def flood(request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            while not await request.is_disconnected():
                yield PDF * 100

        return StreamingResponse(pieces())

    host.put("/a", flood)
    async with ReceiptStore(host_url, limits=replace(QUICK, max_bytes=50_000)) as store:
        with pytest.raises(ReceiptTooLarge, match="more than 50000 bytes") as caught:
            await store.fetch(item_with(a_file(f"{host_url}/a", size=None)))
    size_exceeded = ItemFailureType.RECEIPT_FILE_SIZE_LIMIT_EXCEEDED
    assert caught.value.failure_type is size_exceeded


async def test_too_large_by_its_own_word(host: Host, host_url: str) -> None:
    host.put("/a", PDF)
    async with ReceiptStore(host_url, limits=replace(QUICK, max_bytes=10)) as store:
        with pytest.raises(ReceiptTooLarge, match=f"has {len(PDF)} bytes; the limit is 10 bytes"):
            await store.fetch(item_with(a_file(f"{host_url}/a")))
    assert host.asked["/a"] == 0


async def test_a_bomb_that_unpacks_beyond_the_limit(host: Host, host_url: str) -> None:
    bomb = gzip.compress(b"%PDF-" + b"\x00" * 10_000_000)
    host.put("/a", Response(bomb, headers={"Content-Encoding": "gzip"}))
    async with ReceiptStore(host_url, limits=replace(QUICK, max_bytes=50_000)) as store:
        with pytest.raises(ReceiptTooLarge):
            await store.fetch(item_with(a_file(f"{host_url}/a", size=None)))


async def test_packed_though_nobody_asked(store: ReceiptStore, host: Host, host_url: str) -> None:
    host.put("/a", Response(gzip.compress(PDF), headers={"Content-Encoding": "gzip"}))
    (document,) = await store.fetch(item_with(a_file(f"{host_url}/a")))
    assert document.path.read_bytes() == PDF


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "secret"])
async def test_packed_in_a_way_nobody_can_bound(
    store: ReceiptStore, host: Host, host_url: str, encoding: str
) -> None:
    host.put("/a", Response(PDF, headers={"Content-Encoding": encoding}))
    assert encoding in str(await failure_of(store, a_file(f"{host_url}/a")))


async def test_packed_badly(store: ReceiptStore, host: Host, host_url: str) -> None:
    host.put("/a", Response(PDF, headers={"Content-Encoding": "gzip"}))
    assert "breaks off" in str(await failure_of(store, a_file(f"{host_url}/a")))


@pytest.mark.parametrize("status", [201, 204, 206, 304, 400, 401, 451])
async def test_an_answer_that_is_no_file(
    store: ReceiptStore, host: Host, host_url: str, status: int
) -> None:
    host.put("/a", Response(status_code=status))
    assert f"answered {status}" in str(await failure_of(store, a_file(f"{host_url}/a")))
    assert host.asked["/a"] == 1


async def test_a_redirect_in_a_circle(store: ReceiptStore, host: Host, host_url: str) -> None:
    host.put("/a", RedirectResponse("/a"))
    failure = await failure_of(store, a_file(f"{host_url}/a"))
    assert "more than 5 times" in str(failure)
    assert host.asked["/a"] == 6


@pytest.mark.parametrize(
    "to",
    [
        "http://192.168.0.1/a",
        "https://192.168.0.1/a",
        "http://169.254.169.254/latest/meta-data",
        "http://example.com/a",
        "ftp://example.com/a",
        "file:///etc/passwd",
        "//10.0.0.1/a",
        "http://user:pass@127.0.0.1/a",
    ],
)
async def test_a_redirect_to_a_place_that_is_not_allowed(
    store: ReceiptStore, host: Host, host_url: str, to: str
) -> None:
    host.put("/a", Response(status_code=302, headers={"Location": to}))
    failure = await failure_of(store, a_file(f"{host_url}/a"))
    assert isinstance(failure, ReceiptNotAllowed)


@pytest.mark.parametrize(
    "path",
    ["/../../etc/passwd", "/%2e%2e%2f%00.pdf", "/a%0d%0aSet-Cookie:b", "/CON", "/" + "a" * 900],
)
async def test_a_hostile_path_names_no_file_of_ours(
    store: ReceiptStore, host: Host, host_url: str, path: str
) -> None:
    host.otherwise = Response(PDF)
    (document,) = await store.fetch(item_with(a_file(f"{host_url}{path}")))
    assert document.name == "Taxi SA.pdf"
    assert document.path.name == document.sha256


@pytest.mark.parametrize("url", ["", "a", "/a", "http://", "http://a\x00b/", "https://[::1", "x:y"])
async def test_a_url_that_is_none(store: ReceiptStore, url: str) -> None:
    assert isinstance(await failure_of(store, a_file(url)), ReceiptNotAllowed)


async def test_a_failure_never_tells_the_url(
    store: ReceiptStore, host: Host, host_url: str
) -> None:
    host.put("/a", Response(status_code=503), Response(status_code=302, headers={"Location": ":"}))
    failure = await failure_of(store, a_file(f"{host_url}/a?signature=secret"))
    assert "secret" not in str(failure)
    assert "secret" not in str(await failure_of(store, a_file("https://a\x00b/?secret")))


async def test_no_room_on_this_machine(store: ReceiptStore, host: Host, host_url: str) -> None:
    host.put("/a", PDF)
    (folder,) = store._parent.iterdir()
    folder.rmdir()
    failure = await failure_of(store, a_file(f"{host_url}/a"))
    assert "cannot be kept here: No such file or directory" in str(failure)
