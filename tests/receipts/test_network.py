"""The address that was checked is the one connected to, and TLS still asks for the name."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.responses import RedirectResponse

from counterfoil.errors import ReceiptDownloadFailure
from counterfoil.receipts import ReceiptNotAllowed, ReceiptStore, ReceiptUnavailable
from counterfoil.receipts.line import Answer, Line
from counterfoil.receipts.network import CheckedNames, resolve
from counterfoil.receipts.places import Places
from tests.receipts.hosting import PDF, QUICK, Host, Names, a_file, item_with, raw_server


@pytest.fixture
def trusted(tmp_path: Path, debian_program: Callable[[str], str]) -> Path:
    """Give a certificate for files.test that signs itself, with its key, in one file."""
    path = tmp_path / "files.test.pem"
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    name = ["-subj", "/CN=files.test", "-addext", "subjectAltName=DNS:files.test"]
    places = ["-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "certificate")]
    openssl = [debian_program("openssl"), "req", "-x509", "-days", "2"]
    subprocess.run([*openssl, *key, *name, *places], check=True, capture_output=True)
    path.write_bytes(b"".join((tmp_path / part).read_bytes() for part in ("key", "certificate")))
    return path


@pytest.fixture
def tls_port(trusted: Path, host: Host) -> Iterator[int]:
    """Serve the host of receipts over TLS as files.test; give its port."""
    config = uvicorn.Config(
        host,
        port=0,
        log_level="critical",
        lifespan="off",
        ws="none",
        ssl_keyfile=trusted,
        ssl_certfile=trusted,
    )
    listener = config.bind_socket()
    listener.listen()
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield int(listener.getsockname()[1])
    server.should_exit = True
    thread.join()
    listener.close()


async def test_tls_verifies_the_name_though_an_address_is_connected_to(
    tls_port: int, trusted: Path, host: Host
) -> None:
    host.put("/a", PDF)
    context = ssl.create_default_context(cafile=str(trusted))
    base, names = f"https://files.test:{tls_port}", Names(["127.0.0.1"])
    async with ReceiptStore(base, limits=QUICK, resolve=names, ssl_context=context) as store:
        assert len(await store.fetch(item_with(a_file(f"{base}/a")))) == 1
    assert host.headers[0]["host"] == f"files.test:{tls_port}"


async def test_a_certificate_for_another_name_is_refused(tls_port: int, trusted: Path) -> None:
    context = ssl.create_default_context(cafile=str(trusted))
    base, names = f"https://other.test:{tls_port}", Names(["127.0.0.1"])
    async with ReceiptStore(base, limits=QUICK, resolve=names, ssl_context=context) as store:
        with pytest.raises(ReceiptUnavailable, match="SSLCertVerificationError"):
            await store.fetch(item_with(a_file(f"{base}/a")))


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::ffff:127.0.0.1"], ["169.254.169.254"]]
)
async def test_a_name_with_any_private_address_is_not_connected_to(addresses: list[str]) -> None:
    names = Names(addresses)
    async with ReceiptStore("https://external.pleo.io", limits=QUICK, resolve=names) as store:
        with pytest.raises(ReceiptNotAllowed, match="not public"):
            await store.fetch(item_with(a_file("https://files.test/a")))
    assert names.asked == 1


async def test_a_name_without_address_may_get_one_later() -> None:
    names = Names([])
    async with ReceiptStore("https://external.pleo.io", limits=QUICK, resolve=names) as store:
        with pytest.raises(ReceiptUnavailable):
            await store.fetch(item_with(a_file("https://files.test/a")))
    assert names.asked == QUICK.attempts


async def test_a_name_is_looked_up_once_for_each_request(host: Host, host_url: str) -> None:
    host.put("/a", PDF)
    names = Names(["127.0.0.1"])
    async with ReceiptStore(host_url, limits=QUICK, resolve=names) as store:
        await store.fetch(item_with(a_file(f"{host_url}/a")))
    assert names.asked == 1


async def test_the_next_address_is_taken_where_the_first_does_not_answer(
    host: Host, host_url: str
) -> None:
    host.put("/a", PDF)
    # Nothing listens on the second address of the loopback network.
    names = Names(["127.0.0.2", "127.0.0.1"])
    async with ReceiptStore(host_url, limits=QUICK, resolve=names) as store:
        await store.fetch(item_with(a_file(f"{host_url}/a")))
    assert host.asked["/a"] == 1


@pytest.mark.parametrize("spelled", ["127.1", "2130706433", "0x7f.0.0.1"])
async def test_an_address_spelled_oddly_is_read_as_the_machine_does(spelled: str) -> None:
    assert await resolve(spelled) == ["127.0.0.1"]


async def test_the_machine_knows_itself() -> None:
    assert "127.0.0.1" in await resolve("localhost")


async def test_a_name_nobody_knows_may_be_known_later() -> None:
    async def nobody(host: str) -> list[str]:
        raise OSError(f"no such host: {host}")

    names = CheckedNames(Places("https://external.pleo.io"), nobody)
    with pytest.raises(ReceiptUnavailable, match="OSError"):
        await names.look_up("files.test", since=0)


async def test_a_connection_that_the_host_has_ended_is_not_used_again(store: ReceiptStore) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(PDF)
    # This host hangs up after each answer, and does not say so in it.
    with raw_server(answer + PDF) as url:
        for number in range(1, 4):
            (document,) = await store.fetch(item_with(a_file(f"{url}/{number}"), number=number))
            assert document.size == len(PDF)


async def test_a_redirect_to_another_port_is_followed(
    store: ReceiptStore, host: Host, host_url: str
) -> None:
    host.put("/a", RedirectResponse("/b"))
    host.put("/b", PDF)
    with raw_server(b"HTTP/1.1 302 Found\r\nLocation: %b/a\r\n\r\n" % host_url.encode()) as url:
        assert len(await store.fetch(item_with(a_file(f"{url}/elsewhere")))) == 1


@contextmanager
def silent(*, takes: bool) -> Iterator[int]:
    """Listen without a word: taking what is sent, or nobody at all any more; give the port."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, ExitStack() as stack:
        port = int(listener.getsockname()[1])
        if not takes:
            # What comes now is kept waiting by the machine: this fills its queue.
            for _ in range(2):
                waiting = stack.enter_context(socket.socket())
                waiting.settimeout(0)
                waiting.connect_ex(("127.0.0.1", port))
        yield port


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("takes", [True, False], ids=["taken", "not taken"])
async def test_a_download_that_waits_ends_with_its_time_and_its_export(
    scheme: str, *, takes: bool
) -> None:
    began = time.monotonic()
    with silent(takes=takes) as port:
        base = f"{scheme}://127.0.0.1:{port}"
        async with ReceiptStore(base, limits=replace(QUICK, seconds=0.2)) as store:
            with pytest.raises(ReceiptDownloadFailure, match=r"within 0\.2 seconds"):
                await store.fetch(item_with(a_file(f"{base}/a")))
        async with ReceiptStore(base, limits=replace(QUICK, seconds=60)) as store:
            store.fetch_ahead([item_with(a_file(f"{base}/a"))])
            await asyncio.sleep(0.1)
    assert time.monotonic() - began < 30
    assert not [each for each in threading.enumerate() if each.name.startswith("receipts")]


