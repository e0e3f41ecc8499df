"""Runs commands with secrets planted, and keeps everything that they write.

Each program of ours starts with ``sitecustomize`` on its path. That notes what it starts (argv) and
what it does outside (URLs), and reads each file again before it is removed.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

__all__ = ["Watched", "forms"]

SITE = """
import os, sys
SEEN = os.environ["WATCHED_SEEN"]
def write(text):
    number = os.open(SEEN, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(number, text.encode("utf-8", "surrogateescape") + b"\\n")
    os.close(number)
def hook(event, args):
    if event == "counterfoil.effect":
        write("effect " + " ".join(map(str, args)))
    elif event == "subprocess.Popen":
        write("argv " + repr(args[1]))
    elif event in ("os.remove", "os.rename") and not isinstance(args[0], int):
        try:
            size = os.stat(args[0]).st_size
            with open(args[0], "rb") as file:
                write("gone " + os.fsdecode(args[0]) + " " + file.read(1 << 22).decode("latin-1"))
        except OSError:
            pass
write("argv " + repr(sys.orig_argv))
sys.addaudithook(hook)
"""

BROKEN = """
from pydantic import BaseModel
from counterfoil.systems.contract import Capabilities, SystemKind, Uniqueness
class Options(BaseModel):
    pass
class Books:
    capabilities = Capabilities(uniqueness=Uniqueness.PROBE_ONLY)
    target = "broken"
    async def __aenter__(self):
        raise RuntimeError("a fault nobody foresaw")
    async def __aexit__(self, *_):
        pass
KIND = SystemKind(name="broken", options=Options, open=lambda options, folder: Books())
"""


def forms(secret: str) -> dict[str, bytes]:
    """Return how a secret may be written: plain, in URLs, in JSON, in base64 wherever it begins."""
    raw = secret.encode()
    ways = {
        "plain": raw,
        "url": quote(secret, safe="").encode(),
        "form": quote_plus(secret).encode(),
        "json": json.dumps(secret)[1:-1].encode(),
        "hex": raw.hex().encode(),
        "repr": repr(secret)[1:-1].encode(),
    }
    for place in range(3):
        # What stands before it shifts the letters, and what follows changes the last ones.
        whole = base64.b64encode(b"\0" * place + raw)
        middle = whole[(4 if place else 0) : -4]
        ways[f"base64 {place}"] = middle
        ways[f"base64url {place}"] = middle.translate(bytes.maketrans(b"+/", b"-_"))
    return ways


@dataclass
class Watched:
    """A folder to work in, the environment of its programs, and all that they said."""

    top: Path
    environ: dict[str, str] = field(default_factory=dict)
    count: int = 0

    def __post_init__(self) -> None:
        about = self.site / "broken-1.0.dist-info"
        for folder in (self.folder, self.said, self.top / "tmp", about):
            folder.mkdir(parents=True)
        (self.site / "sitecustomize.py").write_text(SITE)
        (self.site / "broken.py").write_text(BROKEN)
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text("[counterfoil.systems]\nbroken = broken:KIND\n")

    @property
    def folder(self) -> Path:
        """Where the configuration and the books are."""
        return self.top / "work"

    @property
    def site(self) -> Path:
        """What is on the path of each program; written by us."""
        return self.top / "site"

    @property
    def said(self) -> Path:
        """Where everything is kept that was said."""
        return self.top / "said"

    def keep(self, what: str, *texts: str | bytes) -> None:
        """Keep what was seen elsewhere: a page, a trace, a request."""
        self.count += 1
        whole = b"\n".join(each if isinstance(each, bytes) else each.encode() for each in texts)
        (self.said / f"{self.count:03} {what}").write_bytes(whole)

    def environment(self, **more: str) -> Mapping[str, str]:
        """Return what a program sees; everything temporary stays below our folder."""
        return {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "TMPDIR": str(self.top / "tmp"),
            "PYTHONPATH": str(self.site),
            "WATCHED_SEEN": str(self.said / "effects and argv"),
            **self.environ,
            **more,
        }

    def run(self, *arguments: str, typed: str = "", **more: str) -> int:
        """Run a command, keep what it says, and return its exit code."""
        done = subprocess.run(
            [sys.executable, "-m", "counterfoil", *arguments],
            cwd=self.folder,
            env=self.environment(**more),
            input=typed,
            capture_output=True,
            text=True,
            check=False,
        )
        self.keep(" ".join(arguments).replace("/", "_"), done.stdout, done.stderr)
        return done.returncode

    @contextmanager
    def serving(self, **more: str) -> Iterator[subprocess.Popen[str]]:
        """Serve in a process of its own; its output is kept at its end."""
        with subprocess.Popen(
            [sys.executable, "-m", "counterfoil", "serve"],
            cwd=self.folder,
            env=self.environment(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout is not None
            first = process.stdout.readline()
            try:
                yield process
            finally:
                process.terminate()
                self.keep("serve", first, process.stdout.read())

    def found(self, secrets: Mapping[str, str]) -> list[str]:
        """Say where secrets are, in any form, among all that was written; never which."""
        files = [
            path for path in self.top.rglob("*") if path.is_file() and self.site not in path.parents
        ]
        contents = {path: path.read_bytes() for path in files}
        return [
            f"{name} ({form}) in {path.relative_to(self.top)}"
            for name, secret in secrets.items()
            for form, written in forms(secret).items()
            for path, content in contents.items()
            if written in content
        ]
