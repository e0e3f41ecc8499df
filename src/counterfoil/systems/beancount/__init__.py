"""Beancount: a plain-text ledger, written by us and judged by ``bean-check``.

The ledger is read and judged by Beancount's own programs (``programs``, ``loading``); what the
texts say that Beancount does not is read in ``sources``. We write month files (``months``,
``blocks``) through atomic replacement under a lock (``files``, ``session``), put into words by
``syntax`` and receipts filed by ``receipts``.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from counterfoil.systems.beancount.options import BeancountOptions
from counterfoil.systems.beancount.system import Beancount
from counterfoil.systems.contract import AccountingSystem, SystemKind

__all__ = ["KIND", "Beancount", "BeancountOptions"]


def _open(options: BaseModel, base: Path) -> AccountingSystem:
    return Beancount(BeancountOptions.model_validate(options), base)


KIND = SystemKind(name="beancount", options=BeancountOptions, open=_open)
