"""Asked by a person: the flag is durable before the answer."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from counterfoil.register import open_register
from counterfoil.register.connections import Binding
from counterfoil.web.app import create_app
from counterfoil.web.asking import asking_route
from tests.pleo.serving import served
from tests.web.conftest import COMPANY


@pytest.mark.parametrize("configured", [COMPANY, ""], ids=["configured", "known from its use"])
def test_who_is_asked_for_is_flagged(tmp_path: Path, configured: str) -> None:
    woken: list[bool] = []
    with open_register(f"sqlite:///{tmp_path}/counterfoil.db") as register:

        async def wake(_: str) -> bool:
            woken.append(register.wakeups.wanted(COMPANY))
            return True

        bound = Binding(name="acme", company_id=COMPANY, environment="x", target="y")
        register.connections.bind(bound, now=datetime.now(UTC))
        app = create_app(asking_route({"acme": configured, "new": ""}, register, wake, "secret"))
        headers = {"Authorization": "Bearer secret"}
        with served(app) as url, httpx.Client(base_url=url, headers=headers) as client:
            for name, status in (("new", 202), ("acme", 202), ("nobody", 404)):
                assert client.post(f"/connections/{name}/poll-now").status_code == status
    assert woken == [False, True]
