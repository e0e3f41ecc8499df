"""``python -m bench.plain_loop OUT URL COMPANY FOLDER BYTES``: the least code that does the work.

The same HTTP calls as an export (but for the last look for further jobs) and the same writes: the
text of each hundred items appended to a month file, every receipt a file, all made durable. No
register, no rules, no checks, no retries; it books nothing and survives nothing. What Counterfoil
costs beyond this is what its promises cost.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

import httpx

from bench.usage import Usage, now, peaks

CHUNK = 100

Row: TypeAlias = "dict[str, Any]"


def pages(pleo: httpx.Client, path: str, **query: str) -> Iterator[Row]:
    """Give every row of a list, page by page."""
    more = True
    while more:
        page = _json(pleo.get(path, params={**query, "limit": str(CHUNK)}))
        yield from page["data"]
        more = page["pagination"]["hasNextPage"]
        query["after"] = page["pagination"].get("endCursor", "")


def _json(answer: httpx.Response) -> Any:  # noqa: ANN401 -- JSON is anything
    answer.raise_for_status()
    return json.loads(answer.content, parse_float=Decimal)


def _event(pleo: httpx.Client, job_id: str, event: str) -> None:
    body = {"jobId": job_id, "event": event}
    pleo.post("/v3/export-job-events", json=body).raise_for_status()


def _append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


class Loop:
    """One job, from its first call to its last."""

    def __init__(self, pleo: httpx.Client, folder: Path, size: int, usage: Usage) -> None:
        """Write ``size`` bytes of text an item into a folder."""
        self.pleo = pleo
        self.folder = folder
        self.size = size
        self.usage = usage

    def run(self, company_id: str) -> None:
        """Do the whole job."""
        jobs = list(pages(self.pleo, "/v3/export-jobs", company_id=company_id, statuses="pending"))
        path = f"/v3/export-jobs/{jobs[0]['id']}"
        job_id = _json(self.pleo.get(path))["data"]["id"]
        _event(self.pleo, job_id, "started")
        self.usage.moments["load ends"] = now()
        listed = [row["accountingEntryId"] for row in pages(self.pleo, f"{path}/items")]
        held = {row["accountingEntryId"]: row for row in _pages_of_items(self.pleo, job_id)}
        items = sorted((held[each] for each in listed), key=lambda item: str(item["date"]))
        for start in range(0, len(items), CHUNK):
            self._chunk(f"{path}/items", items[start : start + CHUNK])
        statuses = {row["status"] for row in pages(self.pleo, f"{path}/items")}
        _event(self.pleo, job_id, "completed" if statuses == {"successful"} else "failed")

    def _chunk(self, path: str, items: list[Row]) -> None:
        for item in items:
            for number, file in enumerate(item["files"] or ()):
                answer = self.pleo.get(file["url"])
                name = f"{item['accountingEntryId']}-{number}"
                _append(self.folder / name, answer.raise_for_status().content)
        text = "".join(_text(item, self.size) for item in items)
        _append(self.folder / f"{items[0]['date'][:7]}.txt", text.encode())
        rows = [_outcome(item) for item in items]
        result = _json(self.pleo.put(path, json=rows))
        if result["errors"]:
            raise ValueError(result["errors"])
        self.usage.reports.append(now())


def _pages_of_items(pleo: httpx.Client, job_id: str) -> Iterator[Row]:
    return pages(pleo, "/v3/export-items", job_id=job_id)


def _text(item: Row, size: int) -> str:
    """Write an item in as many bytes as an entry of the ledger has."""
    amount = Decimal(item["amount"]["inWalletCurrency"]["value"]) / 100
    return f"{item['date'][:10]} {item['accountingEntryId']} {amount}\n".ljust(size)


def _outcome(item: Row) -> Row:
    return {
        "accountingEntryId": item["accountingEntryId"],
        "status": "successful",
        "externalId": f"{item['accountingEntryId']}/entry",
        "exportedAt": "2026-07-01T12:00:00Z",
    }


def measure(out: Path, url: str, company_id: str, folder: Path, size: int) -> None:
    """Run the loop and write what it used."""
    usage = Usage(moments={"starts": now()})
    auth = (os.environ["PLEO_API_KEY"], "")
    with httpx.Client(base_url=url, auth=auth, timeout=60) as pleo:
        Loop(pleo, folder, size, usage).run(company_id)
    usage.moments["ends"] = now()
    usage.peak_mb, usage.children_peak_mb = peaks()
    usage.write(out)


if __name__ == "__main__":
    measure(Path(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4]), int(sys.argv[5]))
