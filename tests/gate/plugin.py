"""A pytest plugin: an outside effect beside the gate fails the test that caused it.

It listens in this process and in the Python programs that tests start (``keeper``), and at the end
of the session tells which effects passed the gate, and how often.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import textwrap
from collections import Counter
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.gate import reporting

__all__ = ["told"]

CHILD = Path(__file__).parent / "child"
REPORTS = "COUNTERFOIL_GATE"


class Gate:
    """What one session hears of the gate."""

    def __init__(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="counterfoil-gate-")
        self.passed: Counter[str] = Counter()
        self.late: list[str] = []
        self._before = {name: os.environ.get(name) for name in (REPORTS, "PYTHONPATH")}

    def open(self) -> None:
        """Listen here, and in the programs that are started from now on."""
        reporting.start(self.folder)
        known = [path for path in (self._before["PYTHONPATH"],) if path]
        os.environ["PYTHONPATH"] = os.pathsep.join([str(CHILD), *known])
        os.environ[REPORTS] = self.folder

    def escapes(self) -> list[str]:
        """Return what passed beside the gate since this was last asked."""
        return reporting.escapes(self.folder)

    def close(self) -> None:
        """Take the counts, and leave things as they were."""
        self.passed.update(reporting.passed(self.folder))
        self.late = self.escapes()
        shutil.rmtree(self.folder, ignore_errors=True)
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


GATE = pytest.StashKey[Gate]()


@pytest.fixture
def gate(request: pytest.FixtureRequest) -> Gate:
    """Give what this session hears; a test may take findings that it made on purpose."""
    return request.config.stash[GATE]


def pytest_configure(config: pytest.Config) -> None:
    """Listen where tests run: not in the process that only hands them out."""
    gate = config.stash[GATE] = Gate()
    if hasattr(config, "workerinput") or config.getoption("dist", "no") == "no":
        _tell_of_requests()
        gate.open()


def _judged(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a phase of a test in which an effect passed beside the gate."""
    result = yield
    if found := item.config.stash[GATE].escapes():
        pytest.fail(
            "outside effects beside the gate (put them in `with effect(...)`):\n"
            + "\n".join(f"  {each}" for each in found),
            pytrace=False,
        )
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Judge what a test stands on."""
    return (yield from _judged(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Judge a test."""
    return (yield from _judged(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Judge how a test ends."""
    return (yield from _judged(item))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Count what passed, and fail for what was found after the last test."""
    gate = session.config.stash[GATE]
    gate.close()
    if output := getattr(session.config, "workeroutput", None):
        output["effects"] = dict(gate.passed)
    if gate.late:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:  # noqa: ANN401 -- xdist's own, without a public type
    """Add up what a worker counted."""
    counts = getattr(node, "workeroutput", {}).get("effects", {})
    node.config.stash[GATE].passed.update(counts)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell which effects passed the gate, unless asked to be quiet."""
    config = terminalreporter.config
    gate = config.stash[GATE]
    for finding in gate.late:
        terminalreporter.line(f"an outside effect beside the gate, after the tests: {finding}")
    if gate.passed and config.get_verbosity() >= 0:
        terminalreporter.section("effects that passed the gate")
        terminalreporter.line(told(gate.passed))


def told(passed: Mapping[str, int]) -> str:
    """List effects by name with their counts, in lines of at most 100 characters."""
    words = [f"{name}\N{NO-BREAK SPACE}{count}" for name, count in sorted(passed.items())]
    head = f"{len(words)} effects, {sum(passed.values())} times: "
    lines = textwrap.wrap(head + ", ".join(words), 100, break_on_hyphens=False)
    return "\n".join(lines).replace("\N{NO-BREAK SPACE}", " ")


def _tell_of_requests() -> None:
    """Let the interpreter's hooks hear of each request that leaves over a socket."""
    send = httpx.AsyncHTTPTransport.handle_async_request

    async def told_of(
        transport: httpx.AsyncHTTPTransport, request: httpx.Request
    ) -> httpx.Response:
        sys.audit("httpx.request", request.method, str(request.url.copy_with(query=None)))
        return await send(transport, request)

    # The library's method is heard of and runs as it was; a checker cannot know that.
    setattr(httpx.AsyncHTTPTransport, "handle_async_request", told_of)  # noqa: B010 -- as above
