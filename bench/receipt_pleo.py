"""``python -m bench.receipt_pleo ITEMS BYTES``: a sandbox where each expense has one large receipt.

Every download is answered after 50 ms, as by a file host far away.
"""

from __future__ import annotations

import random
import sys

from counterfoil.sandbox.company import seed_company
from counterfoil.sandbox.faults import Fault, Kind
from counterfoil.sandbox.model import Receipt
from counterfoil.sandbox.server import listen, serve, url_of
from counterfoil.sandbox.state import State

LATENCY = 0.05


def main(items: int, size: int) -> None:
    """Serve until killed."""
    state = State()
    company = seed_company(state, "Acme", items=items, seed=1)
    draw = random.Random(1)  # noqa: S311 -- filler, no secret
    for entry in company.entries.values():
        data = b"%PDF-1.4\n" + draw.randbytes(size - 15) + b"%%EOF\n"
        entry.receipts = (Receipt(data),)
    state.queue_job(company.id)
    state.faults.append(Fault(Kind.SLOW, "get_receipt", value=LATENCY))
    listener = listen("127.0.0.1", 0)
    print(f"A Pleo of your own: {url_of(listener)}", flush=True)
    serve(state, listener)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
