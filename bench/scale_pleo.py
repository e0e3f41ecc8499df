"""``python -m bench.scale_pleo KNOWN COMPANIES JOBS ITEMS``: a Pleo of many, which answers late.

Each company has as many jobs waiting, each of as many expenses. Which companies and jobs there are,
and the key for all of them, is written as JSON to the file KNOWN.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path

from counterfoil.sandbox.faults import Fault, Kind
from counterfoil.sandbox.server import listen, serve, url_of
from counterfoil.sandbox.state import Company, State

__all__ = ["LATENCY_SECONDS"]

LATENCY_SECONDS = 0.05
"""Before each answer."""


def main(known: Path, companies: int, jobs: int, items: int) -> None:
    """Serve until interrupted."""
    state = State()
    made = {}
    for number in range(companies):
        company = state.add_company(f"C{number}")
        made[company.id] = [_job(company, items, jobs - place) for place in range(jobs)]
    known.write_text(json.dumps({"key": state.add_key(None), "jobs": made}))
    state.faults.append(Fault(Kind.SLOW, "*", value=LATENCY_SECONDS))
    listener = listen()
    print(f"A Pleo of your own: {url_of(listener)}", flush=True)
    serve(state, listener)


def _job(company: Company, items: int, seconds_ago: int) -> str:
    entries = company.add_items(items, account="6100")
    return company.state.queue_job(company.id, entries, age=timedelta(seconds=seconds_ago))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
