"""The configuration file: what it may say, and every mistake in it told at once.

``load`` reads ``counterfoil.toml`` and gives a frozen ``Config``. What the settings mean for an
expense is the bookkeeping's business, what an option means the accounting system's.
"""

from __future__ import annotations

from counterfoil.config.added import Added
from counterfoil.config.model import (
    KEPT,
    BridgeSettings,
    Config,
    Connection,
    LimitSettings,
    LogSettings,
    NotifySettings,
    OAuthSettings,
    OnChange,
    ReceiptPolicy,
    ReceiptSettings,
    Secret,
)
from counterfoil.config.reading import load

__all__ = [
    "KEPT",
    "Added",
    "BridgeSettings",
    "Config",
    "Connection",
    "LimitSettings",
    "LogSettings",
    "NotifySettings",
    "OAuthSettings",
    "OnChange",
    "ReceiptPolicy",
    "ReceiptSettings",
    "Secret",
    "load",
]
