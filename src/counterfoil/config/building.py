"""Builds a connection from its checked section."""

from __future__ import annotations

from pathlib import Path

from counterfoil.bookkeeping.settings import Accounts, Settings
from counterfoil.config.addresses import ENVIRONMENTS, environment_of
from counterfoil.config.model import BridgeSettings, Connection, ReceiptSettings
from counterfoil.config.shape import ConnectionShape, PleoShape

__all__ = ["build_connection"]


def build_connection(shape: ConnectionShape, pleo: PleoShape, folder: Path) -> Connection | None:
    """Build a connection; None where ``[pleo]`` leaves it without an address or a key."""
    base_url = pleo.base_url or ENVIRONMENTS.get(pleo.environment or "")
    api_key = shape.api_key or pleo.api_key
    if base_url is None or api_key is None or shape.options is None:
        return None
    return Connection(
        name=shape.name,
        company_id=shape.company_id,
        base_url=base_url,
        environment=environment_of(base_url),
        api_key=api_key,
        ca_file=pleo.ca_file,
        kind=shape.system,
        options=shape.options,
        folder=folder,
        settings=_settings(shape),
        receipts=ReceiptSettings(policy=shape.receipts.policy, hosts=shape.receipts.hosts),
        on_change=shape.on_change,
        bridge=BridgeSettings(token=shape.bridge.token) if shape.bridge else None,
    )


def _settings(shape: ConnectionShape) -> Settings:
    accounts = shape.accounts
    return Settings(
        accounts=Accounts(
            wallet=accounts.wallet,
            out_of_pocket=accounts.out_of_pocket,
            contra=accounts.contra,
            payable=accounts.payable,
        ),
        zone=shape.timezone,
        posting=shape.posting.mode,
        closed=shape.periods.closed,
        closed_through=shape.periods.closed_through,
        negative=shape.signs.negative,
        unmatched_vendor=shape.unmatched_vendor,
        codes=shape.codes,
        description=shape.description,
        table_overrides=shape.booking,
    )
