"""Whose a credential is and what it may do, as a real local Pleo and one without the answer say."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from counterfoil.pleo import ApiKeyAuth, PleoClient, PleoForbidden, PleoUnauthenticated, Retries
from counterfoil.pleo.rights import SCOPES, company_told, missing_scopes
from counterfoil.sandbox import Company, SandboxServer, State

QUICK = Retries(wait_initial=0.001, wait_max=0.002, jitter=0.001)


@pytest.fixture(scope="module")
def company() -> Company:
    return State().add_company()


@pytest.fixture(scope="module")
def url(company: Company) -> Iterator[str]:
    with SandboxServer(company.state) as server:
        yield server.url


def asking(url: str, key: str, company_id: str = "") -> PleoClient:
    return PleoClient(url, ApiKeyAuth(key), company_id=company_id, retries=QUICK)


async def test_a_key_tells_its_company_and_is_installed_there(url: str, company: Company) -> None:
    async with asking(url, company.api_key) as pleo:
        assert await company_told(pleo) == company.id
        assert await company_told(pleo) == company.id
    installed = company.installation or {}
    assert installed["status"] == "ACTIVATED"


async def test_a_key_of_the_organisation_names_the_company(url: str, company: Company) -> None:
    """Without a company it tells none; with one, it tells whether it is for that."""
    key = company.state.add_key(None)
    async with asking(url, key) as pleo:
        assert await company_told(pleo) is None
    async with asking(url, key, company.id) as pleo:
        assert await company_told(pleo) == company.id


async def test_a_pleo_without_the_endpoint_tells_nothing(pleo_url: str) -> None:
    async with asking(pleo_url + "/nowhere", "key") as pleo:
        assert await company_told(pleo) is None


async def test_a_refused_key_is_refused(url: str) -> None:
    async with asking(url, "revoked") as pleo:
        with pytest.raises(PleoUnauthenticated):
            await company_told(pleo)
        with pytest.raises(PleoUnauthenticated):
            await missing_scopes(pleo)


@pytest.mark.parametrize("missing", [*SCOPES, None])
async def test_each_scope_that_is_missing_is_named(
    url: str, company: Company, missing: str | None
) -> None:
    """Trying them changes nothing in Pleo."""
    before = dict(company.state.jobs)
    key = company.state.add_key(company.id, scopes=frozenset(SCOPES) - {missing})
    async with asking(url, key, company.id) as pleo:
        assert await missing_scopes(pleo) == ((missing,) if missing else ())
        if missing == "export-jobs:read":
            with pytest.raises(PleoForbidden, match="this needs export-jobs:read"):
                await pleo.list_jobs(["pending"])
    assert dict(company.state.jobs) == before
