"""Charts of accounts for tests."""

from __future__ import annotations

from counterfoil.bookkeeping.chart import Chart, ChartAccount

__all__ = ["chart_of"]


def chart_of(*codes: str) -> Chart:
    """Make a chart of accounts with these codes; that of 6100 has the id ``account-6100``."""
    accounts = (ChartAccount(id=f"account-{code}", code=code) for code in codes)
    return Chart(accounts={account.id: account for account in accounts})
