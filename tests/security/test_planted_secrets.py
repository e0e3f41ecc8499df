"""Nothing that a full run writes holds a secret: output, logs, traces, argv, URLs, pages, files."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import psycopg
import pytest
from starlette.types import Receive, Scope, Send

from counterfoil.config import load
from counterfoil.config.surroundings import InstalledSystems
from counterfoil.register.sealing import new_key
from counterfoil.runner.authorising import Authoriser
from counterfoil.sandbox import Company, Fault, Kind, SandboxServer, State, write_demo_books
from counterfoil.sandbox.company import seed_company
from counterfoil.testing.charts import chart_of
from counterfoil.testing.kind import memory_kind
from counterfoil.testing.memory import MemoryLedger
from tests.docs.blocks import free_port
from tests.pleo.serving import served
from tests.security.watching import Watched, forms

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ADMIN_TOKEN = "adm/9+planted=&%admin-token"
API_KEY = "pk/8+planted=&%25-api-key"
CLIENT_SECRET = "cs/7+planted=&% client-secret".replace(" ", "~")
PASSWORD = "pw/6+planted=&%register-password"
ENCRYPTION_KEY, OTHER_KEY = new_key(), new_key()

CONFIGURATION = """\
[pleo]
base_url = "{url}"

[pleo.oauth]
client_id = "planted-client"
client_secret = "env:CLIENT_SECRET"
redirect_uri = "http://127.0.0.1:{port}/oauth/callback"

[register]
url = "env:REGISTER"

[serve]
port = {port}
public_url = "http://127.0.0.1:{port}"
token = "env:ADMIN_TOKEN"
poll = "24 hours"

[[connection]]
name = "acme"
company_id = "{acme}"
api_key = "register"
system = "beancount"
options.ledger = "books/main.beancount"
accounts = {{ wallet = {{ GBP = "1800", EUR = "1801", DKK = "1802" }}, contra = "1899" }}

[[connection]]
name = "beta"
company_id = "{beta}"
system = "beancount"
options.ledger = "beta/main.beancount"
accounts = {{ wallet = {{ GBP = "1800", EUR = "1801", DKK = "1802" }}, contra = "1899" }}

[[connection]]
name = "gamma"
company_id = "{gamma}"
api_key = "env:API_KEY"
system = "broken"
"""


class Collector:
    """Takes traces, as a collector of OpenTelemetry's does."""

    def __init__(self, watched: Watched) -> None:
        self.watched = watched
        self.taken = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.taken += 1
        self.watched.keep("trace", repr(scope["headers"]), body)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@dataclass
