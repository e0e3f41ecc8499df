"""The demo company: a year of believable expenses, the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from itertools import islice

from counterfoil.sandbox.desk import Desk, Draft
from counterfoil.sandbox.scenes import happenings
from counterfoil.sandbox.state import DEFAULT_COMPANY, Company, State

__all__ = [
    "DEFAULT_CLIENT",
    "DEFAULT_KEY",
    "DEFAULT_REDIRECTS",
    "DEFAULT_SECRET",
    "LAST_DAY",
    "queue_more",
    "seed_company",
]

DEFAULT_KEY = "sandbox-key"
DEFAULT_CLIENT = "sandbox-client"
DEFAULT_SECRET = "sandbox-secret"  # noqa: S105 -- opens a sandbox, and is printed
DEFAULT_REDIRECTS = tuple(f"http://127.0.0.1:{port}/oauth/callback" for port in (8892, 8893))
"""Where users may come back to: the service on its own port, a terminal on the next."""
LAST_DAY = date(2026, 6, 30)
"""The last day of the company's year; fixed, so that a seed gives the same expenses every day."""


def seed_company(
    state: State,
    name: str = "Acme",
    *,
    items: int = 60,
    seed: int = 1,
    company_id: str = DEFAULT_COMPANY,
    api_key: str = DEFAULT_KEY,
) -> Company:
    """Add a company whose expenses of a year are queued for export.

    From about 45 items on every type and sub type of the Export API v3 is among them.
    """
    company = state.add_company(name, company_id, api_key)
    state.oauth.add_client(DEFAULT_REDIRECTS, client_id=DEFAULT_CLIENT, secret=DEFAULT_SECRET)
    queue_more(company, items, seed=seed)
    return company


def queue_more(company: Company, items: int, *, seed: int) -> list[str]:
    """Queue further expenses of the same kind, in no particular order, and return their ids."""
    desk = Desk(company.id, seed, LAST_DAY)
    drafts = list(islice(happenings(desk), items))
    desk.random.shuffle(drafts)
    return list(_add(company, drafts))


def _add(company: Company, drafts: Iterable[Draft]) -> Iterable[str]:
    for draft in drafts:
        fields = draft.vendor_fields
        yield company.add_item(draft.item, receipts=draft.receipts, vendor_fields=fields)
