"""What is shown after a run, and which exit code it deserves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from counterfoil.cli.exits import ExitCode
from counterfoil.cli.lines import say
from counterfoil.cli.screen import show_table, styled
from counterfoil.runner.reports import ConnectionReport, ItemReport, JobReport

__all__ = ["exit_code", "show_reports"]

SHOWN = 20
"""How many failed items of a job are shown; the rest is for ``counterfoil items``."""


def exit_code(reports: Sequence[ConnectionReport], *, strict: bool) -> ExitCode:
    """Say how the run went: a connection that could not work comes before items that failed."""
    if not all(report.worked for report in reports):
        return ExitCode.NOT_DONE
    if strict and any(job.failed_items for report in reports for job in report.jobs):
        return ExitCode.ITEMS_FAILED
    return ExitCode.DONE


def show_reports(reports: Sequence[ConnectionReport]) -> None:
    """Show what became of every connection, its jobs and the items that failed."""
    for report in reports:
        for line, style in _lines(report):
            styled(line, style)
        for job in report.jobs:
            _show_failures(job)


def _lines(report: ConnectionReport) -> Iterator[tuple[str, str]]:
    for job in report.jobs:
        yield f"{report.name}: job {job.job_id}: {_outcome(job)}", _style(job)
        for fault in job.faults:
            yield f"{report.name}: the books fault an entry of ours: {fault}", "red"
    for job_id in report.foreign:
        yield f"{report.name}: job {job_id} is another's: left alone (--take-over JOB)", "yellow"
    if report.paused or report.waiting:
        yield f"{report.name}: {report.paused or report.waiting}", "yellow"
    elif report.error:
        yield f"{report.name}: {report.error}", "red"
    elif not report.jobs and not report.foreign:
        yield f"{report.name}: nothing to export", ""


def _outcome(job: JobReport) -> str:
    booked = sum(item.status == "successful" for item in job.items)
    counts = f"{booked} of {len(job.items)} items booked" if job.items else "no items"
    reason = f" ({job.reason})" if job.reason else ""
    return f"{job.outcome.replace('_', ' ')}, {counts}{reason}"


def _style(job: JobReport) -> str:
    return {"completed": "green", "completed_with_errors": "yellow"}.get(job.outcome, "red")


def _show_failures(job: JobReport) -> None:
    failed = [item for item in job.items if item.status != "successful"]
    if not failed:
        return
    show_table(("item", "type of failure", "reason"), [_row(item) for item in failed[:SHOWN]])
    if len(failed) > SHOWN:
        say(f"... and {len(failed) - SHOWN} more: counterfoil items --job {job.job_id}")


def _row(item: ItemReport) -> tuple[str, str, str]:
    return item.entry_id, item.failure_type or item.status, item.failure_reason or ""
