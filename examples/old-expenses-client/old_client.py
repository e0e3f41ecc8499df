"""A program as they were written against Pleo's old Expenses API: poll, book, mark as exported.

It knows nothing of the Export API, and nothing of Counterfoil: the standard library and the old
documentation are all it stands on. Its books are a CSV file. Point it at the bridge by its
environment alone::

    PLEO_URL=http://127.0.0.1:8891/v1  PLEO_TOKEN=...  python old_client.py books.csv
"""

from __future__ import annotations

import csv
import json
import os
import sys
import urllib.request
from decimal import Decimal
from pathlib import Path
from typing import Any

PAGE_SIZE = 10
CODES = {"CARD": "1910", "MANUAL": "2910", "BILL_INVOICE": "2440"}


def call(method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 -- any JSON
    """Call the old API with its bearer token; amounts are read as decimals."""
    request = urllib.request.Request(  # noqa: S310 -- the address is the operator's own
        f"{os.environ['PLEO_URL']}{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {os.environ['PLEO_TOKEN']}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 -- as above
        return json.loads(answer.read(), parse_float=Decimal)


def queued() -> list[dict[str, Any]]:
    """Poll: every page of the expenses that wait for export."""
    found: list[dict[str, Any]] = []
    offset: int | None = 0
    while offset is not None:
        query = f"status=QUEUED&pageSize={PAGE_SIZE}&pageOffset={offset}"
        answer = call("GET", f"/expenses/?{query}")
        found += answer["expenses"]
        offset = answer["metadata"]["pageInfo"].get("nextPageOffset")
    return found


def accounts() -> dict[str, str]:
    """Look up the account numbers that expenses name by id."""
    rows = call("GET", "/accounts?pageSize=1000")["accounts"]
    return {row["id"]: row["accountNumber"] for row in rows}


def book(expense: dict[str, Any], numbers: dict[str, str], books: csv.DictWriter[str]) -> None:
    """Write a line for each line of the expense, against the account of its type."""
    receipts = call("GET", f"/expenses/{expense['id']}/receipts")
    card = expense["cardTransaction"] or {}
    for line in expense["lines"]:
        books.writerow(
            {
                "id": expense["id"],
                "day": expense["performedAt"][:10],
                "debit": numbers.get(line["accountId"], "9999"),
                "credit": CODES.get(expense["type"], "1999"),
                "amount": line["amountSettled"]["value"],
                "currency": line["amountSettled"]["currency"],
                "text": (card.get("merchant") or {}).get("name") or expense["note"] or "",
                "receipts": len(receipts),
            }
        )


def main(path: Path) -> None:
    """Book what waits, an expense at a time, and tell Pleo after each."""
    waiting = queued()
    numbers = accounts()
    columns = ["id", "day", "debit", "credit", "amount", "currency", "text", "receipts"]
    with path.open("a", encoding="utf-8", newline="") as file:
        books = csv.DictWriter(file, columns)
        for expense in waiting:
            call("PUT", "/expenses", [{"id": expense["id"], "status": "EXPORTING"}])
            book(expense, numbers, books)
            file.flush()
            call("PUT", "/expenses", [{"id": expense["id"], "status": "EXPORTED"}])
    print(f"{len(waiting)} expenses booked")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
