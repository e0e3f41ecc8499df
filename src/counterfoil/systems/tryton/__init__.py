"""Tryton: an ERP server, spoken to over HTTP.

A company is entered by ``readiness`` over ``access`` (a session or a REST key) and ``exchange``
(HTTP); what it knows is read once by ``charting``. Entries are put into Tryton's words by
``values``, written by ``booking``, held against what was sent by ``verifying``, looked up by
``records``, settled by ``settling`` and taken back by ``taking_back``. Tryton is under the GPL, and
runs on its own.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from counterfoil.systems.contract import AccountingSystem, SystemKind
from counterfoil.systems.tryton.options import TrytonOptions
from counterfoil.systems.tryton.system import Tryton

__all__ = ["KIND", "Tryton", "TrytonOptions"]


def _open(options: BaseModel, base: Path) -> AccountingSystem:
    return Tryton(TrytonOptions.model_validate(options), base)


KIND = SystemKind(name="tryton", options=TrytonOptions, open=_open)
"""A company in Tryton as an accounting system."""
