"""``python -m bench.scale_loop OUT URL KNOWN FOLDER AT_ONCE``: the least code for all jobs.

The plain loop of one export, company beside company in so many threads; see ``plain_loop`` for what
it leaves out.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from bench.plain_loop import Loop
from bench.usage import Usage, now, peaks

BYTES = 200
"""Of text an item."""


def main(out: Path, url: str, known: Path, folder: Path, at_once: int) -> None:
    """Do every job, and write what that used."""
    pleo = json.loads(known.read_text())
    usage = Usage(moments={"starts": now()})

    def drain(company_id: str) -> None:
        place = folder / company_id
        place.mkdir()
        with httpx.Client(base_url=url, auth=(pleo["key"], ""), timeout=60) as client:
            loop = Loop(client, place, BYTES, Usage())
            for _ in pleo["jobs"][company_id]:
                loop.run(company_id)

    with ThreadPoolExecutor(at_once) as threads:
        for _ in threads.map(drain, pleo["jobs"]):
            pass
    usage.moments["ends"] = now()
    usage.peak_mb, usage.children_peak_mb = peaks()
    usage.write(out)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]), int(sys.argv[5]))
