"""``counterfoil demo``: a whole export on this machine, from a local Pleo into a real ledger."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import typer

from counterfoil.cli.demo_folder import CONFIGURATION, KEY, start_afresh, write
from counterfoil.cli.items_table import show_items
from counterfoil.cli.lines import say
from counterfoil.cli.logs import set_up_logs
from counterfoil.cli.reports import exit_code, show_reports
from counterfoil.cli.rows import ItemRow, item_rows
from counterfoil.cli.run import drain
from counterfoil.cli.screen import styled
from counterfoil.config import Config, load
from counterfoil.effects import effect
from counterfoil.runner.reports import ConnectionReport
from counterfoil.sandbox import Company, SandboxServer, State
from counterfoil.sandbox.books import demo_config_toml, write_demo_books
from counterfoil.sandbox.company import seed_company
from counterfoil.systems.beancount.programs import check

__all__ = ["demo"]

FOLDER = Path("counterfoil-demo")
FAVA = "http://localhost:5000"
"""Where ``fava LEDGER`` shows a ledger, under the ledger's title."""


def demo() -> None:
    """Book a Pleo export in a Beancount ledger, in counterfoil-demo/, all on this machine."""
    set_up_logs()
    start_afresh(FOLDER)
    ledger = write_demo_books(FOLDER / "books")
    company = seed_company(State())
    company.state.queue_job(company.id)
    with SandboxServer(company.state) as server:
        say(f"A local Pleo with {len(company.entries)} expenses of {company.name}: {server.url}")
        config = _configure(company, server.url)
        reports = drain(config)
    _show_items(config, reports)
    show_reports(reports)
    sound = _judge(ledger)
    _show_the_way(ledger)
    raise typer.Exit(exit_code(reports, strict=False) or (0 if sound else 1))


def _configure(company: Company, url: str) -> Config:
    """Write the configuration and the key, and load them as any other."""
    write(FOLDER / KEY, f"{company.api_key}\n")
    text = demo_config_toml(
        url, company_id=company.id, api_key=f"file:{KEY}", fava_url=f"{FAVA}/{company.name.lower()}"
    )
    write(FOLDER / CONFIGURATION, text)
    return load(FOLDER / CONFIGURATION, os.environ)


def _show_items(config: Config, reports: Sequence[ConnectionReport]) -> None:
    with config.open_register() as register:
        rows: list[ItemRow] = []
        for connection, report in zip(config.connections, reports, strict=True):
            target = connection.open_books().target
            for job in report.jobs:
                rows += item_rows(register, target, job.job_id)
    show_items(rows)


def _judge(ledger: Path) -> bool:
    """Let Beancount itself say what it thinks of the ledger."""
    with effect("demo.judge", str(ledger)), TemporaryDirectory() as scratch:
        findings = asyncio.run(check(ledger.absolute(), Path(scratch)))
    for finding in findings:
        styled(f"bean-check: {finding.place} {finding.message}", "red")
    if not findings:
        styled(f"bean-check: {ledger} is sound", "green")
    return not findings


def _show_the_way(ledger: Path) -> None:
    config = FOLDER / CONFIGURATION
    say()
    say("Where to look next:")
    hints = (
        ("the ledger", str(ledger)),
        ("its entries", str(ledger.parent / "counterfoil")),
        ("the configuration", str(config)),
        ("each item again", f"{_program()} items --config {config}"),
        ("the export job", f"{_program()} jobs --config {config}"),
        ("in a browser", f"fava {ledger}    (pip install fava; the links lead there)"),
        ("a Pleo that stays", f"{_program()} sandbox"),
    )
    for meaning, where in hints:
        say(f"  {meaning:<18} {where}")


def _program() -> str:
    """Return what to type to start this program again, as it was started."""
    started = Path(sys.argv[0])
    if started.name != "counterfoil":
        return "python -m counterfoil"
    return started.name if shutil.which(started.name) == str(started) else str(started)
