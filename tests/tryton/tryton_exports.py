"""Exports from a local Pleo into Tryton: the configuration, and the run that everybody has."""

from __future__ import annotations

import asyncio
from pathlib import Path

import tomli_w

from counterfoil.config import load
from counterfoil.runner.once import run_once
from counterfoil.runner.reports import ConnectionReport
from counterfoil.sandbox.catalogue import WALLETS
from counterfoil.sandbox.state import Company
from tests.tryton.tryton_company import FALLBACK_PARTY, SERVICE
from tests.tryton.tryton_server import Database

__all__ = ["configure", "export"]


def configure(folder: Path, url: str, company: Company, database: Database) -> Path:
    """Write a configuration that books a company of the sandbox into a database, for good."""
    (folder / "tryton.password").write_text(SERVICE[1], "utf-8")
    (folder / "pleo.key").write_text(company.api_key, "utf-8")
    told = {
        "pleo": {"base_url": url, "api_key": "file:pleo.key"},
        "connection": [
            {
                "name": "acme",
                "company_id": company.id,
                "system": "tryton",
                "timezone": "Europe/London",
                "options": {
                    "url": database.url,
                    "database": database.name,
                    "user": SERVICE[0],
                    "password": "file:tryton.password",
                    "fallback_party": FALLBACK_PARTY,
                },
                "accounts": {
                    "wallet": {wallet.currency: wallet.code for wallet in WALLETS},
                    "out_of_pocket": "2900",
                    "contra": "1899",
                    "payable": "2000",
                },
                "posting": {"mode": "final"},
            }
        ],
    }
    path = folder / "counterfoil.toml"
    path.write_text(tomli_w.dumps(told), "utf-8")
    return path


def export(configuration: Path) -> tuple[ConnectionReport, ...]:
    """Run every open job."""
    return asyncio.run(run_once(load(configuration, {})))
