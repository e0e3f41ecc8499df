"""The old program of ``examples/``, run as it is against the bridge, each a process of its own."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from counterfoil.sandbox import SandboxServer, State
from counterfoil.sandbox.model import Receipt
from tests.bridge.conftest import CONFIGURATION, TOKEN

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "examples" / "old-expenses-client" / "old_client.py"


class Office:
    """A folder with a configuration, a local Pleo, and the programs that are started in it."""

    def __init__(self, folder: Path, state: State, url: str) -> None:
        self.folder = folder
        self.state = state
        self.company = state.add_company(name="Acme")
        text = CONFIGURATION.format(url=url, company_id=self.company.id)
        (folder / "counterfoil.toml").write_text(text)

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PLEO_API_KEY": self.company.api_key,
            "OLD_PLEO_TOKEN": TOKEN,
            "PLEO_TOKEN": TOKEN,
        }

    @contextmanager
    def bridge(self) -> Iterator[str]:
        """Run the bridge; give its address, and what it said before in ``said``."""
        command = [sys.executable, "-m", "counterfoil", "expenses", "bridge", "--port", "0"]
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                first = process.stdout.readline()
                found = re.search(r"http://\S+/v1", first)
                assert found, first + (process.stderr.read() if process.stderr else "")
                yield found[0]
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(20)

    def client(self, url: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(CLIENT), "books.csv"],
            cwd=self.folder,
            env={**self.environment, "PLEO_URL": url},
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    def booked(self) -> list[list[str]]:
        return list(csv.reader((self.folder / "books.csv").read_text().splitlines()))


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    state = State(seed=1)
    with SandboxServer(state) as server:
        yield Office(tmp_path, state, server.url)


def test_its_job_is_completed_with_every_expense_booked_once(office: Office) -> None:
    ids = [office.company.add_item(value=1000 + number) for number in range(25)]
    ids.append(
        office.company.add_item(
            value=4242,
            type="card_purchase",
            supplier={"name": "Nordic Hosting"},
            receipts=[Receipt(b"%PDF-1.4\n%%EOF\n")],
        )
    )
    job = office.state.queue_job(office.company.id)
    with office.bridge() as url:
        done = office.client(url)
        assert done.returncode == 0, done.stderr
        again = office.client(url)
        assert again.stdout == "0 expenses booked\n"
    assert office.state.job(job).status == "completed"
    assert {item.status for item in office.state.job(job).items.values()} == {"successful"}
    rows = office.booked()
    assert sorted(row[0] for row in rows) == sorted(ids)
    (hosted,) = (row for row in rows if row[0] == ids[-1])
    assert hosted[2:] == ["6100", "1910", "42.42", "GBP", "Nordic Hosting", "1"]


def test_the_start_says_how_often_to_ask_and_what_it_cannot_do(office: Office) -> None:
    command = [sys.executable, "-m", "counterfoil", "expenses", "bridge", "--port", "0"]
    process = subprocess.Popen(
        command, cwd=office.folder, env=office.environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said = "".join(process.stdout.readline() for _ in range(11))
    process.send_signal(signal.SIGTERM)
    process.wait(20)
    process.stdout.close()
    assert "at least once an hour" in said
    assert "cannot keep your program from booking an expense twice" in said
    assert TOKEN not in said
    assert "127.0.0.1" in said
