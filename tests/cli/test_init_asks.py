"""``counterfoil init`` on a terminal: answers are tried, corrected, taken back; Ctrl+C ends it."""

from __future__ import annotations

import signal
import sys
import tomllib
from collections.abc import Callable, Iterator

import pexpect
import pytest

from tests.acme import Acme

pytestmark = pytest.mark.slow

PATIENCE = 60


def _heed_interrupts() -> None:
    """Undo what a run in the background begins with: it ignores Ctrl+C, and so do its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """A person at a terminal on which init asks."""

    def __init__(self, folder: str) -> None:
        self.init = pexpect.spawn(
            sys.executable,
            ["-m", "counterfoil", "init"],
            cwd=folder,
            encoding="utf-8",
            dimensions=(40, 200),
            timeout=PATIENCE,
            preexec_fn=_heed_interrupts,
        )
        self.init.delaybeforesend = None
        self.shown = ""

    def sees(self, *patterns: str) -> None:
        for pattern in patterns:
            self.init.expect(pattern)
            self.shown += f"{self.init.before}{self.init.after}"

    def answers(self, question: str, text: str) -> None:
        self.sees(question)
        self.init.sendline(text)

    def ends(self) -> int:
        self.init.expect(pexpect.EOF)
        self.shown += str(self.init.before)
        self.init.close()
        return int(self.init.exitstatus or 0)


@pytest.fixture
def terminal(acme: Acme) -> Iterator[Callable[[], Terminal]]:
    """Start init in the company's folder, as often as asked."""
    started: list[Terminal] = []

    def start() -> Terminal:
        started.append(Terminal(str(acme.folder)))
        return started[-1]

    yield start
    for each in started:
        each.init.close(force=True)


def up_to_the_books(terminal: Terminal, url: str, key: str) -> None:
    terminal.answers("Which Pleo.*: ", url)
    terminal.answers("API key .*: ", key)
    terminal.answers("company's id.*: ", "")
    terminal.answers("accounting system.*: ", "beancount")
    terminal.answers("connection.*: ", "acme")


def test_every_answer_may_be_corrected(acme: Acme, terminal: Callable[[], Terminal]) -> None:
    path = acme.folder / "counterfoil.toml"
    url = tomllib.loads(path.read_text())["pleo"]["base_url"]
    path.unlink()
    person = terminal()
    person.answers("Which Pleo.*: ", "nowhere")
    person.sees("It is not an address of the form https://HOST")
    person.answers("Which Pleo.*: ", url)
    person.answers("API key .*: ", "a-wrong-key")
    person.sees("Pleo answered 401")
    person.answers("API key .*: ", "<")
    up_to_the_books(person, url, acme.company.api_key)
    person.answers("ledger: .*: ", "absent.beancount")
    person.sees("There is no ledger at")
    person.answers("ledger: .*: ", "main.beancount")
    person.answers("currencies.*: ", "EUR")
    person.answers("cards.*: ", "pay")
    person.sees("have no account", "2000 +Liabilities:Payable")
    for asked in ("cards", "employees", "on its way"):
        person.answers(f"{asked}.*: ", "")
    person.answers("suppliers.*: ", "<")
    person.answers("on its way.*: ", "1899")
    person.answers("suppliers.*: ", "2000")
    person.answers("time zone.*: ", "Europe/Paris")
    person.answers("drafts.*: ", "")
    person.answers(r"Write this.*: ", "12")
    person.answers(r"time zone.*Europe/Paris\]: ", "Europe/Oslo")
    person.answers(r"Write this.*: ", "y")
    assert person.ends() == 0
    written = tomllib.loads(path.read_text())
    assert written["connection"][0]["timezone"] == "Europe/Oslo"
    assert written["connection"][0]["accounts"]["contra"] == "1899"
    key = acme.folder / "pleo.key"
    assert (key.read_text().strip(), key.stat().st_mode & 0o777) == (acme.company.api_key, 0o600)
    assert acme.company.api_key not in person.shown + path.read_text()


def test_ctrl_c_leaves_everything_as_it_was(acme: Acme, terminal: Callable[[], Terminal]) -> None:
    before = {path: path.read_bytes() for path in acme.folder.iterdir() if path.is_file()}
    person = terminal()
    person.answers("exists. Replace it.*: ", "n")
    assert person.ends() == 2
    person = terminal()
    person.answers("exists. Replace it.*: ", "y")
    url = tomllib.loads((acme.folder / "counterfoil.toml").read_text())["pleo"]["base_url"]
    up_to_the_books(person, url, acme.company.api_key)
    person.sees("ledger: .*: ")
    person.init.sendintr()
    assert person.ends() == 1
    assert "Nothing was written." in person.shown
    assert {path: path.read_bytes() for path in acme.folder.iterdir() if path.is_file()} == before
