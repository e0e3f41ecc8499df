"""Whose a credential is, and what it may do: asked at set-up, changing nothing of an export.

Source: Pleo's developer pages, "API keys" (the installation endpoint is called on activation) and
"Scopes"; the installation's answer tells the company but no scopes, so each is tried.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final
from uuid import uuid4

from counterfoil.pleo.client import PleoClient
from counterfoil.pleo.errors import (
    PleoBadRequest,
    PleoError,
    PleoForbidden,
    PleoMalformed,
    PleoNotFound,
    PleoRateLimited,
    PleoRefused,
    PleoRejected,
    PleoUnanswered,
)

__all__ = ["SCOPES", "company_told", "missing_scopes"]

COMPANY: Final = "urn:pleo:company:"
"""How an installation's ``resource`` begins, before the company's id."""


async def company_told(pleo: PleoClient) -> str | None:
    """Return the id (lower case) of the company that the credential is for, as Pleo tells it.

    An installation that is not there yet is made, as one with an API key must be. None where Pleo
    does not tell: it has no such endpoint, or the credential is the whole organisation's and no
    company was named. Raises PleoError where the credential is refused or no clear answer came.
    """
    try:
        return await _company(pleo, None)
    except PleoBadRequest:
        if not pleo.company_id:
            return None
    except (PleoNotFound, PleoForbidden, PleoRejected, PleoMalformed):
        return None
    try:
        return await _company(pleo, pleo.company_id)
    except (PleoNotFound, PleoForbidden, PleoRejected, PleoMalformed):
        return None


async def _company(pleo: PleoClient, company_id: str | None) -> str | None:
    try:
        installation = await pleo.installation(company_id)
    except PleoNotFound:
        installation = await pleo.install(company_id)
    resource = str(installation.get("resource", ""))
    return resource.removeprefix(COMPANY).lower() if resource.startswith(COMPANY) else None


async def _read_jobs(pleo: PleoClient) -> None:
    await pleo.list_jobs(["pending"])


async def _read_items(pleo: PleoClient) -> None:
    async for _ in pleo.export_item_pages(str(uuid4())):
        break


async def _write_nothing(pleo: PleoClient) -> None:
    await pleo.update_items(str(uuid4()), [])


SCOPES: Final[Mapping[str, Callable[[PleoClient], Awaitable[None]]]] = {
    "export-jobs:read": _read_jobs,
    "export-jobs:write": _write_nothing,
    "export-items:read": _read_items,
}
"""What an export needs, each with a call that needs it and does nothing, of a job nobody has."""


async def missing_scopes(pleo: PleoClient, scopes: Collection[str] = SCOPES) -> tuple[str, ...]:
    """Return which of these scopes the credential lacks; raises PleoError without a clear answer.

    All of them may also mean that the credential is for another company.
    """
    return tuple([scope for scope in scopes if await _is_denied(pleo, SCOPES[scope])])


async def _is_denied(pleo: PleoClient, needs: Callable[[PleoClient], Awaitable[None]]) -> bool:
    try:
        await needs(pleo)
    except PleoForbidden:
        return True
    except (PleoRefused, PleoUnanswered, PleoRateLimited):
        raise
    except PleoError:
        return False
    return False