class Scene:
    """Three companies in one Pleo: by a key, by OAuth, and with books that break."""

    watched: Watched
    state: State
    url: str
    port: int
    traces: str
    collector: Collector
    companies: list[Company]
    secrets: dict[str, str] = field(default_factory=dict)

    def export(self) -> None:
        """Let a job wait in each company."""
        for company in self.companies:
            company.add_items(2, account="6100")
            self.state.queue_job(company.id)

    def learn(self) -> None:
        """Note the secrets that Pleo gave out."""
        for place, given in enumerate(self.state.oauth.authorisations.values()):
            tokens = [given.access_token, given.refresh_token, *given.spent]
            self.secrets |= {f"token {place}.{n}": each for n, each in enumerate(tokens) if each}
        for place, hook in enumerate(self.state.hooks.values()):
            self.secrets[f"webhook secret {place}"] = hook.secret
            self.secrets[f"webhook token {place}"] = hook.endpoint_url.rpartition("/")[2]

    def fail(self, kind: Kind, endpoint: str = "*") -> None:
        """Let calls fail from now on."""
        self.state.faults = [Fault(kind, endpoint)]

    def consent(self) -> None:
        """Connect beta, as a person in a browser does."""
        # What is on the path of the programs alone, is not on ours.
        systems = {**InstalledSystems(), "broken": memory_kind(MemoryLedger(chart_of("1800")))}
        config = load(self.watched.folder / "counterfoil.toml", self.watched.environ, systems)
        (beta,) = [each for each in config.connections if each.name == "beta"]
        with config.open_register() as register:
            authoriser = Authoriser({"beta": beta}, register)
            form = dict(httpx.URL(authoriser.begin("beta").url).params)
            form |= {"company": beta.company_id, "decision": "allow"}
            answer = httpx.post(f"{self.url}/oauth/authorize", data=form)
            returned = dict(httpx.URL(answer.headers["Location"]).params)
            assert asyncio.run(authoriser.finish(returned)) == "beta"


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    watched = Watched(tmp_path / "top")
    state = State()
    companies = [seed_company(state, "Acme", items=2), *(state.add_company(n) for n in "BC")]
    for books in ("books", "beta"):
        write_demo_books(watched.folder / books)
    state.add_key(None, secret=API_KEY)
    port = free_port()
    back = [f"http://127.0.0.1:{port}/oauth/callback"]
    state.oauth.add_client(back, client_id="planted-client", secret=CLIENT_SECRET)
    collector = Collector(watched)
    with SandboxServer(state) as server, served(collector) as traces:
        (watched.folder / "counterfoil.toml").write_text(
            CONFIGURATION.format(
                url=server.url,
                port=port,
                **dict(zip(NAMES, [c.id for c in companies], strict=True)),
            )
        )
        watched.environ = {
            "CLIENT_SECRET": CLIENT_SECRET,
            "API_KEY": API_KEY,
            "ADMIN_TOKEN": ADMIN_TOKEN,
            "COUNTERFOIL_KEY": ENCRYPTION_KEY,
            "COUNTERFOIL_LOG": "debug",
            "REGISTER": "sqlite:///counterfoil.db",
        }
        scene = Scene(watched, state, server.url, port, traces, collector, companies)
        scene.secrets = {
            "API key": API_KEY,
            "admin token": ADMIN_TOKEN,
            "client secret": CLIENT_SECRET,
            "register password": PASSWORD,
            "encryption key": ENCRYPTION_KEY,
        }
        yield scene
        watched.keep("requests", *(str(each.path) for each in state.events if each.path))


NAMES = ("acme", "beta", "gamma")


def test_a_secret_is_found_in_every_form(tmp_path: Path) -> None:
    """So that an empty list below means something."""
    for number, written in enumerate(forms(API_KEY).values()):
        watched = Watched(tmp_path / str(number))
        watched.keep("log", b"before " + written + b" after")
        assert watched.found({"API key": API_KEY})
    basic = httpx.BasicAuth(API_KEY, "")._build_auth_header(API_KEY, "")
    watched = Watched(tmp_path / "basic")
    watched.keep("log", basic)
    assert watched.found({"API key": API_KEY})


def test_no_secret_is_in_anything_that_is_written(scene: Scene) -> None:
    watched = scene.watched
    assert watched.run("connections", "set-key", "acme", typed=API_KEY + "\n") == 0
    scene.consent()
    scene.learn()
    assert watched.run("webhooks", "subscribe", "--connection", "acme") == 0
    scene.export()
    # gamma's books break: a traceback.
    assert watched.run("run", "--once", OTEL_EXPORTER_OTLP_ENDPOINT=scene.traces) == 1
    booked = [job.status for job in scene.state.jobs.values()]
    assert booked.count("completed") >= 2, booked
    for command in ("doctor --json", "webhooks list"):
        watched.run(*command.split())
    _break_everything(scene)
    _look_at_pages(scene)
    scene.learn()
    assert len(scene.secrets) >= 10
    assert scene.collector.taken
    assert watched.found(scene.secrets) == []
    said = b"".join(path.read_bytes() for path in watched.said.iterdir())
    for proof in (b"a fault nobody foresaw", b"argv ['", b"pleo.list_jobs", b"consent"):
        assert proof in said, proof


