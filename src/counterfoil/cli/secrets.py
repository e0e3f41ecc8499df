"""``counterfoil secrets``: making an encryption key, putting a new one in use, and looking."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from counterfoil.cli.exits import ExitCode
from counterfoil.cli.groups import command_group
from counterfoil.cli.lines import complain, say, show_json
from counterfoil.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, load_file
from counterfoil.cli.screen import show_table
from counterfoil.cli.trouble import existing_register
from counterfoil.effects import effect
from counterfoil.errors import ConfigurationError
from counterfoil.register import Seal
from counterfoil.register.resealing import Resealing, SealedUnder
from counterfoil.register.sealing import new_key

__all__ = ["app"]

app = command_group("Make, change and check the key that the register's secrets are sealed with.")


@app.command("new-key")
def make_key(
    *,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write it in a new file, for its owner alone."),
    ] = None,
) -> None:
    """Make a key: put it in COUNTERFOIL_KEY, or in the file that [register] key names."""
    if out is None:
        say(new_key())
        return
    try:
        with effect("secrets.write_key", str(out)):
            descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(f"{new_key()}\n")
    except FileExistsError:
        raise ConfigurationError(
            f"--out: {out} exists already, and may hold the only key that opens a register; "
            "name another file"
        ) from None
    say(
        f'A new key is in {out}. Keep a copy apart from the register; [register] key = "file:{out}"'
    )


@app.command("rotate")
def rotate(*, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Seal everything anew under the newest key; stopped in the middle, it goes on next time."""
    counts: Counter[str] = Counter()
    with _resealing(config) as (resealing, seal):
        newest = seal.prefix.split(":")[1]
        for what, texts in resealing.rotate():
            counts[what] += texts
            if not as_json and counts[what] % 10_000 < texts:
                complain(f"{what}: {counts[what]} sealed anew")
        rest = [each for each in resealing.counts() if each.key != newest]
    if as_json:
        show_json({"key": newest, "sealed": counts})
    else:
        _tell(counts, newest)
    if rest:
        complain("While it worked, more was kept under another key: run it once more")
        raise typer.Exit(ExitCode.NOT_DONE)


def _tell(counts: Counter[str], newest: str) -> None:
    if not counts:
        say(f"All is sealed under the key {newest} already")
        return
    told = ", ".join(f"{texts} {what}" for what, texts in counts.items())
    say(f"Sealed anew under the key {newest}: {told}. Older keys are needed no more")


@app.command("check")
def check(*, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Show under which key what is sealed; exit 1 where it is not all under the newest."""
    with _resealing(config) as (resealing, seal):
        counts = resealing.counts()
    if as_json:
        show_json({"keys": seal.names, "texts": counts})
    else:
        _show(counts, seal)
    if any(each.key not in seal.names[:1] for each in counts):
        raise typer.Exit(ExitCode.NOT_DONE)


def _show(counts: Iterable[SealedUnder], seal: Seal) -> None:
    if not seal.has_key:
        say("There is no encryption key: no secret can be stored, and items are kept in the clear")
    rows = [(each.what, each.key or "in the clear", each.texts) for each in counts]
    if rows:
        show_table(("what", "key", "texts"), [(*row, _remark(row[1], seal)) for row in rows])
    else:
        say("Nothing is kept yet")


def _remark(key: str, seal: Seal) -> str:
    if key in seal.names[:1]:
        return "the newest key"
    if key == "in the clear" or key in seal.names:
        return "counterfoil secrets rotate" if seal.has_key else ""
    return "this key is not at hand"


@contextmanager
def _resealing(config: Path) -> Iterator[tuple[Resealing, Seal]]:
    loaded = load_file(config)
    with existing_register(loaded) as register:
        if register is None:
            raise ConfigurationError("There is no register yet: the first run makes it")
        yield Resealing(register.database, register.seal), register.seal
