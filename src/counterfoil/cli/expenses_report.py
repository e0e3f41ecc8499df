"""What ``counterfoil expenses check`` shows: each use, what it becomes, and where it is."""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.bridge.checking import Report, Use
from counterfoil.cli.lines import counted, say
from counterfoil.cli.screen import show_table

__all__ = ["show_report"]

SHOWN = 3
"""So many places of a use are shown; ``--json`` has all."""


def show_report(report: Report) -> None:
    """Show a table of uses, what was not read, and how to go on."""
    for skipped in report.skipped:
        say(f"{skipped.file} was not read: {skipped.why}")
    if not report.uses:
        say(f"{report.path} uses nothing of the old Expenses API, in {report.files} files read")
        return
    show_table(("what", "old", "becomes", "where"), [_row(use) for use in report.uses])
    lacking = list(report.without_equivalent())
    say()
    say(
        f"{counted(report.uses, 'thing', 'things')} of the old API in {report.files} files read; "
        f"{len(lacking)} without equivalent{':' if lacking else ''}"
    )
    for use in lacking:
        say(f"  {use.kind} {use.old}: {use.reason}")


def _row(use: Use) -> Sequence[str]:
    sure = "" if use.certain else " (perhaps)"
    places = ", ".join(f"{place.file}:{place.line}" for place in use.places[:SHOWN])
    more = len(use.places) - SHOWN
    return (
        use.kind,
        f"{use.old}{sure}",
        use.new or "no equivalent",
        places + (f" and {more} more" if more > 0 else ""),
    )
