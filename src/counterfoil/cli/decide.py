"""``counterfoil resolve`` and ``counterfoil reverse``: what a person decides about single items."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Sequence
from typing import Annotated

import typer

from counterfoil.cli.exits import ExitCode
from counterfoil.cli.lines import say, show_json
from counterfoil.cli.logs import set_up_logs
from counterfoil.cli.options import (
    DEFAULT_CONFIG,
    ConfigOption,
    ConnectionOption,
    JsonOption,
    load_config,
)
from counterfoil.cli.plan import the_connection
from counterfoil.cli.trouble import known_job
from counterfoil.errors import ConfigurationError
from counterfoil.register import DecisionKind, Register
from counterfoil.runner.deciding import TakenBack, resolve, take_back_items

__all__ = ["resolve_item", "reverse_items"]

SAID = {
    DecisionKind.KEEP: "its booking stands as it is; export it again in Pleo",
    DecisionKind.AMEND: "the next export books it anew; export it again in Pleo",
    DecisionKind.REVERSE: "it was taken back; the next export books it again",
    DecisionKind.BOOKED_AS: "it counts as booked; export it again in Pleo",
    DecisionKind.NOT_BOOKED: "it counts as not booked; the next export books it",
}


def resolve_item(  # noqa: PLR0913 -- each option is a decision of its own
    entry: Annotated[str, typer.Argument(metavar="ID", help="The item's accountingEntryId.")],
    *,
    keep: Annotated[bool, typer.Option("--keep", help="The booking stands as it is.")] = False,
    amend: Annotated[
        bool, typer.Option("--amend", help="Book it anew with the next export.")
    ] = False,
    reverse: Annotated[bool, typer.Option("--reverse", help="Take it back now.")] = False,
    booked_as: Annotated[
        str | None,
        typer.Option(metavar="REF", help="It is in the books under this other reference."),
    ] = None,
    not_booked: Annotated[
        bool, typer.Option("--not-booked", help="I looked: it is not in the books.")
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide about an item that changed, or of which it is not certain that it was booked."""
    kind = _the_decision(
        {
            DecisionKind.KEEP: keep,
            DecisionKind.AMEND: amend,
            DecisionKind.REVERSE: reverse,
            DecisionKind.BOOKED_AS: booked_as is not None,
            DecisionKind.NOT_BOOKED: not_booked,
        }
    )
    loaded = load_config(config, connection)
    chosen = the_connection(loaded, connection)
    set_up_logs(loaded.log, as_json=as_json)
    with loaded.open_register() as register:
        taken = asyncio.run(
            resolve(chosen, register, entry, kind, made_by=getpass.getuser(), reference=booked_as)
        )
    _tell(taken, as_json=as_json, otherwise=f"{entry}: {SAID[kind]}")


def reverse_items(
    entry: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="The item's accountingEntryId.")
    ] = None,
    *,
    job: Annotated[
        str | None, typer.Option(metavar="JOB", help="All items that this job booked.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Undo bookings: drafts are voided, posted entries reversed; Pleo is not told."""
    if (entry is None) == (job is None):
        raise ConfigurationError("reverse: give either an item's ID or --job JOB")
    loaded = load_config(config, connection)
    chosen = the_connection(loaded, connection)
    set_up_logs(loaded.log, as_json=as_json)
    with loaded.open_register() as register:
        ids = [entry] if entry else _items_of(register, job or "")
        taken = asyncio.run(
            take_back_items(chosen, register, ids, made_by=getpass.getuser(), job_id=job)
        )
    what = "that it booked" if job else "of it"
    _tell(taken, as_json=as_json, otherwise=f"nothing {what} is in the books")


def _items_of(register: Register, job: str) -> list[str]:
    known_job(register, job)
    return [item.entry_id for item in register.items.outcomes(job)]


def _the_decision(given: dict[DecisionKind, bool]) -> DecisionKind:
    chosen = [kind for kind, wanted in given.items() if wanted]
    if len(chosen) != 1:
        raise ConfigurationError(
            "resolve: give exactly one of --keep, --amend, --reverse, --booked-as REF, --not-booked"
        )
    return chosen[0]


def _tell(taken: Sequence[TakenBack], *, as_json: bool, otherwise: str) -> None:
    if as_json:
        show_json(taken)
    else:
        for one in taken:
            say(f"{one.external_id}: {one.failure or 'taken back'}")
        if not taken:
            say(otherwise)
    failed = any(one.failure for one in taken)
    raise typer.Exit(ExitCode.NOT_DONE if failed else ExitCode.DONE)
