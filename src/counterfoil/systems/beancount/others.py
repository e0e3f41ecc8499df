"""Postings of people and other programs on some accounts: what belongs to no record of ours."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

from counterfoil.systems.beancount.programs import select
from counterfoil.systems.contract import OtherPosting

__all__ = ["others_query", "read_others"]

OURS = ("entry_meta('pleo_entry')", "entry_meta('pleo_reverses')")
"""What a transaction of ours says of itself: one of the two."""


def others_query(accounts: Collection[str], since: date | None) -> str:
    """Ask for the postings on these accounts whose transaction names no entry of ours."""
    wanted = " or ".join(f"account = '{account}'" for account in sorted(accounts))
    conditions = [
        f"({wanted})",
        *(f"({meta} is null or {meta} = '')" for meta in OURS),
        *([f"date >= {since}"] if since else []),
    ]
    texts = ("entry_meta('filename')", "entry_meta('lineno')", "payee", "narration")
    columns = ["account", "number", "currency", "date", *texts]
    return select("#postings", columns, " and ".join(conditions))


def read_others(rows: Iterable[Sequence[str]], folder: Path) -> list[OtherPosting]:
    """Read the answer to ``others_query``; files are named as they are seen from a folder."""
    return [
        OtherPosting(
            account=account,
            amount=Decimal(number or 0),
            currency=currency,
            date=date.fromisoformat(day),
            text=" · ".join(filter(None, (payee, narration))),
            place=f"{_seen_from(folder, Path(file))}:{line}",
        )
        for account, number, currency, day, file, line, payee, narration in rows
    ]


def _seen_from(folder: Path, file: Path) -> Path:
    return file.relative_to(folder) if file.is_relative_to(folder) else file
