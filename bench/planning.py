"""``python -m bench.planning OUT ITEMS FOLDER``: how fast the rules alone plan, on one core.

Beside it stands the time that parsing the same JSON takes, which nobody can do without. Each figure
is the best of five rounds: the others only show what else the machine did.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

from counterfoil.bookkeeping.chart import Chart
from counterfoil.bookkeeping.parse import parse_item
from counterfoil.bookkeeping.plan import plan
from counterfoil.bookkeeping.settings import Settings
from counterfoil.config import Connection, load
from counterfoil.register.records import dump_payload
from counterfoil.sandbox.books import demo_config_toml, write_demo_books
from counterfoil.sandbox.company import seed_company
from counterfoil.sandbox.state import State

CHUNK = 100
ROUNDS = 5
TODAY = date(2026, 7, 1)


def measure(items: int, folder: Path) -> dict[str, float]:
    """Return microseconds an item: ``json``, ``parse_item`` and ``plan``."""
    connection = _connection(folder)
    chart = asyncio.run(_chart(connection))
    texts = _texts(items)
    rounds = [_round(texts, chart, connection.settings) for _ in range(ROUNDS)]
    return {name: min(spent[name] for spent in rounds) * 1e6 / items for name in rounds[0]}


def _round(texts: Sequence[str], chart: Chart, settings: Settings) -> Counter[str]:
    """Plan everything once, a hundred items at a time as an export does; return CPU seconds."""
    spent: Counter[str] = Counter()
    for start in range(0, len(texts), CHUNK):
        chunk = texts[start : start + CHUNK]
        begin = time.process_time()
        payloads = [json.loads(text, parse_float=Decimal) for text in chunk]
        parsed = time.process_time()
        items = [parse_item(payload) for payload in payloads]
        checked = time.process_time()
        for item in items:
            plan(item, chart, settings, today=TODAY)
        ended = time.process_time()
        spent += Counter(json=parsed - begin, parse_item=checked - parsed, plan=ended - checked)
    return spent


def _connection(folder: Path) -> Connection:
    write_demo_books(folder / "books")
    config = folder / "counterfoil.toml"
    config.write_text(demo_config_toml("http://127.0.0.1:9"), encoding="utf-8")
    return load(config, {"PLEO_API_KEY": "none"}).connections[0]


async def _chart(connection: Connection) -> Chart:
    async with connection.open_books() as books:
        return await books.chart()


def _texts(items: int) -> list[str]:
    company = seed_company(State(), items=items)
    return [dump_payload(entry.item) for entry in company.entries.values()]


if __name__ == "__main__":
    figures = measure(int(sys.argv[2]), Path(sys.argv[3]))
    Path(sys.argv[1]).write_text(json.dumps(figures))
