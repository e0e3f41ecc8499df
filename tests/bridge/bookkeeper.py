"""An old program that remembers what it booked, and goes on after the bridge was killed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx


@dataclass
class Bookkeeper:
    """Books what waits, once each, and marks it; asserts that nothing EXPORTED is shown again."""

    booked: list[str] = field(default_factory=list)
    confirmed: set[str] = field(default_factory=set)
    """What the bridge took as EXPORTED."""

    async def work(self, http: httpx.AsyncClient) -> None:
        """Poll, book and mark until nothing waits; raises where the bridge does not answer."""
        while waiting := [
            *await self._shown(http, "QUEUED"),
            *await self._shown(http, "EXPORTING"),
        ]:
            for entry_id in waiting:
                if entry_id not in self.booked:
                    await self._mark(http, entry_id, "EXPORTING")
                    self.booked.append(entry_id)
                await self._mark(http, entry_id, "EXPORTED")
                self.confirmed.add(entry_id)

    async def _shown(self, http: httpx.AsyncClient, status: str) -> list[str]:
        answer = await http.get("/v1/expenses", params={"status": status})
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()["expenses"]
        ids = [str(row["id"]) for row in rows]
        assert not self.confirmed & set(ids), "shown again although EXPORTED"
        return ids

    async def _mark(self, http: httpx.AsyncClient, entry_id: str, status: str) -> None:
        answer = await http.put("/v1/expenses", json=[{"id": entry_id, "status": status}])
        assert answer.status_code == 200, answer.text
