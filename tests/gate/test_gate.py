"""An outside effect beside the gate is found, whatever it is and wherever it runs."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import counterfoil
from counterfoil.effects import effect
from counterfoil.sandbox.server import SandboxServer
from counterfoil.sandbox.state import State
from tests.gate.plugin import Gate, told
from tests.gate.reporting import passed

PACKAGE = Path(counterfoil.__file__).parent

PLANTED = """
import asyncio, os, shutil, socket, subprocess, sys, threading
from pathlib import Path
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

def write(place): (place / "new").write_text("x")
def rename(place): (place / "old").rename(place / "new")
def replace(place): os.replace(place / "old", place / "new")
def remove(place): (place / "old").unlink()
def remove_all(place): shutil.rmtree(place / "folder")
def make(place): (place / "new").mkdir()
def touch(place): os.utime(place / "old")
def run(place): subprocess.run(["true"])
def die(): os.kill(os.getpid(), 9)
def read(place): (place / "old").read_text(); list(place.iterdir())

def connect(place):
    with socket.socket() as closed:
        closed.settimeout(1)
        closed.connect_ex(("127.0.0.1", 9))

def commit(place):
    engine = create_engine(f"sqlite:///{place / 'db'}", poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE planted (id)"))

def ask(place):
    engine = create_engine(f"sqlite:///{place / 'db'}", poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("SELECT 1"))

def in_a_thread(place):
    thread = threading.Thread(target=write, args=(place,))
    thread.start()
    thread.join()

async def run_in_a_task(place):
    process = await asyncio.create_subprocess_exec("true")
    await process.wait()

async def fetch(client, url):
    await client.get(url)
"""


def planted(name: str, module: str = "planted.py") -> Callable[..., Any]:
    """Give a function as if it stood in a module of the product."""
    names: dict[str, Callable[..., Any]] = {}
    exec(compile(PLANTED, str(PACKAGE / module), "exec"), names)  # noqa: S102 -- code for a place
    return names[name]


@pytest.fixture
def server() -> Iterator[str]:
    """Give the address of a small server."""
    with SandboxServer(State()) as running:
        yield running.url


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Give a folder that has a file and a folder."""
    (tmp_path / "old").write_text("old")
    (tmp_path / "folder").mkdir()
    return tmp_path


CAUGHT = {
    "write": "open of",
    "rename": "os.rename of",
    "replace": "os.rename of",
    "remove": "os.remove of",
    "remove_all": "os.rmdir of",
    "make": "os.mkdir of",
    "touch": "os.utime of",
    "run": "subprocess.Popen of true",
    "connect": "socket.connect of",
    "commit": "sqlalchemy.commit of sqlite",
    "in_a_thread": "open of",
}


@pytest.mark.parametrize("name", CAUGHT)
def test_beside_the_gate_it_is_found_and_named(gate: Gate, place: Path, name: str) -> None:
    planted(name)(place)
    (found,) = gate.escapes()
    assert found.startswith(CAUGHT[name])
    assert "at counterfoil/planted.py:" in found


@pytest.mark.parametrize("name", sorted(set(CAUGHT) - {"in_a_thread"}))
def test_inside_the_gate_it_is_in_order(gate: Gate, place: Path, name: str) -> None:
    with effect("test.planted"):
        planted(name)(place)
    assert gate.escapes() == []


@pytest.mark.parametrize("name", ["read", "ask"])
def test_what_changes_nothing_needs_no_gate(gate: Gate, place: Path, name: str) -> None:
    planted(name)(place)
    assert gate.escapes() == []


@pytest.mark.parametrize("module", ["sandbox/planted.py", "testing/planted.py"])
def test_the_sandbox_and_the_fakes_may_do_as_they_like(
    gate: Gate, place: Path, module: str
) -> None:
    planted("write", module)(place)
    assert gate.escapes() == []


def test_tests_may_do_as_they_like(gate: Gate, place: Path) -> None:
    (place / "old").unlink()
    subprocess.run(["true"], check=True)
    assert gate.escapes() == []


async def test_a_gate_is_open_in_the_threads_and_tasks_started_inside_it(
    gate: Gate, place: Path
) -> None:
    with effect("test.planted"):
        await asyncio.to_thread(planted("write"), place)
        await asyncio.create_task(planted("run_in_a_task")(place))
    assert gate.escapes() == []


async def test_a_gate_is_not_open_in_a_task_that_was_started_before_it(
    gate: Gate, place: Path
) -> None:
    task = asyncio.create_task(planted("run_in_a_task")(place))
    with effect("test.planted"):
        await task
    (found,) = gate.escapes()
    assert "(run_in_a_task)" in found


async def test_a_request_on_a_connection_that_is_open_already_is_found(
    gate: Gate, server: str
) -> None:
    fetch = planted("fetch")
    async with httpx.AsyncClient() as client:
        with effect("test.planted"):
            await fetch(client, server)
        assert gate.escapes() == []
        await fetch(client, server)
    (found,) = gate.escapes()
    assert found.startswith(f"httpx.request of GET {server}")


def test_a_program_that_a_test_starts_is_heard(gate: Gate, place: Path) -> None:
    code = f"exec(compile({PLANTED!r}, {str(PACKAGE / 'p.py')!r}, 'exec'))"
    calls = f"write(Path({str(place)!r})); die()"
    killed = subprocess.run([sys.executable, "-c", f"{code}\n{calls}"], check=False)
    assert killed.returncode == -9
    written, died = gate.escapes()
    assert written.startswith(f"open of {place}/new at counterfoil/p.py")
    assert died.startswith("os.kill of")


def test_what_passes_in_a_program_is_counted(gate: Gate) -> None:
    code = "from counterfoil.effects import effect\nwith effect('test.elsewhere'): os._exit(0)"
    before = passed(gate.folder).get("test.elsewhere", 0)
    subprocess.run([sys.executable, "-c", f"import os\n{code}"], check=True)
    assert passed(gate.folder)["test.elsewhere"] == before + 1


def test_the_effects_are_listed_by_name() -> None:
    listed = told({"register.write": 2, "beancount.replace": 3})
    assert listed == "2 effects, 5 times: beancount.replace 3, register.write 2"


@pytest.mark.slow
def test_a_session_fails_for_an_effect_beside_the_gate(tmp_path: Path, root: Path) -> None:
    story = f"""
exec(compile({PLANTED!r}, {str(PACKAGE / "planted.py")!r}, "exec"))

def test_beside_the_gate(tmp_path):
    make(tmp_path)

def test_in_order(tmp_path):
    pass
"""
    (tmp_path / "test_planted.py").write_text(story)
    alone = {name: value for name, value in os.environ.items() if name != "COUNTERFOIL_GATE"}
    session = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.gate.plugin", "-c/dev/null", tmp_path],
        cwd=root,
        env=alone | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert session.returncode == 1
    assert "FAILED" in session.stdout
    assert "1 failed, 1 passed" in session.stdout
    assert "/new" in session.stdout
    assert "at counterfoil/planted.py:" in session.stdout
