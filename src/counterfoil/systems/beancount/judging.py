"""Lets Beancount judge new entries before they are written, against the declarations alone.

What is judged holds the ledger's options, the accounts the entries name, and the entries; no
plugin, no balance, nothing else of the ledger. Each error is told to its entry by its line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from counterfoil.systems.beancount.programs import Finding, Judge

__all__ = ["OPTIONS", "declared_options", "judge"]

OPTIONS = (
    "name_assets",
    "name_liabilities",
    "name_equity",
    "name_income",
    "name_expenses",
    "inferred_tolerance_default",
    "inferred_tolerance_multiplier",
    "tolerance_multiplier",
    "infer_tolerance_from_cost",
    "booking_method",
)
"""Options of the main ledger that decide about a transaction."""


def declared_options(options: Mapping[str, Sequence[bytes]], names: Iterable[str]) -> bytes:
    """Write some of a ledger's options again, as they stand there."""
    return b"".join(
        b'option "%s" "%s"\n' % (name.encode(), value)
        for name in names
        for value in options.get(name, ())
    )


async def judge(
    texts: Sequence[str], declarations: Iterable[str], options: bytes, by: Judge
) -> dict[int, str]:
    """Return by position what Beancount has against an entry; those it takes are left out."""
    head = options.decode("utf-8", "replace") + "".join(f"{text}\n" for text in declarations)
    objections: dict[int, str] = {}
    while waiting := [number for number in range(len(texts)) if number not in objections]:
        candidates = head + "".join(f"{texts[number]}\n\n" for number in waiting)
        found = _by_entry(await by.judge(candidates), head, texts, waiting)
        if not found:
            break
        # A syntax error may hide what follows, so the rest is asked about again.
        objections |= found
    return objections


def _by_entry(
    findings: Iterable[Finding], head: str, texts: Sequence[str], waiting: Sequence[int]
) -> dict[int, str]:
    owners: list[int] = []
    for number in waiting:
        owners += [number] * (texts[number].count("\n") + 2)
    first = head.count("\n") + 1
    found: dict[int, str] = {}
    for finding in findings:
        if 0 <= finding.line - first < len(owners):
            found.setdefault(owners[finding.line - first], finding.message)
    return found
