"""Plans that were shown, kept beside the register, so that a run can say what differs.

Beside the configuration where the register is a database of PostgreSQL. They are sealed as the
register's items are.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import structlog

from counterfoil.config import Config
from counterfoil.effects import effect
from counterfoil.errors import ConfigurationError
from counterfoil.register import is_server

__all__ = [
    "Difference",
    "beside_register",
    "difference",
    "keep_plan",
    "kept_plan",
    "told_difference",
]

log = structlog.get_logger(__name__)

Shaped: TypeAlias = dict[str, Any]
"""A plan or an entry in the shape of ``plan --json``."""

HASH = re.compile(r"[0-9a-f]{16}")
KEPT = 20
"""So many plans are kept, the newest."""


def beside_register(config: Config, what: str) -> Path:
    """Return the folder for plans of a kind: beside the register's file, else the configuration."""
    if is_server(config.register_url):
        return config.path.with_name(f"{config.path.name}.{what}")
    register = Path(config.register_url.removeprefix("sqlite:///"))
    return register.with_name(f"{register.name}.{what}")


def _folder(config: Config) -> Path:
    return beside_register(config, "plans")


def keep_plan(config: Config, shaped: Shaped) -> None:
    """Keep a plan; where that is not possible, only the differences cannot be told later."""
    folder = _folder(config)
    path = folder / f"{shaped['hash']}.json"
    unfinished = path.with_suffix(f".{os.getpid()}")
    try:
        with effect("plans.keep", str(path)):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            unfinished.write_text(config.seal.keep(json.dumps(shaped)), "utf-8")
            unfinished.replace(path)
        for old in sorted(folder.glob("*.json"), key=_age, reverse=True)[KEPT:]:
            with effect("plans.remove", str(old)):
                old.unlink(missing_ok=True)
    except OSError as error:
        log.warning("the plan could not be kept", path=str(path), reason=str(error))


def _age(path: Path) -> float:
    return path.stat().st_mtime


def kept_plan(config: Config, name: str) -> Shaped | None:
    """Return the plan with this hash as it was shown; None where it is not kept."""
    if not HASH.fullmatch(name):
        return None
    try:
        text = (_folder(config) / f"{name}.json").read_text("utf-8")
        shaped = json.loads(config.seal.kept(text))
    except (OSError, ValueError, ConfigurationError):
        return None
    return shaped if isinstance(shaped, dict) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What a plan holds and a run would not book now, and the other way round; entries' shapes."""

    planned: str
    now: str
    kept: bool
    """Whether the plan is kept; if not, nothing more is known."""
    gone: Sequence[Shaped] = ()
    new: Sequence[Shaped] = ()
    changed: Sequence[tuple[Shaped, Shaped]] = ()
    """As it was planned, and as it would be booked now."""
    why: Mapping[str, str] = field(default_factory=dict)
    """By accountingEntryId, why something is gone."""


def difference(planned: str, before: Shaped | None, now: Shaped) -> Difference:
    """Compare a kept plan with what would be booked now."""
    if before is None:
        return Difference(planned=planned, now=now["hash"], kept=False)
    old, new = _by_part(before), _by_part(now)
    return Difference(
        planned=planned,
        now=now["hash"],
        kept=True,
        gone=[entry for key, entry in old.items() if key not in new],
        new=[entry for key, entry in new.items() if key not in old],
        changed=[
            (old[key], entry)
            for key, entry in new.items()
            if key in old and _figures(old[key]) != _figures(entry)
        ],
        why={
            failure["accountingEntryId"]: (
                f"it would fail now, {failure['failureReasonType']}: {failure['failureReason']}"
            )
            for failure in now["failures"]
        }
        | dict.fromkeys(now["booked"], "it is booked already"),
    )


def _by_part(shaped: Shaped) -> dict[tuple[str, str], Shaped]:
    return {(entry["accountingEntryId"], entry["part"]): entry for entry in shaped["entries"]}


def _figures(entry: Shaped) -> object:
    """Return what the hash is over."""
    lines = [
        (line["account"], line["amount"], line["tax"], sorted(line["dimensions"], key=str))
        for line in entry["lines"]
    ]
    return entry["date"], entry["currency"], lines


def told_difference(found: Difference) -> Iterator[str]:
    """Tell a difference in lines: ``-`` was planned, ``+`` would be booked now."""
    if not found.kept:
        yield (
            f"What plan {found.planned} holds is not kept here (the newest {KEPT} plans of jobs "
            "are), so the difference cannot be shown"
        )
    for entry in found.gone:
        yield from _told(entry, "-")
        yield f"  {found.why.get(entry['accountingEntryId'], 'it is in no open job any more')}"
    for old, new in found.changed:
        yield from _told(old, "-")
        yield from _told(new, "+")
    for entry in found.new:
        yield from _told(entry, "+")


def _told(entry: Shaped, sign: str) -> Iterator[str]:
    texts = " · ".join(filter(None, (entry["payee"], entry["narration"])))
    yield f"{sign} {entry['date']} {entry['accountingEntryId']}/{entry['part']} {texts}".rstrip()
    for line in entry["lines"]:
        yield f"{sign}     {line['account']:<40} {line['amount']:>14} {entry['currency']}"
