"""The installation tells which company a key is for (an API of its own, outside the contract)."""

from __future__ import annotations

from counterfoil.pleo import ApiKeyAuth, PleoClient
from tests.pleo.small_pleo import COMPANY


async def test_the_installation_names_the_company(pleo_url: str) -> None:
    async with PleoClient(pleo_url, ApiKeyAuth("key"), company_id=COMPANY) as client:
        installation = await client.installation()
    assert installation["resource"] == f"urn:pleo:company:{COMPANY}"
