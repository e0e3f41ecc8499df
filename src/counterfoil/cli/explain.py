"""``counterfoil explain ENTRY``: why something was booked as it is, however long ago."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Annotated

import typer

from counterfoil.bookkeeping.entries import Entry, Line
from counterfoil.cli.explanation import (
    Explanation,
    Record,
    Told,
    explained,
    explanation_as_json,
    meaning,
)
from counterfoil.cli.lines import say, show_json
from counterfoil.cli.options import (
    DEFAULT_CONFIG,
    ConfigOption,
    ConnectionOption,
    JsonOption,
    load_config,
)
from counterfoil.cli.trouble import existing_register
from counterfoil.errors import CounterfoilError
from counterfoil.register import PartState

__all__ = ["explain"]

STATES: Mapping[PartState, str] = {
    PartState.INTENDED: "was about to be written; the next export looks whether it is booked",
    PartState.REFUSED: "was refused",
    PartState.UNKNOWN: "was sent, and no answer came; the next export looks whether it is booked",
    PartState.GONE: "was booked, and is in the books no more",
}
HUNDREDTHS = "inWalletCurrency"
"""The key of Pleo's amounts that we book by; all of them are in hundredths."""


def explain(
    entry: Annotated[
        str,
        typer.Argument(
            metavar="ENTRY", help="An accountingEntryId, or an entry's id in the books."
        ),
    ],
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell an entry's lines, the rules and fields that made them, and what became of it."""
    with existing_register(load_config(config, connection, secrets=False)) as register:
        found = explained(register, entry, connection) if register else []
    if not found:
        raise CounterfoilError(
            f'The register knows no entry "{entry}". Give the accountingEntryId that Pleo shows, '
            "or the id that the entry has in the books; counterfoil items lists both. What an "
            "earlier register knew comes back only where its expense is exported again"
        )
    if as_json:
        show_json([explanation_as_json(each) for each in found])
    else:
        for line in (line for each in found for line in _told(each)):
            say(line)


def _told(found: Explanation) -> Iterator[str]:
    yield found.entry_id
    for record in found.records:
        yield from _indented(_record(record))
    if not found.records:
        yield "  this register has no entry of it: nothing was booked, or an earlier register knew"
    for told in found.told:
        yield from _indented(_outcome(told))
    for decision in found.decisions:
        where = f" as {decision.reference}" if decision.reference else ""
        yield (
            f"  {_time(decision.made_at)} {decision.made_by} decided: "
            f"{str(decision.kind).replace('_', ' ')}{where}"
        )


def _record(record: Record) -> Iterator[str]:
    part = record.part
    yield f"{str(part.part).replace('_', ' ')}, attempt {part.reference.attempt}: {_state(record)}"
    if record.entry:
        yield from _entry(record, record.entry)
    if record.payload is None:
        yield "  the item as it was received is not kept any more"


def _entry(record: Record, entry: Entry) -> Iterator[str]:
    texts = " · ".join(filter(None, (entry.payee, entry.narration)))
    yield f"  {entry.date} {texts}".rstrip()
    if entry.original_date:
        yield f"  the expense's own date is {entry.original_date}; that period was closed"
    for line in entry.lines:
        yield from _indented(_line(record, line, entry.currency))
    if entry.documents:
        yield f"  receipts: {', '.join(document.name for document in entry.documents)}"


def _state(record: Record) -> str:
    part = record.part
    by = f"by job {part.job_id}"
    if part.state is PartState.BOOKED and part.booked_at:
        where = f" ({part.external_url})" if part.external_url else ""
        return f"booked as {part.external_id}{where} at {_time(part.booked_at)} {by}"
    why = f": {part.failure_type}: {part.failure_reason}" if part.failure_reason else ""
    return f"{STATES.get(part.state, str(part.state))}, {_time(part.intent_at)} {by}{why}"


def _line(record: Record, line: Line, currency: str) -> Iterator[str]:
    yield f"{line.account:<40} {line.amount:>14,f} {currency}"
    yield f"  {line.rule}: {meaning(line)}"
    if line.tax:
        tax = line.tax
        yield f"  tax {tax.code or 'without code'}: {tax.amount:f} on {tax.base:f} ({tax.type})"
    for group, code in line.dimensions:
        yield f"  dimension {group}: {code}"
    for field in record.fields(line):
        known = field.of_item and record.payload is not None
        yield f"  {field.path} = {_shown(field.value)}" if known else f"  {field.path}"


def _outcome(told: Told) -> Iterator[str]:
    outcome = told.item.outcome
    if outcome is None:
        yield f"job {told.item.job_id} has no outcome of it yet"
        return
    heard = "told Pleo" if told.item.reported else "has yet to tell Pleo"
    what = (
        f"{outcome.failure_type}: {outcome.failure_reason}"
        if outcome.failure_reason
        else f"as {outcome.external_id}"
    )
    yield f"job {told.item.job_id} {heard}: {outcome.status}, {what}"


def _shown(value: object) -> str:
    """Show a value of the item: an amount by its currencies, other objects by their keys."""
    if isinstance(value, Mapping):
        return _money(value) if HUNDREDTHS in value else _keys(value)
    if isinstance(value, list):
        return "; ".join(_shown(each) for each in value)
    return "null" if value is None else str(value)


def _money(pair: Mapping[str, object]) -> str:
    amounts = dict.fromkeys(
        f"{each.get('value')} {each.get('currency')}"
        for each in (pair.get(HUNDREDTHS), pair.get("inSupplierCurrency"))
        if isinstance(each, Mapping)
    )
    return f"{', which was '.join(amounts)} (hundredths)"


def _keys(value: Mapping[str, object]) -> str:
    return ", ".join(f"{key} {_shown(each)}" for key, each in value.items() if each is not None)


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}Z"
