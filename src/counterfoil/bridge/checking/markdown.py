"""A check's report as Markdown, to be kept beside the move."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from counterfoil.bridge.checking.findings import Kind, Report, Use
from counterfoil.bridge.old_api import Mark

__all__ = ["as_text"]

HEADINGS = {
    Kind.ENDPOINT: "Endpoints",
    Kind.FIELD: "Fields",
    Kind.TYPE: "Types",
    Kind.STATUS: "Statuses",
    Kind.STATE: "States of card transactions",
}
MARKS = {
    Mark.SAME: "same",
    Mark.OTHER_FORM: "other form",
    Mark.RESOLVED: "included whole",
    Mark.NONE: "**no equivalent**",
}
SHOWN = 10
"""So many places of a use are named."""


def as_text(report: Report) -> str:
    """Write the report; tables by kind, what has no equivalent first."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"# What `{_cell(report.path)}` uses of Pleo's old Expenses API"
    yield ""
    lacking = list(report.without_equivalent())
    yield (
        f"{report.files} files were read. {len(report.uses)} things of the old API are used; "
        f"{len(lacking)} of them have no equivalent."
    )
    if lacking:
        yield from ["", "## Without equivalent", ""]
        yield from (f"- {use.kind} `{use.old}`: {_cell(use.reason)}" for use in lacking)
    for kind, heading in HEADINGS.items():
        uses = [use for use in report.uses if use.kind is kind]
        if uses:
            yield from _table(heading, uses)
    if report.skipped:
        yield from ["", "## Not read", ""]
        yield from (f"- `{_cell(each.file)}`: {_cell(each.why)}" for each in report.skipped)


def _table(heading: str, uses: Sequence[Use]) -> Iterator[str]:
    yield from [
        "",
        f"## {heading}",
        "",
        "| old | becomes | how | why | where |",
        "|---|---|---|---|---|",
    ]
    for use in uses:
        sure = "" if use.certain else " (perhaps)"
        new = f"`{use.new}`" if use.new else "—"
        cells = (f"`{use.old}`{sure}", new, MARKS[use.mark], _cell(use.reason), _where(use))
        yield f"| {' | '.join(cells)} |"


def _where(use: Use) -> str:
    places = [f"`{_cell(place.file)}:{place.line}`" for place in use.places[:SHOWN]]
    more = len(use.places) - SHOWN
    return ", ".join(places) + (f" and {more} more" if more > 0 else "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("`", "'")
