"""Builds a connection from its checked section."""

from __future__ import annotations

from pathlib import Path

from counterfoil.bookkeeping.settings import Accounts, Settings
from counterfoil.config.addresses import AUTH_HOSTS, ENVIRONMENTS, environment_of
from counterfoil.config.model import (
    BridgeSettings,
    Connection,
    OAuthSettings,
    ReceiptSettings,
)
from counterfoil.config.shape import ConnectionShape, PleoShape

__all__ = ["build_connection"]


def build_connection(shape: ConnectionShape, pleo: PleoShape, folder: Path) -> Connection | None:
    """Build a connection; None where ``[pleo]`` leaves it without an address or credentials."""
    base_url = pleo.base_url or ENVIRONMENTS.get(pleo.environment or "")
    api_key = shape.api_key or pleo.api_key
    oauth = _oauth(pleo, base_url) if base_url and api_key is None else None
    if base_url is None or (api_key is None and oauth is None) or shape.options is None:
        return None
    return Connection(
        name=shape.name,
        company_id=shape.company_id or "",
        base_url=base_url,
        environment=environment_of(base_url),
        api_key=api_key,
        ca_file=pleo.ca_file,
        oauth=oauth,
        kind=shape.system,
        options=shape.options,
        folder=folder,
        settings=_settings(shape),
        receipts=ReceiptSettings(policy=shape.receipts.policy, hosts=shape.receipts.hosts),
        on_change=shape.on_change,
        bridge=BridgeSettings(token=shape.bridge.token) if shape.bridge else None,
    )


def _oauth(pleo: PleoShape, base_url: str) -> OAuthSettings | None:
    if pleo.oauth is None:
        return None
    return OAuthSettings(
        auth_url=pleo.oauth.auth_url or AUTH_HOSTS.get(environment_of(base_url), base_url),
        client_id=pleo.oauth.client_id,
        client_secret=pleo.oauth.client_secret,
        redirect_uri=pleo.oauth.redirect_uri,
        ca_file=pleo.ca_file,
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
