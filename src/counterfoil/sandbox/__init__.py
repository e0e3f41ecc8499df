"""A local Pleo to develop against: jobs, items, receipts, faults, a clock you can move.

In three lines, in a test of yours::

    state = State()
    company = state.add_company()
    with SandboxServer(state) as server:  # or ``async with``
        ...  # server.url, company.id, company.api_key

It is an independent reading of Pleo's contract and imports nothing of the export's.
"""

from __future__ import annotations

from counterfoil.sandbox.books import demo_config_toml, demo_ledger, write_demo_books
from counterfoil.sandbox.clock import Clock
from counterfoil.sandbox.company import (
    DEFAULT_CLIENT,
    DEFAULT_KEY,
    DEFAULT_REDIRECTS,
    DEFAULT_SECRET,
    queue_more,
    seed_company,
)
from counterfoil.sandbox.faults import Fault, Kind
from counterfoil.sandbox.grants import Authorisation, OAuthClient
from counterfoil.sandbox.items import build_item, build_line
from counterfoil.sandbox.model import ApiKey, Job, LogEntry, Receipt
from counterfoil.sandbox.server import SandboxServer
from counterfoil.sandbox.state import DEFAULT_COMPANY, Company, State

__all__ = [
    "DEFAULT_CLIENT",
    "DEFAULT_COMPANY",
    "DEFAULT_KEY",
    "DEFAULT_REDIRECTS",
    "DEFAULT_SECRET",
    "ApiKey",
    "Authorisation",
    "Clock",
    "Company",
    "Fault",
    "Job",
    "Kind",
    "LogEntry",
    "OAuthClient",
    "Receipt",
    "SandboxServer",
    "State",
    "build_item",
    "build_line",
    "demo_config_toml",
    "demo_ledger",
    "queue_more",
    "seed_company",
    "write_demo_books",
]
