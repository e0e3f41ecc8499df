"""The files to deploy with are taken by the programs they are for."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

pytestmark = pytest.mark.slow


@pytest.fixture
def deploy(root: Path) -> Path:
    return root / "examples/deploy"


def test_systemd_finds_no_fault_in_the_units(
    deploy: Path, tmp_path: Path, debian_program: Callable[[str], str]
) -> None:
    program = Path(sys.executable).with_name("counterfoil")
    units = []
    for unit in [*deploy.glob("*.service"), *deploy.glob("*.timer")]:
        copy = tmp_path / unit.name.replace("@.", "@1.")
        copy.write_text(unit.read_text().replace("/opt/counterfoil/bin/counterfoil", str(program)))
        units.append(copy)
    ended = subprocess.run(
        [debian_program("systemd-analyze"), "verify", "--man=no", "--recursive-errors=no", *units],
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [line for line in ended.stderr.splitlines() if str(tmp_path) in line]
    assert len(units) == 4
    assert (ended.returncode, complaints) == (0, [])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def certificate(folder: Path) -> None:
    """Make a certificate for the example's host, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "counterfoil.example.com")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "counterfoil.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "counterfoil.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


@contextmanager
def behind() -> Iterator[tuple[int, list[str]]]:
    """Answer in the service's place; give the port, and the paths that came through."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            paths.append(self.path)
            self.send_response(204)
            self.end_headers()

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *args: object) -> None:
            del args

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port, paths
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def nginx(program: str, folder: Path, site: str) -> Iterator[None]:
    """Check a site's configuration, and serve it for a while."""
    (folder / "site.conf").write_text(site)
    main = folder / "nginx.conf"
    places = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main.write_text(
        f"pid {folder}/pid;\nerror_log {folder}/error.log;\ndaemon off;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{places}include {folder}/site.conf;\n}}\n"
    )
    command = [program, "-p", str(folder), "-c", str(main), "-e", f"{folder}/error.log"]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    with subprocess.Popen(command) as process:
        try:
            yield
        finally:
            process.terminate()


def test_the_proxy_lets_webhooks_in_and_nothing_that_is_not_public(
    deploy: Path, tmp_path: Path, debian_program: Callable[[str], str]
) -> None:
    program = debian_program("nginx")
    certificate(tmp_path)
    port = free_port()
    with behind() as (service, paths):
        site = (deploy / "nginx.conf").read_text()
        for old, new in (
            ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
            ("/etc/ssl", str(tmp_path)),
            ("127.0.0.1:8892", f"127.0.0.1:{service}"),
        ):
            assert old in site
            site = site.replace(old, new)
        with nginx(program, tmp_path, site), client(port) as outside:
            wait_for(outside)
            assert outside.post("/webhooks/token", content=b"{}").status_code == 204
            assert outside.get("/connect/acme?ticket=t").status_code == 204
            assert outside.post("/webhooks/token", content=b" " * 70_000).status_code == 413
            for path in ("/metrics", "/connections", "/healthz", "/readyz", "/"):
                assert outside.get(path).status_code == 404
    assert paths == ["/webhooks/token", "/connect/acme?ticket=t"]


def client(port: int) -> httpx.Client:
    """Ask the proxy, whose certificate nobody signed."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=context, trust_env=False)


def wait_for(outside: httpx.Client) -> None:
    """Wait until it answers."""
    end = time.monotonic() + 60
    while True:
        try:
            outside.get("/")
        except httpx.ConnectError:
            assert time.monotonic() < end
            time.sleep(0.05)
        else:
            return


def test_each_file_is_told_of_in_its_page(deploy: Path) -> None:
    page = (deploy / "README.md").read_text()
    names = {path.name for path in deploy.iterdir()} - {"README.md", "counterfoil-backup.timer"}
    assert [name for name in names if f"`{name}`" not in page] == []
