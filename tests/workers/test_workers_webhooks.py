"""A webhook taken by one process is work for another."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from counterfoil.register import open_register
from counterfoil.register.sealing import Seal, new_key
from tests.web.conftest import TOKEN, subscribe
from tests.web.signing import about_job, headers_for
from tests.workers.fleet import eventually, fleet


@pytest.mark.slow
def test_a_process_that_does_no_work_takes_webhooks_for_workers(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = new_key()
    monkeypatch.setenv("COUNTERFOIL_KEY", key)
    with fleet(tmp_path, postgres_url, companies=2, poll="24 hours") as here:
        first = [here.export(name) for name in here.companies]
        company = here.companies["c1"].id
        with open_register(postgres_url, seal=Seal([key])) as register:
            subscribe(register, connection="c1", company_id=company)
        here.worker()
        url = here.server()
        eventually(lambda: here.done(first))
        job = here.export("c1")
        body = about_job(company, id=job)
        for _ in range(2):
            told = httpx.post(f"{url}/webhooks/{TOKEN}", content=body, headers=headers_for(body))
            assert told.status_code == 204
        eventually(lambda: here.done([job]))
        assert max(here.booked("c1").values()) == 1
