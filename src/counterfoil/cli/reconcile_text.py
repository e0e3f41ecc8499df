"""A reconciliation as people read it: what was done, what is off and what to do, the totals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from counterfoil.cli.lines import counted, say
from counterfoil.cli.reconcile_shapes import sources
from counterfoil.cli.screen import show_table, styled
from counterfoil.export.pairs import Source
from counterfoil.export.totals import Total
from counterfoil.export.verdicts import Finding, Verdict
from counterfoil.runner.reconcile_report import Compared, Reconciliation, Repair, Stray

__all__ = ["show_reconciliation"]

TOTALS = ("account", "currency", "Pleo", "books", "others", "difference")
NOT_KNOWN = "not known"
FIGURES = {
    Source.REGISTER: "our copy of the items",
    Source.PLEO: "Pleo's items, planned anew",
    "none": "nothing, as nobody has them",
}
STATUS = {
    Source.PLEO: "status as Pleo has it now",
    Source.REGISTER: "status as Pleo took it from us",
    "none": "in no job that Pleo lists",
}


def show_reconciliation(found: Reconciliation) -> None:
    """Show one connection; what is in order is only counted."""
    for repair in found.repairs:
        say(_repaired(found.name, repair))
    for finding in found.findings:
        if finding.verdict.off:
            _show_finding(finding)
    _show_strays(found.strays)
    if found.totals:
        _show_totals(found.totals)
    if found.compared:
        for line in _basis(found, found.compared):
            say(f"{found.name}: {line}")
    styled(f"{found.name}: {_sum(found)}", "red" if found.off else "green")


def _repaired(name: str, repair: Repair) -> str:
    done = f"told Pleo of {repair.entry_id}: {repair.status}"
    if repair.failure:
        done = f"could not tell Pleo of {repair.entry_id}: {repair.failure}"
    return f"{name}: {done} (job {repair.job_id})"


def _show_finding(finding: Finding) -> None:
    amount = "" if finding.amount is None else f"{finding.amount:,f} {finding.currency}"
    about = " ".join(filter(None, (str(finding.day or ""), amount, finding.entry_id)))
    styled(f"{finding.verdict.words}: {about}", "bold")
    say(f"    {finding.what}")
    say(f"    {finding.remedy}")


def _show_strays(strays: Sequence[Stray]) -> None:
    """Show what others posted on wallets; of other accounts, how much it is."""
    sums: dict[tuple[str, str, str], list[Decimal]] = defaultdict(list)
    for stray in strays:
        posting = stray.posting
        if stray.off:
            amount = f"{posting.amount:,f} {posting.currency}"
            styled(f"not of ours: {posting.date} {amount} on {posting.account}", "bold")
            say(f"    {posting.place}: {posting.text}")
            say(
                "    A wallet moves only as Pleo says: take it out if Pleo's own expense is booked "
                "too, else find out what it is"
            )
        else:
            sums[posting.account, stray.role, posting.currency].append(posting.amount)
    for (account, role, currency), amounts in sums.items():
        postings = counted(amounts, "posting", "postings")
        total = sum(amounts, Decimal(0))
        kind = role.replace("_", " ")
        say(f"{account} ({kind}): {postings} of others, {total:,f} {currency} in all")


def _show_totals(totals: Sequence[Total]) -> None:
    unknown = any(total.unknown for total in totals)
    columns = (*TOTALS, NOT_KNOWN) if unknown else TOTALS
    show_table(columns, [_cells(total)[: len(columns)] for total in totals])


def _cells(total: Total) -> tuple[str, ...]:
    """Write a line's amounts; nothing of others is nothing to be seen."""
    others = f"{total.others:,f}" if total.others else ""
    ours = (f"{total.pleo:,f}", f"{total.books:,f}")
    rest = (f"{total.difference:,f}", f"{total.unknown:,f}")
    return (total.account, total.currency, *ours, others, *rest)


def _basis(found: Reconciliation, compared: Compared) -> Iterator[str]:
    """Say what was held against each other."""
    jobs = counted(range(compared.jobs), "export job", "export jobs")
    records = counted(range(compared.records), "record", "records")
    copy = "our copy of the items" if compared.register else "no copy of ours (it is lost)"
    yield f"compared {jobs} in Pleo, {records} in the books, and {copy}"
    booked = [each for each in found.findings if each.ids]
    if booked:
        figures = sources(each.figures_from for each in booked)
        told = sources(each.status_from for each in booked)
        yield f"figures compared with {_counts(figures, FIGURES)}; {_counts(told, STATUS)}"
    if compared.foreign:
        items = counted(range(compared.foreign), "item was", "items were")
        yield f"{items} exported before our first job, and left out"


def _counts(counted_: Mapping[str, int], words: Mapping[str, str]) -> str:
    """Say of how many items it is whose word."""
    return ", ".join(f"{words[source]} ({count})" for source, count in counted_.items())


def _sum(found: Reconciliation) -> str:
    if found.error:
        return found.error
    counts = found.counts
    said = [f"{counts[verdict]} {verdict.words}" for verdict in Verdict if counts[verdict]]
    if strays := sum(stray.off for stray in found.strays):
        said.append(f"{counted(range(strays), 'posting', 'postings')} of others on a wallet")
    items = ", ".join(said) or "nothing was exported"
    return f"{items}: {'look at what is off' if found.off else 'nothing is off'}"
