"""Would an export work now? Everything that a job needs is looked at, and nothing is changed.

``pleo`` asks Pleo, ``books`` the accounting system, ``machine`` looks at what is kept here. Each
check is a ``Finding``. Source of what is checked: Pleo, "Pre-export validation".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from counterfoil.runner.examining.books import examine_books
from counterfoil.runner.examining.findings import Finding, Verdict
from counterfoil.runner.examining.machine import (
    examine_binding,
    examine_pause,
    examine_register,
    examine_secrets,
    examine_settings,
)
from counterfoil.runner.examining.pleo import examine_pleo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from counterfoil.config import Config, Connection
    from counterfoil.register import Register

__all__ = ["Finding", "Verdict", "examine", "examine_connection"]


async def examine(config: Config, connections: Sequence[Connection]) -> list[Finding]:
    """Look at what all connections share, then at each of these."""
    findings = list(examine_secrets(config))
    with examine_register(config) as (register, about_it):
        findings += about_it
        for connection in connections:
            findings += await examine_connection(connection, register)
    return findings


async def examine_connection(connection: Connection, register: Register | None) -> list[Finding]:
    """Look at one connection: its Pleo, its books, and whether the register knows it with others.

    Without a register, that is left out.
    """
    findings = list(examine_settings(connection))
    if not findings:
        findings += [finding async for finding in examine_pleo(connection, register)]
    findings += [finding async for finding in examine_books(connection)]
    findings += examine_binding(connection, register)
    findings += examine_pause(connection, register)
    return [replace(finding, connection=connection.name) for finding in findings]
