"""One export that was measured, and what can be said of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil

from bench.usage import Moment, Usage

__all__ = ["CHUNK", "RECEIPT", "Export"]

CHUNK = 100
"""Rows of a page, and of a report: the most that one PUT takes."""
RECEIPT = "GET /files/{token}"


@dataclass(frozen=True)
class Export:
    """One export that was measured, and its calls; and the plain loop's, where that was run."""

    items: int
    usage: Usage
    calls: Counter[str]
    plain: Usage = field(default_factory=Usage)
    plain_calls: Counter[str] = field(default_factory=Counter)

    @property
    def reports(self) -> Sequence[Moment]:
        """The moments after each report."""
        return self.usage.reports

    @property
    def seconds(self) -> float:
        """The whole command, from its start to its end."""
        return self.usage.between("starts", "ends").clock

    @property
    def start(self) -> Moment:
        """All before the first item is read: the program itself, the register, the load."""
        return self.usage.between("starts", "load ends")

    @property
    def load(self) -> Moment:
        """The one load of the ledger, before anything is read from Pleo."""
        return self.usage.between("load begins", "load ends")

    @property
    def check(self) -> Moment:
        """The one check of the whole ledger, when all is booked."""
        return self.usage.between("check begins", "check ends")

    @property
    def rest(self) -> Moment:
        """All after the last report: payments settled, check and items once more, final event."""
        return self.usage.moments["ends"].since(self.usage.reports[-1])

    @property
    def item(self) -> Moment:
        """What an item used, from the end of the load to the last report, in milliseconds."""
        return _an_item(self.usage, self.items)

    @property
    def plain_item(self) -> Moment:
        """The same of the plain loop."""
        return _an_item(self.plain, self.items)

    def tenth(self, place: int) -> float:
        """Own milliseconds an item in the first (0) or the last (-1) tenth of the reports."""
        done = [min(CHUNK * number, self.items) for number in range(1, len(self.reports) + 1)]
        size = max(1, len(self.reports) // 10)
        first, last = (0, size) if place == 0 else (-1 - size, -1)
        used = self.reports[last].since(self.reports[first])
        return used.own * 1000 / (done[last] - done[first])

    def least_calls(self) -> Counter[str]:
        """Return the calls that nobody can do without, by what Pleo asks for.

        All pages of jobs, items (before the work and before the final event) and payloads, the job
        itself, two events, a report for every hundred items, and each receipt once, as the plain
        loop fetches them.
        """
        pages = ceil(self.items / CHUNK)
        return Counter(
            {
                "GET /v3/export-jobs": 1,
                "GET /v3/export-jobs/{id}": 1,
                "POST /v3/export-job-events": 2,
                "GET /v3/export-jobs/{id}/items": 2 * pages,
                "GET /v3/export-items": pages,
                "PUT /v3/export-jobs/{id}/items": pages,
                RECEIPT: self.plain_calls[RECEIPT],
            }
        )


def _an_item(usage: Usage, items: int) -> Moment:
    used = usage.reports[-1].since(usage.moments["load ends"])
    scale = 1000 / items
    return Moment(used.clock * scale, used.own * scale, used.children * scale)