def _break_everything(scene: Scene) -> None:
    """Go wrong in each place where a secret is at hand."""
    watched = scene.watched
    scene.export()
    # Down, and then out of patience: each try is told, and none of them is waited for.
    down = Fault(Kind.UNAVAILABLE, "list_jobs", times=1)
    busy = Fault(Kind.RATE_LIMIT, "list_jobs", value=0)
    scene.state.faults = [down, busy]
    named = {"OTEL_EXPORTER_OTLP_ENDPOINT": scene.traces}
    watched.run("run", "--once", "--connection", "acme", **named)
    scene.fail(Kind.DROP_AFTER, "token")
    scene.state.clock.advance(timedelta(hours=2))
    watched.run("run", "--once", "--connection", "beta")
    scene.state.faults = []
    for each in scene.state.oauth.authorisations.values():
        scene.state.oauth.revoke(each.id)
    watched.run("run", "--once", "--connection", "beta")
    scene.state.revoke_key(API_KEY)
    watched.run("run", "--once", "--connection", "acme", "--json")
    watched.run("doctor", COUNTERFOIL_KEY=OTHER_KEY)
    watched.run("run", "--once", COUNTERFOIL_KEY=ENCRYPTION_KEY[:-3])
    away = f"postgresql://clerk:{quote(PASSWORD, safe='')}@127.0.0.1:1/register"
    assert watched.run("run", "--once", REGISTER=away) == 1
    assert watched.run("doctor", REGISTER=away) == 1
    watched.run("register", "show", REGISTER=away.replace("@127", "@@127"))


def _look_at_pages(scene: Scene) -> None:
    """Ask the service rightly and wrongly, and keep what it answers."""
    admin = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    webhook = next(iter(scene.state.hooks.values())).endpoint_url
    with scene.watched.serving(), httpx.Client(base_url=f"http://127.0.0.1:{scene.port}") as client:
        _wait_for(client)
        for method, path, headers in (
            ("GET", "/healthz", {}),
            ("GET", "/readyz", {}),
            ("GET", "/metrics", admin),
            ("GET", "/connections", admin),
            ("GET", "/connections", {"Authorization": "Bearer wrong"}),
            ("POST", "/connections/beta/poll-now", admin),
            ("GET", "/connect", {}),
            ("GET", "/connect/beta?link=wrong", {}),
            ("GET", "/oauth/callback?state=wrong&code=wrong", {}),
            ("GET", "/oauth/callback?error=access_denied", {}),
            ("GET", "/nowhere", admin),
            ("POST", webhook, {"webhook-id": "1", "webhook-signature": "v1,forged"}),
            ("POST", f"/webhooks/{'x' * 43}", {}),
        ):
            answer = client.request(method, path, headers=headers)
            scene.watched.keep("page", repr(answer.headers), answer.content)


def _wait_for(client: httpx.Client) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            client.get("/healthz")
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return


def test_nor_is_one_in_a_register_on_postgresql(scene: Scene, empty_postgres_url: str) -> None:
    watched = scene.watched
    url = _with_password(empty_postgres_url)
    assert watched.run("register", "upgrade", REGISTER=url) == 0
    assert watched.run("connections", "set-key", "acme", typed=API_KEY + "\n", REGISTER=url) == 0
    scene.export()
    watched.run("run", "--once", "--connection", "acme", REGISTER=url)
    watched.run("register", "show", REGISTER=url)
    watched.run("doctor", "--connection", "acme", REGISTER=url)
    assert any(job.status == "completed" for job in scene.state.jobs.values())
    with psycopg.connect(empty_postgres_url) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        for (table,) in tables:
            assert re.fullmatch(r"\w+", table)
            rows = connection.execute(f'SELECT "{table}"::text FROM "{table}"').fetchall()  # noqa: S608 -- the name is a word
            watched.keep(f"table {table}", *(str(row) for row in rows))
    assert watched.found(scene.secrets) == []


def _with_password(url: str) -> str:
    """Put a password into a server's URL; this server trusts its users without one."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    name = user.partition(":")[0] or "postgres"
    return parts._replace(netloc=f"{name}:{quote(PASSWORD, safe='')}@{host}").geturl()
