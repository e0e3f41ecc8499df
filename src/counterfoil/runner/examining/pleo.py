"""What Pleo says: is it there, does it take our credentials, for this company, with all scopes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from counterfoil.errors import ConfigurationError
from counterfoil.pleo.errors import PleoError
from counterfoil.pleo.retry import Retries
from counterfoil.pleo.rights import SCOPES, missing_scopes
from counterfoil.runner.credentials import pleo_for
from counterfoil.runner.examining.findings import Finding, right, wrong

if TYPE_CHECKING:
    from counterfoil.config import Connection
    from counterfoil.pleo.client import PleoClient
    from counterfoil.register import Register

__all__ = ["CLOCK_SECONDS", "examine_pleo"]

OPEN = ("pending", "in_progress")
LISTING = "export-jobs:read"
CLOCK_SECONDS: Final = 60
"""How far our clock may be off Pleo's: it decides whether a started job is ours."""


async def examine_pleo(connection: Connection, register: Register | None) -> AsyncIterator[Finding]:
    """Yield what can be found out about Pleo without changing anything there."""
    try:
        async with pleo_for(connection, register, retries=Retries(attempts=2)) as pleo:
            missing = await missing_scopes(pleo)
            yield right("Pleo", f"{connection.base_url} takes the credentials")
            yield _scopes(missing)
            yield await _company(pleo)
            if not missing:
                yield await _open_jobs(pleo)
            if pleo.server_date is not None:
                yield _clock(pleo.server_date, datetime.now(UTC))
    except (PleoError, ConfigurationError) as error:
        yield wrong("Pleo", str(error))


def _scopes(missing: Sequence[str]) -> Finding:
    if not missing:
        return right("scopes", ", ".join(SCOPES))
    # The jobs are listed by company, so this may be what is refused.
    other = ", or it is for another company" if LISTING in missing else ""
    lacking = ", ".join(missing)
    return wrong("scopes", f"the key lacks {lacking}: give it these scopes in Pleo{other}")


async def _open_jobs(pleo: PleoClient) -> Finding:
    jobs = await pleo.list_jobs(OPEN)
    return right("jobs", f"{len(jobs)} open export job{'' if len(jobs) == 1 else 's'}")


async def _company(pleo: PleoClient) -> Finding:
    """Compare the company with the key's own, where Pleo says whose key it is."""
    try:
        resource = str((await pleo.installation()).get("resource", ""))
    except PleoError:
        resource = ""
    kind, _, own = resource.removeprefix("urn:pleo:").partition(":")
    if kind == "company" and own.lower() != pleo.company_id:
        return wrong("company", f"the key is of company {own}; set company_id to it")
    known = "the key's own" if kind == "company" else "the key does not say whose it is"
    return right("company", f"{pleo.company_id} ({known})")


def _clock(pleos: datetime, ours: datetime) -> Finding:
    off = round((ours - pleos).total_seconds())
    if abs(off) <= CLOCK_SECONDS:
        return right("clock", "it agrees with Pleo's")
    way = "ahead of" if off > 0 else "behind"
    return wrong(
        "clock",
        f"this machine's clock is {abs(off)} seconds {way} Pleo's, which makes a job of ours look "
        "like another's, and webhooks stale: set it, and keep it set (NTP)",
    )
