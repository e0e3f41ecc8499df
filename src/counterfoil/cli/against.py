"""``counterfoil plan --against register``: what a changed configuration would book otherwise."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import zip_longest

from counterfoil.bookkeeping.entries import Entry, Line
from counterfoil.cli.lines import counted, say, show_json
from counterfoil.cli.shapes import entry_as_json
from counterfoil.cli.trouble import existing_register
from counterfoil.config import Config, Connection
from counterfoil.errors import ConfigurationError, CounterfoilError
from counterfoil.runner.binding import binding_of
from counterfoil.runner.replanning import Comparison, Rebooked, compare_with_past

__all__ = ["plan_against"]

REGISTER = "register"
"""The one thing that a configuration can be planned against."""


def plan_against(what: str, config: Config, connection: Connection, *, as_json: bool) -> None:
    """Compare what is booked with what the configuration would book, and show it."""
    if what != REGISTER:
        raise ConfigurationError(f'--against: is "{what}"; "{REGISTER}" is right')
    with existing_register(config) as register:
        if register is None:
            raise CounterfoilError(
                f"{config.register_url} does not exist, so there is no past to compare with; let "
                f"[register] url in {config.path} name the register that your exports used"
            )
        register.connections.check(binding_of(connection))
        found = asyncio.run(compare_with_past(connection, register))
    if as_json:
        show_json(_as_json(found))
    else:
        for line in _told(found):
            say(line)


def _told(found: Comparison) -> Iterator[str]:
    for item in found.rebooked:
        yield from _told_item(item)
    failing = [item for item in found.rebooked if item.failure]
    otherwise = [item for item in found.rebooked if not item.failure]
    yield from _told_accounts(otherwise)
    yield (
        f"Of {counted(range(found.compared), 'booked item', 'booked items')}, {len(otherwise)} "
        f"would be booked otherwise now, and {len(failing)} would fail"
    )
    if found.forgotten:
        items = counted(range(found.forgotten), "more was", "more were")
        yield f"{items} booked, but the item as it came is not kept any more"


def _told_item(item: Rebooked) -> Iterator[str]:
    first = item.was[0]
    texts = " · ".join(filter(None, (first.payee, first.narration)))
    yield f"{first.date} {item.entry_id} {texts}".rstrip()
    was, now = list(_sides(item.was)), list(_sides(item.now))
    if item.failure:
        yield from (f"  {line}" for line in was)
        yield f"  would fail, {item.failure.failure_type}: {item.failure.reason}"
        return
    width = max(map(len, was))
    yield f"  {'was':<{width}}   now"
    for old, new in zip_longest(was, now, fillvalue=""):
        yield f"  {old:<{width}} {' ' if old == new else '|'} {new}".rstrip()


def _sides(entries: Sequence[Entry]) -> Iterator[str]:
    """Write entries down as one side of the comparison."""
    for entry in entries:
        yield f"{entry.original_date or entry.date} {entry.reference.part}"
        for line in entry.lines:
            yield f"  {line.account:<34} {line.amount:>14,f} {entry.currency}{_extras(line)}"


def _extras(line: Line) -> str:
    tax = f" tax {line.tax.code or '-'} {line.tax.amount:f}" if line.tax else ""
    return tax + "".join(f" {group}:{code}" for group, code in line.dimensions)


def _told_accounts(items: Iterable[Rebooked]) -> Iterator[str]:
    sums = _sums(items)
    if sums:
        yield "in all:"
    for (account, currency), (was, now) in sorted(sums.items()):
        yield f"  {account:<36} {was:>14,f} becomes {now:>14,f} {currency}"


def _sums(items: Iterable[Rebooked]) -> Mapping[tuple[str, str], tuple[Decimal, Decimal]]:
    """Sum up by account and currency what is on it and what would be, where that differs."""
    was: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    now: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for item in items:
        for sums, entries in ((was, item.was), (now, item.now)):
            for entry in entries:
                for line in entry.lines:
                    sums[line.account, entry.currency] += line.amount
    return {key: (was[key], now[key]) for key in {**was, **now} if was[key] != now[key]}


def _as_json(found: Comparison) -> dict[str, object]:
    sums = _sums(item for item in found.rebooked if not item.failure)
    return {
        "compared": found.compared,
        "forgotten": found.forgotten,
        "rebooked": [_item_as_json(item) for item in found.rebooked],
        "accounts": [
            {"account": account, "currency": currency, "was": f"{was:f}", "now": f"{now:f}"}
            for (account, currency), (was, now) in sorted(sums.items())
        ],
    }


def _item_as_json(item: Rebooked) -> dict[str, object]:
    return {
        "accountingEntryId": item.entry_id,
        "jobId": item.job_id,
        "bookedAt": item.booked_at.isoformat(),
        "was": [entry_as_json(entry) for entry in item.was],
        "now": [entry_as_json(entry) for entry in item.now],
        "failureReasonType": item.failure and str(item.failure.failure_type),
        "failureReason": item.failure and item.failure.reason,
    }
