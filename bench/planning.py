"""``python -m bench.planning OUT ITEMS FOLDER``: how fast the rules alone plan, on one core.

Beside it stands the time that parsing the same JSON takes, which nobody can do without. Each figure
is the best of five rounds: the others only show what else the machine did.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator, Sequence
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

STEPS = ("json", "parse_item", "plan")
CHUNK = 100
ROUNDS = 5
TODAY = date(2026, 7, 1)


def measure(items: int, folder: Path) -> dict[str, float]:
    """Return microseconds an item: ``json``, ``parse_item`` and ``plan``."""
    connection = _connection(folder)
    chart = asyncio.run(_chart(connection))
    texts = _texts(items)
    rounds = [_round(texts, chart, connection.settings) for _ in range(ROUNDS)]
    least = map(min, zip(*rounds, strict=True))
    return {name: seconds * 1e6 / items for name, seconds in zip(STEPS, least, strict=True)}


def _round(texts: Sequence[str], chart: Chart, settings: Settings) -> list[float]:
    """Plan everything once, a hundred items at a time as an export does; CPU seconds a step."""
    chunks = [texts[start : start + CHUNK] for start in range(0, len(texts), CHUNK)]
    spent = [list(_steps(chunk, chart, settings)) for chunk in chunks]
    return [sum(step) for step in zip(*spent, strict=True)]


def _steps(chunk: Sequence[str], chart: Chart, settings: Settings) -> Iterator[float]:
    """Do each step for the whole chunk, and yield the CPU seconds it took."""
    start = time.process_time()
    payloads = [json.loads(text, parse_float=Decimal) for text in chunk]
    parsed = time.process_time()
    yield parsed - start
    items = [parse_item(payload) for payload in payloads]
    checked = time.process_time()
    yield checked - parsed
    for item in items:
        plan(item, chart, settings, today=TODAY)
    yield time.process_time() - checked


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
