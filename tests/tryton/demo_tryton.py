"""``make demo-tryton``: a whole export on this machine, from a local Pleo into a real Tryton.

The first time it installs Tryton and sets a company up, which takes a minute or two. It ends by
saying how to look at what was booked, and goes on running until Enter is pressed, so that one can;
with no terminal it ends at once.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

from counterfoil.cli.lines import say
from counterfoil.cli.logs import set_up_logs
from counterfoil.cli.reports import exit_code, show_reports
from counterfoil.sandbox import SandboxServer, State
from counterfoil.sandbox.company import seed_company
from tests.tryton.tryton_alone import fresh_company
from tests.tryton.tryton_company import SERVICE
from tests.tryton.tryton_exports import configure, export
from tests.tryton.tryton_server import Database

__all__ = ["main"]


def main() -> int:
    """Book the demo company's expenses; return the exit code."""
    set_up_logs()
    say("Starting PostgreSQL and Tryton; the first time takes a minute or two ...")
    company = seed_company(State())
    company.state.queue_job(company.id, vendor_based=True)
    with tempfile.TemporaryDirectory(prefix="counterfoil-demo-") as name:
        folder = Path(name)
        with fresh_company(folder) as database, SandboxServer(company.state) as server:
            say(
                f"A local Pleo with {len(company.entries)} expenses of {company.name}: {server.url}"
            )
            configuration = configure(folder, server.url, company, database)
            reports = export(configuration)
            show_reports(reports)
            _show_books(database)
            _show_the_way(database, configuration)
            if sys.stdin.isatty():
                input("\nEnter ends it. ")
    return exit_code(reports, strict=False)


def _show_books(database: Database) -> None:
    """Say what Tryton itself has, asked by a client that shares nothing with the adapter."""
    rpc = database.service()
    say()
    say("What Tryton has:")
    for model, words in (("account.move", "account moves"), ("account.invoice", "invoices")):
        states = Counter(row["state"] for row in rpc.read(model, [], "state"))
        told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        say(f"  {words:<18} {told or 'none'}")
    lines = rpc.read("account.move.line", [], "account.rec_name", "debit", "credit")
    balances: Counter[str] = Counter()
    for line in lines:
        balances[line["account."]["rec_name"]] += line["debit"] - line["credit"]
    for account, balance in sorted(balances.items()):
        say(f"  {account:<34} {balance:>12} GBP")


def _show_the_way(database: Database, configuration: Path) -> None:
    say()
    say("How to look:")
    user, password = SERVICE
    host = database.url.removeprefix("http://")
    hints = (
        ("with Tryton's client", f"tryton: host {host}, database {database.name}"),
        ("as", f"user {user}, password {password}"),
        ("by a record's link", f"{database.url}/#{database.name}/model/account.move/1"),
        ("each item again", f".venv/bin/counterfoil items --config {configuration}"),
        ("is all in place", f".venv/bin/counterfoil doctor --config {configuration}"),
        ("with your own", "docs/tryton.md"),
    )
    for meaning, where in hints:
        say(f"  {meaning:<22} {where}")


if __name__ == "__main__":
    sys.exit(main())
