"""``counterfoil doctor``: would an export work now? It checks what a job needs; nothing changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import typer

from counterfoil.bookkeeping.validate import settings_problems
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
from counterfoil.cli.screen import styled
from counterfoil.cli.trouble import existing_register
from counterfoil.config import Config, Connection
from counterfoil.errors import ConnectionBroken
from counterfoil.pleo.client import PleoClient
from counterfoil.pleo.errors import PleoError
from counterfoil.pleo.retry import Retries
from counterfoil.register import Register
from counterfoil.runner.binding import binding_of
from counterfoil.runner.credentials import pleo_for
from counterfoil.systems.contract import AccountingSystem, BooksNotReady

__all__ = ["Finding", "doctor"]

OPEN = ("pending", "in_progress")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check of one connection, and what to do where it did not pass."""

    connection: str
    check: str
    passed: bool
    message: str


def doctor(
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check that Pleo, the books and the settings are ready for an export; changes nothing."""
    loaded = load_config(config, connection)
    set_up_logs(as_json=as_json)
    with existing_register(loaded) as register:
        findings = asyncio.run(_examine(loaded, connection, register))
    if as_json:
        show_json(findings)
    else:
        _show(loaded, findings)
    sound = all(finding.passed for finding in findings)
    raise typer.Exit(ExitCode.DONE if sound else ExitCode.NOT_DONE)


def _show(config: Config, findings: Sequence[Finding]) -> None:
    styled(f"✓ configuration: {config.path}", "green")
    for finding in findings:
        mark, style = ("✓", "green") if finding.passed else ("✗", "red")
        styled(f"{mark} {finding.connection}: {finding.check}: {finding.message}", style)
    troubled = {finding.connection for finding in findings if not finding.passed}
    if troubled:
        say(f"An export would fail for {', '.join(sorted(troubled))}.")
    else:
        say("An export would work.")


async def _examine(config: Config, only: str | None, register: Register | None) -> list[Finding]:
    chosen = [each for each in config.connections if only in {None, each.name}]
    return [
        Finding(connection=connection.name, check=check, passed=passed, message=message)
        for connection in chosen
        async for check, passed, message in _checks(connection, register)
    ]


async def _checks(
    connection: Connection, register: Register | None
) -> AsyncIterator[tuple[str, bool, str]]:
    """Yield the name, the verdict and a sentence of each check."""
    async for verdict in _pleo_checks(connection, register):
        yield verdict
    async for verdict in _book_checks(connection):
        yield verdict
    if register is not None:
        yield _binding_check(connection, register)


async def _pleo_checks(
    connection: Connection, register: Register | None
) -> AsyncIterator[tuple[str, bool, str]]:
    async with pleo_for(connection, register, retries=Retries(attempts=2)) as pleo:
        try:
            open_jobs = await pleo.list_jobs(OPEN)
        except PleoError as error:
            yield "Pleo", False, str(error)
            return
        jobs = f"{len(open_jobs)} open job{'' if len(open_jobs) == 1 else 's'}"
        yield "Pleo", True, f"{connection.base_url} takes the key; {jobs}"
        yield await _company(pleo)


async def _company(pleo: PleoClient) -> tuple[str, bool, str]:
    """Compare the company with the key's own, where Pleo says whose key it is."""
    try:
        resource = str((await pleo.installation()).get("resource", ""))
    except PleoError:
        resource = ""
    kind, _, own = resource.removeprefix("urn:pleo:").partition(":")
    if kind == "company" and own.lower() != pleo.company_id:
        return "company", False, f"the key is of company {own}; set company_id to it"
    known = "the key's own" if kind == "company" else "the key does not say whose it is"
    return "company", True, f"{pleo.company_id} ({known})"


async def _book_checks(connection: Connection) -> AsyncIterator[tuple[str, bool, str]]:
    books = connection.open_books()
    try:
        async with books.reading():
            problems = await books.ready()
            yield "books", not problems, _joined([each.message for each in problems], books.target)
            if not problems:
                yield await _settings_check(connection, books)
                if books.capabilities.advice is not None:
                    yield "advice", True, books.capabilities.advice
    except BooksNotReady as error:
        yield "books", False, str(error)


async def _settings_check(connection: Connection, books: AccountingSystem) -> tuple[str, bool, str]:
    chart = await books.chart()
    problems = settings_problems(chart, connection.settings)
    fine = f"they fit the chart of {len(chart.accounts)} accounts"
    return "settings", not problems, _joined(problems, fine)


def _binding_check(connection: Connection, register: Register) -> tuple[str, bool, str]:
    try:
        register.connections.check(binding_of(connection))
    except ConnectionBroken as error:
        return "register", False, str(error)
    return "register", True, "it knows the connection with no other company or books"


def _joined(problems: Sequence[str], fine: str) -> str:
    return " ".join(problems) if problems else fine
