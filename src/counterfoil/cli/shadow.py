"""``counterfoil run --shadow``: what would be booked, beside what an old integration booked."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from counterfoil.bookkeeping.entries import Entry
from counterfoil.cli.exits import ExitCode
from counterfoil.cli.lines import say, show_json
from counterfoil.cli.plan import the_connection
from counterfoil.cli.plans import beside_register
from counterfoil.cli.shapes import entry_as_json
from counterfoil.cli.trouble import existing_register
from counterfoil.config import Config
from counterfoil.effects import effect
from counterfoil.errors import CounterfoilError
from counterfoil.export.shadow import Likeness, Shadowed
from counterfoil.register import Seal
from counterfoil.register.records import dump_entry, load_entry
from counterfoil.runner.shadowing import Shadow, shadow
from counterfoil.systems.contract import OtherPosting

__all__ = ["run_shadow"]


def run_shadow(config: Config, connection: str | None, *, as_json: bool) -> ExitCode:
    """Plan, compare with the books, keep what was planned, and show it; nothing else is written."""
    chosen = the_connection(config, connection)
    path = beside_register(config, "shadow") / f"{chosen.name}.json"
    with existing_register(config) as register:
        found = asyncio.run(shadow(chosen, register, _kept(path, config.seal)))
    _keep(path, found.entries, config.seal)
    if as_json:
        show_json(_shaped(found))
    else:
        for line in _told(found):
            say(line)
    same = all(each.likeness is Likeness.SAME for each in found.compared)
    return ExitCode.DONE if same and not found.failures else ExitCode.NOT_DONE


def _kept(path: Path, seal: Seal) -> list[Entry]:
    try:
        text = seal.kept(path.read_text("utf-8"))
        return [load_entry(json.dumps(each)) for each in json.loads(text)]
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise CounterfoilError(
            f"{path} cannot be read, where earlier shadow runs kept their plans: {error}. Move it "
            "away to start afresh"
        ) from error


def _keep(path: Path, entries: Sequence[Entry], seal: Seal) -> None:
    unfinished = path.with_suffix(f".{os.getpid()}")
    with effect("plans.keep", str(path)):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        text = f"[{','.join(map(dump_entry, entries))}]"
        unfinished.write_text(seal.keep(text), "utf-8")
        unfinished.replace(path)


def _shaped(found: Shadow) -> dict[str, Any]:
    return {
        "compared": [
            {
                "likeness": str(each.likeness),
                "planned": entry_as_json(each.entry),
                "books": [_posting(posting) for posting in each.postings],
            }
            for each in found.compared
        ],
        "failures": [
            {
                "accountingEntryId": each.entry_id,
                "failureReasonType": each.failure_type,
                "failureReason": each.failure_reason,
            }
            for each in found.failures
        ],
    }


def _posting(posting: OtherPosting) -> dict[str, str | None]:
    return {
        "account": posting.account,
        "amount": format(posting.amount, "f"),
        "currency": posting.currency,
        "date": posting.date.isoformat(),
        "text": posting.text,
        "place": posting.place,
        "url": posting.url,
    }


def _told(found: Shadow) -> Iterator[str]:
    for each in found.compared:
        if each.likeness is not Likeness.SAME:
            yield from _difference(each)
    for failure in found.failures:
        yield f"{failure.entry_id} would fail, {failure.failure_type}: {failure.failure_reason}"
    count = Counter(each.likeness for each in found.compared)
    yield (
        f"{len(found.compared)} entries planned: {count[Likeness.SAME]} are in the books so, "
        f"{count[Likeness.OTHERWISE]} otherwise, {count[Likeness.MISSING]} not (yet); "
        f"{len(found.failures)} items would fail. Nothing was written or reported"
    )


def _difference(each: Shadowed) -> Iterator[str]:
    entry = each.entry
    texts = " · ".join(filter(None, (entry.payee, entry.narration)))
    yield f"{entry.date} {entry.reference} {texts}".rstrip()
    for line in entry.lines:
        yield f"  planned    {line.account:<40} {line.amount:>14,f} {entry.currency}"
    if not each.postings:
        yield "  not in the books (yet)"
    for posting in each.postings:
        amount = f"{posting.amount:>14,f} {posting.currency}"
        yield f"  the books  {posting.account:<40} {amount}  {posting.date} {posting.place}"
