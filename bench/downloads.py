"""``python -m bench.downloads OUT URL COMPANY FOLDER``: download a job's receipts and nothing else.

As many at once as an export does, each into a file: the least time that an export can take.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import httpx

from bench.plain_loop import pages
from bench.usage import Usage, now, peaks
from counterfoil.receipts import Limits


async def download(urls: list[str], folder: Path) -> None:
    """Fetch every URL into a file of its own."""
    waiting = iter(enumerate(urls))

    async def work() -> None:
        async with httpx.AsyncClient(timeout=60) as client:
            for number, url in waiting:
                async with client.stream("GET", url) as answer:
                    answer.raise_for_status()
                    with (folder / str(number)).open("wb") as file:
                        async for piece in answer.aiter_bytes():
                            file.write(piece)

    await asyncio.gather(*(work() for _ in range(Limits().parallel)))


def measure(out: Path, url: str, company_id: str, folder: Path) -> None:
    """Claim the job, read its items, download, and write what that used."""
    auth = (os.environ["PLEO_API_KEY"], "")
    with httpx.Client(base_url=url, auth=auth, timeout=60) as pleo:
        (job,) = pages(pleo, "/v3/export-jobs", company_id=company_id, statuses="pending")
        event = {"jobId": job["id"], "event": "started"}
        pleo.post("/v3/export-job-events", json=event).raise_for_status()
        items = list(pages(pleo, "/v3/export-items", job_id=job["id"]))
    usage = Usage(moments={"starts": now()})
    asyncio.run(download([file["url"] for item in items for file in item["files"]], folder))
    usage.moments["ends"] = now()
    usage.peak_mb, usage.children_peak_mb = peaks()
    usage.write(out)


if __name__ == "__main__":
    measure(Path(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4]))