async def test_cancelled_again_and_again_its_thread_has_ended_when_it_has(
    store: ReceiptStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, ended = threading.Event(), threading.Event()
    ask = Line.ask

    def slow_to_end(line: Line, *what: Any) -> Answer:  # noqa: ANN401 -- passed on
        began.set()
        try:
            return ask(line, *what)
        finally:
            time.sleep(0.2)
            ended.set()

    monkeypatch.setattr(Line, "ask", slow_to_end)
    with silent(takes=True) as port:
        fetching = asyncio.create_task(store.fetch(item_with(a_file(f"http://127.0.0.1:{port}/a"))))
        await asyncio.to_thread(began.wait)
        (download,) = store._running
        for _ in range(3):
            download.cancel()
            await asyncio.sleep(0.01)
        with pytest.raises(asyncio.CancelledError):
            await download
        assert ended.is_set()
        with pytest.raises(asyncio.CancelledError):
            await fetching


async def test_a_store_waits_for_what_was_forgotten_on_its_way() -> None:
    with silent(takes=True) as port:
        base = f"http://127.0.0.1:{port}"
        item = item_with(a_file(f"{base}/a"))
        async with ReceiptStore(base, limits=QUICK) as store:
            store.fetch_ahead([item])
            await asyncio.sleep(0.1)
            store.forget(item.accounting_entry_id)
    assert not [each for each in threading.enumerate() if each.name.startswith("receipts")]
