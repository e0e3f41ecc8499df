"""A person's first minutes with books of their own, in a real terminal, and a recording of them.

``python -m tests.docs.session`` (``make session``) types what stands in ``_visit`` into a shell,
and writes docs/set-up.cast (an asciicast, for ``asciinema play``) and docs/set-up.svg. A person
reads and types more slowly than a program: that time is added to each moment of the recording, and
not waited for.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pexpect
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

__all__ = ["Session", "held", "screen", "spoken"]

ROOT = Path(__file__).parents[2]
COLUMNS, ROWS = 100, 32
PROMPT = "ada@books:~$ "
READING_SECONDS = 2.0
"""How long a person looks at a question before they begin to answer."""
TYPING_SECONDS = 0.12
"""How long a person takes for a letter."""
PATIENCE = 90
"""How long the machine may take for a step before it counts as stuck."""


@dataclass
class Session:
    """A shell in a terminal, everything it showed, and when."""

    shell: pexpect.spawn[str]
    started: float = field(default_factory=time.monotonic)
    human: float = 0.0
    """Seconds that a person takes to read and to type."""
    shown: list[tuple[float, str]] = field(default_factory=list)
    set_up: tuple[float, float] = (0.0, 0.0)
    """When ``init`` was begun, and when ``doctor`` had said that an export would work."""

    @property
    def now(self) -> float:
        """Seconds since the start, a person's included."""
        return time.monotonic() - self.started + self.human

    @property
    def seconds(self) -> float:
        """How long the set-up took."""
        began, ended = self.set_up
        return ended - began

    def write(self, text: str) -> None:
        """Take what the terminal shows (as the shell's log file)."""
        self.shown.append((self.now, text))

    def flush(self) -> None:
        """Nothing is held back."""

    def wait(self, pattern: str) -> str:
        """Wait until the terminal shows something; return the part in brackets."""
        self.shell.expect(pattern, timeout=PATIENCE)
        found = self.shell.match
        assert isinstance(found, re.Match)
        return str(found.group(1)) if found.groups() else str(found.group())

    def type(self, text: str, after: str = re.escape(PROMPT)) -> None:
        """Answer a question, or give a command, as a person does."""
        self.wait(after)
        self.human += READING_SECONDS
        for letter in text:
            self.human += TYPING_SECONDS
            self.shell.send(letter)
        self.shell.send("\r")

    @property
    def text(self) -> str:
        """Everything that was shown, with the codes for colours."""
        return "".join(text for _, text in self.shown)


@contextmanager
def held(folder: Path, port: int) -> Iterator[Session]:
    """Hold the session in an empty folder, and give it once the export is booked."""
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shell = pexpect.spawn(
        "bash",
        ["--norc", "--noprofile", "-i"],
        cwd=str(folder),
        env={
            "PATH": programs,
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "PS1": PROMPT,
            "TZ": "Europe/London",
        },
        dimensions=(ROWS, COLUMNS),
        encoding="utf-8",
    )
    session = Session(shell)
    shell.logfile_read = session
    shell.delaybeforesend = None
    try:
        _visit(session, port)
        yield session
    finally:
        shell.sendline("kill %1; exit")
        shell.expect(pexpect.EOF, timeout=PATIENCE)
        shell.close()


def _visit(session: Session, port: int) -> None:
    """Start a Pleo and books, connect them, and book an export."""
    session.type(f"counterfoil sandbox --port {port} > pleo.txt &")
    session.type("until grep -q 'API key' pleo.txt; do sleep 0.1; done; head -n 5 pleo.txt")
    key = session.wait(r"API key +(\S+)")
    session.type("counterfoil sandbox books books")
    session.type("counterfoil init")
    began = session.now
    session.type(f"http://127.0.0.1:{port}", "Which Pleo: .*: ")
    session.type(key, "API key .*: ")
    session.type("", "company's id .*: ")
    session.type("", "Which accounting system: .*: ")
    session.type("acme", "call this connection .*: ")
    session.type("books/main.beancount", "ledger: .*: ")
    session.type("", "currencies of .*: ")
    cards = (f"cards, {currency}" for currency in ("DKK", "EUR", "GBP", "JPY", "KWD"))
    for asked in (*cards, "owe employees", "on its way", "owe suppliers"):
        session.type("", rf"{asked}.*\]: ")
    session.type("", "time zone: .*: ")
    session.type("", "drafts .*: ")
    session.type("y", "Write this.*: ")
    session.type("counterfoil doctor")
    session.wait("An export would work")
    session.set_up = began, session.now
    session.type("counterfoil run --once")
    session.wait("60 of 60 items booked")
    session.wait(re.escape(PROMPT))


def screen(text: str) -> list[str]:
    """Put what a terminal was sent into the lines that it shows, colours left in.

    Progress is drawn by clearing and climbing lines at the end of the screen; nothing else moves.
    """
    lines = [""]
    for token in re.findall(r"\r\n|\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+|\x1b", text):
        if token in {"\r\n", "\n"}:
            lines.append("")
        elif token in {"\r", "\x1b[2K", "\x1b[K"}:
            lines[-1] = "" if token != "\x1b[K" else lines[-1]
        elif token == "\x1b[1A":
            lines.pop()
        elif token.endswith("m") or not token.startswith("\x1b"):
            lines[-1] += token
    return lines


def spoken(text: str) -> list[str]:
    """Return the lines of ``init``, without colours and what is another each time."""
    plain = "\n".join(re.sub(r"\x1b\[[0-9;]*m", "", line) for line in screen(text))
    said = plain.partition("counterfoil init\n")[2].partition("What to do next")[0]
    return re.sub(r"\d{4}-\d\d-\d\d|127\.0\.0\.1:\d+", "…", said).splitlines()


def cast(session: Session) -> str:
    """Write the session as an asciicast. Source: asciinema, "asciicast v2"."""
    head = {
        "version": 2,
        "width": COLUMNS,
        "height": ROWS,
        "title": "Counterfoil: set up in minutes",
    }
    events = [[round(moment, 3), "o", text] for moment, text in session.shown]
    return "\n".join(json.dumps(each) for each in [head, *events]) + "\n"


SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">
<style>
{styles}
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, monospace;
  font-size: {char_height}px; line-height: {line_height}px; }}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
<rect width="{width}" height="{height}" rx="8" fill="#0c0c0c"/>
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""rich's own picture, without the fonts it would fetch from elsewhere."""


def picture(session: Session) -> str:
    """Draw the whole session as one long terminal."""
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 -- a file that keeps nothing
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True)
        for line in screen(session.text):
            console.print(Text.from_ansi(line), soft_wrap=False)
        return console.export_svg(theme=MONOKAI, code_format=SVG, unique_id="session")


def free_port() -> int:
    """Return the sandbox's own port, or another where that is taken."""
    for port in (8890, 0):
        try:
            with socket.create_server(("127.0.0.1", port)) as listener:
                return int(listener.getsockname()[1])
        except OSError:
            continue
    raise RuntimeError("no port is free")


def main() -> None:
    """Hold the session, and keep the recording in docs/."""
    with TemporaryDirectory() as folder, held(Path(folder), free_port()) as session:
        session.shown = [(at, text.replace(folder, "/data/ada")) for at, text in session.shown]
        (ROOT / "docs" / "set-up.cast").write_text(cast(session), "utf-8")
        (ROOT / "docs" / "set-up.svg").write_text(picture(session), "utf-8")
        print(f"set up in {session.seconds:.0f} s, booked after {session.now:.0f} s")  # noqa: T201 -- a script


if __name__ == "__main__":
    main()
