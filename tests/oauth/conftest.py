"""A company that connects by OAuth: a sandbox, a configuration, a register that can seal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from counterfoil.config import Config, Connection, load
from counterfoil.register import Register
from counterfoil.register.sealing import new_key
from counterfoil.runner.authorising import Authoriser
from counterfoil.runner.credentials import pleo_for
from counterfoil.sandbox import (
    DEFAULT_CLIENT,
    DEFAULT_REDIRECTS,
    DEFAULT_SECRET,
    Authorisation,
    Company,
    SandboxServer,
    State,
    seed_company,
    write_demo_books,
)

CONFIG = """\
[pleo]
base_url = "{pleo}"

[pleo.oauth]
client_id = "{client}"
client_secret = "env:CLIENT_SECRET"
redirect_uri = "{redirect_uri}"

[register]
url = "{register}"

[serve]
token = "env:SERVE_TOKEN"

[[connection]]
name = "acme"
company_id = "{company}"
system = "beancount"

[connection.options]
ledger = "books/main.beancount"

[connection.accounts]
wallet = {{ GBP = "1800", EUR = "1801", DKK = "1802" }}
out_of_pocket = "2900"
contra = "1899"
payable = "2000"
"""


@dataclass
class Place:
    """Everything around one connection named acme."""

    folder: Path
    state: State
    company: Company
    server: SandboxServer
    environ: dict[str, str]

    @property
    def path(self) -> Path:
        """The configuration's file."""
        return self.folder / "counterfoil.toml"

    def configure(
        self,
        redirect_uri: str = DEFAULT_REDIRECTS[0],
        register: str = "sqlite:///counterfoil.db",
    ) -> Config:
        """Write the configuration, and read it."""
        text = CONFIG.format(
            pleo=self.server.url,
            client=DEFAULT_CLIENT,
            redirect_uri=redirect_uri,
            company=self.company.id,
            register=register,
        )
        self.path.write_text(text)
        return self.config

    @property
    def config(self) -> Config:
        """The configuration, read anew."""
        return load(self.path, self.environ)

    @property
    def connection(self) -> Connection:
        """The connection, read anew."""
        return self.config.connections[0]

    def authoriser(self, register: Register) -> Authoriser:
        """Return what begins and finishes consents."""
        return Authoriser({"acme": self.connection}, register)

    def allow(self, url: str, company_id: str | None = None, **changed: str) -> dict[str, str]:
        """Say yes in the sandbox as a browser does; return what it brings back."""
        form = dict(httpx.URL(url).params) | changed
        form |= {"company": company_id or self.company.id, "decision": "allow"}
        answer = httpx.post(f"{self.server.url}/oauth/authorize", data=form)
        return dict(httpx.URL(answer.headers["Location"]).params)

    async def consent(self, register: Register) -> None:
        """Connect acme."""
        authoriser = self.authoriser(register)
        assert await authoriser.finish(self.allow(authoriser.begin("acme").url)) == "acme"

    @property
    def authorisation(self) -> Authorisation:
        """What the sandbox has of the latest consent."""
        return list(self.state.oauth.authorisations.values())[-1]

    async def ask(self, register: Register) -> int:
        """List the company's jobs, as every export begins; return how many there are."""
        async with pleo_for(self.connection, register) as pleo:
            return len(await pleo.list_jobs(["pending"]))

    def requests(self) -> list[str]:
        """Return the paths that Pleo was asked for."""
        entries = self.state.events
        return [str(entry.path).partition("?")[0] for entry in entries if entry.kind == "request"]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Serve a company with one pending job, and configure a connection to it."""
    state = State()
    company = seed_company(state, items=3)
    assert state.oauth.clients[DEFAULT_CLIENT].secret == DEFAULT_SECRET
    state.queue_job(company.id)
    write_demo_books(tmp_path / "books")
    environ = {
        "CLIENT_SECRET": DEFAULT_SECRET,
        "COUNTERFOIL_KEY": new_key(),
        "SERVE_TOKEN": "serve-token",
    }
    with SandboxServer(state) as server:
        made = Place(tmp_path, state, company, server, environ)
        made.configure()
        yield made


@pytest.fixture
def register(place: Place) -> Iterator[Register]:
    """Open the connection's register."""
    with place.config.open_register() as opened:
        yield opened
