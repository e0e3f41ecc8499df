"""What the accounting system says: is it ready, and do the settings fit its chart."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from counterfoil.bookkeeping.accounts import Books
from counterfoil.bookkeeping.chart import Chart, ChartTax
from counterfoil.bookkeeping.settings import ClosedPeriods, Settings
from counterfoil.bookkeeping.validate import settings_problems
from counterfoil.errors import ItemFailure, JobFailureType
from counterfoil.export.policies import ReceiptPolicy
from counterfoil.runner.examining.findings import Finding, right, warning, wrong
from counterfoil.systems.contract import BooksNotReady, Capabilities, Problem

if TYPE_CHECKING:
    from counterfoil.config import Connection

__all__ = ["examine_books"]

NAMES: Mapping[JobFailureType, str] = {
    JobFailureType.ACCOUNTING_SYSTEM_UNREACHABLE: "books reachable",
    JobFailureType.ACCOUNTING_SYSTEM_AUTHENTICATION_FAILURE: "books credentials",
    JobFailureType.AUTHORIZATION_FAILURE: "books permission",
}
"""What a problem of a type is a failed check of; any other is one of the books."""

ROLES = ("wallet", "out_of_pocket", "contra", "payable")


async def examine_books(connection: Connection) -> AsyncIterator[Finding]:
    """Yield what can be found out about the books without writing in them."""
    books = connection.open_books()
    try:
        async with books.reading():
            problems = await books.ready()
            if problems:
                for problem in problems:
                    yield _not_ready(problem)
                return
            yield right("books", books.target)
            chart = await books.chart()
            for finding in _fit(chart, connection.settings):
                yield finding
            yield _attachments(books.capabilities, connection.receipts.policy)
            if books.capabilities.advice is not None:
                yield warning("advice", books.capabilities.advice)
    except BooksNotReady as error:
        yield _not_ready(error.problem)


def _not_ready(problem: Problem) -> Finding:
    check = NAMES.get(problem.failure_type, "books")
    return wrong(check, problem.message, problem.failure_type)


def _fit(chart: Chart, settings: Settings) -> Iterator[Finding]:
    """Hold the settings against the chart, as a job does before it reads its items, and further."""
    problems = settings_problems(chart, settings)
    if problems:
        kind = JobFailureType.INVALID_CONFIGURATION
        yield from (wrong("settings", problem, kind) for problem in problems)
        return
    yield right("settings", f"they fit the chart of {len(chart.accounts)} accounts")
    today = datetime.now(UTC).astimezone(settings.zone).date()
    yield from _accounts(chart, settings, today)
    yield _taxes(chart)
    yield _vendors(chart, settings)
    yield _period(chart, settings, today)


def _accounts(chart: Chart, settings: Settings, today: date) -> Iterator[Finding]:
    """Say whether each account takes a posting of today, in the currency it is set for."""
    missing = [role for role in ROLES if not getattr(settings.accounts, role)]
    faults = [fault for role in ROLES for fault in _faults(chart, settings, role, today)]
    yield from (wrong("accounts", fault, JobFailureType.INVALID_CONFIGURATION) for fault in faults)
    if missing:
        yield warning(
            "accounts",
            f"[connection.accounts] has no {', '.join(missing)}: an expense that needs it fails",
        )
    if not faults and not missing:
        yield right("accounts", "the four of them are there, open, and take their currencies")


def _faults(chart: Chart, settings: Settings, role: str, today: date) -> Iterator[str]:
    named = getattr(settings.accounts, role)
    if named is None:
        return
    currencies = list(named) if isinstance(named, Mapping) else [""]
    for currency in currencies:
        books = Books(chart, settings, currency)
        choice = books.configured(role)
        taken = sorted(choice.account.currencies) or ["EUR"]
        try:
            Books(chart, settings, currency or taken[0]).check_usable(choice, today)
        except ItemFailure as failure:
            yield str(failure)


def _taxes(chart: Chart) -> Finding:
    """Say whether what the books do with each tax code can be done."""
    if not chart.taxes:
        return warning(
            "tax codes",
            "the books have none: an expense with a tax code fails, unless Pleo sends its account",
        )
    lost = [
        f"{tax.code} goes to {account}"
        for tax in chart.taxes.values()
        for account in _accounts_of(tax)
        if account not in chart.accounts or not chart.accounts[account].active
    ]
    if lost:
        return warning("tax codes", f"{'; '.join(lost)}, which takes nothing: open it in the books")
    return right("tax codes", f"{len(chart.taxes)} tax codes have accounts that take them")


def _accounts_of(tax: ChartTax) -> list[str]:
    return [each for each in (tax.ingoing_account, tax.outgoing_account) if each is not None]


def _vendors(chart: Chart, settings: Settings) -> Finding:
    if not chart.vendors and settings.accounts.payable is None:
        return warning(
            "vendors",
            "the books have none, and [connection.accounts] payable is not set: expenses under "
            "accounts payable fail",
        )
    return right("vendors", f"{len(chart.vendors)} vendors; accounts payable can be booked")


def _period(chart: Chart, settings: Settings, today: date) -> Finding:
    through = settings.closed_through
    closed = (through is not None and today <= through) or any(
        today in span for span in chart.closed
    )
    if closed and settings.closed is ClosedPeriods.FAIL:
        return warning(
            "periods",
            f"today, {today}, is closed: an expense of today fails; open the period in the books, "
            'or set [connection.periods] closed = "next_open"',
        )
    return right("periods", "today is open" if not closed else "what is closed goes to the next")


def _attachments(capabilities: Capabilities, policy: ReceiptPolicy) -> Finding:
    if capabilities.attachments is not None:
        return right("attachments", "the books take receipts")
    if policy is ReceiptPolicy.REQUIRE:
        return warning(
            "attachments",
            "receipts are required, and these books take none: expenses are booked without; set "
            '[connection.receipts] policy = "best_effort" to say that this is known',
        )
    return right("attachments", "the books take none, and none are required")
