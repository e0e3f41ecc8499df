"""``counterfoil worker`` and ``serve --no-work``: many processes over one register."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.workers.fleet import eventually, fleet

pytestmark = pytest.mark.slow

TOKEN = {"Authorization": "Bearer open-sesame"}


def test_workers_book_what_waits_and_what_is_asked_for(tmp_path: Path, postgres_url: str) -> None:
    with fleet(tmp_path, postgres_url, companies=3) as here:
        first = [here.export(name) for name in here.companies]
        here.worker()
        eventually(lambda: here.done(first))
        url = here.server()
        second = here.export("c1", 3)
        assert httpx.post(f"{url}/connections/c1/poll-now", headers=TOKEN).status_code == 202
        eventually(lambda: here.done([second]))
        assert set(here.booked("c1").values()) == {1}
        assert sum(here.booked("c1").values()) == 4
