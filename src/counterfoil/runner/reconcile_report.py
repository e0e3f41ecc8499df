"""What a reconciliation tells of one connection."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date

from counterfoil.export.totals import Total
from counterfoil.export.verdicts import Finding, Verdict
from counterfoil.systems.contract import OtherPosting

__all__ = ["Compared", "Reconciliation", "Repair", "Stray"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stray:
    """A posting of others on one of the connection's accounts."""

    posting: OtherPosting
    role: str
    """What the account is for us: wallet, out_of_pocket, contra, payable."""

    @property
    def off(self) -> bool:
        """Whether somebody has to look at it: a wallet moves only as Pleo says."""
        return self.role == "wallet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """What a repair did for an item, or why it did not."""

    entry_id: str
    job_id: str
    status: str
    """What Pleo was told."""
    failure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What was held against each other."""

    jobs: int
    """Pleo's export jobs whose items were read."""
    records: int
    """Records of ours that the books hold, live or not."""
    register: bool
    """Whether our copy of the company's items was there."""
    foreign: int = 0
    """Items of jobs from before the first of ours: another integration's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """One connection, reconciled; or why it could not be."""

    name: str
    since: date | None = None
    error: str | None = None
    compared: Compared | None = None
    findings: tuple[Finding, ...] = ()
    """Of every item, by day."""
    strays: tuple[Stray, ...] = ()
    totals: tuple[Total, ...] = ()
    repairs: tuple[Repair, ...] = ()

    @property
    def counts(self) -> Counter[Verdict]:
        """How many items have each verdict."""
        return Counter(finding.verdict for finding in self.findings)

    @property
    def off(self) -> bool:
        """Whether there is anything that somebody has to look at."""
        return (
            self.error is not None
            or any(finding.verdict.off for finding in self.findings)
            or any(stray.off for stray in self.strays)
        )
