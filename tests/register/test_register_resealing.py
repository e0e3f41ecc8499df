"""Putting everything under a new key: how much there is, and what happens beside it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from counterfoil.register import Register, Seal, open_register
from counterfoil.register.resealing import Resealing
from counterfoil.register.sealing import KeyMissing, KeyWrong, new_key
from tests.register.test_register_sealing import (
    NEW,
    OLD,
    PAYLOAD,
    book_something,
    everything_in,
    new,
)

ITEMS = 25


def keep_items(register: Register, job_id: str = "job") -> None:
    names = [f"{number:02}" for number in range(ITEMS)]
    register.items.save_statuses(job_id, dict.fromkeys(names, "pending"))
    register.items.save_payloads(job_id, [(name, "2026", PAYLOAD) for name in names])


def under(register: Register) -> Counter[str | None]:
    """Count the register's texts by the key they are under."""
    counts = Resealing(register.database, register.seal).counts()
    return sum((Counter({each.key: each.texts}) for each in counts), Counter())


def test_all_is_put_under_the_newest_key_and_the_old_one_may_go(url: str) -> None:
    """What was in the clear is sealed, too; killed in the middle, the next one goes on."""
    with open_register(url) as register:
        keep_items(register)
    with open_register(url, seal=OLD) as register:
        book_something(register)
        assert under(register) == {None: ITEMS, OLD.names[0]: 3}
    with open_register(url, seal=NEW) as register:
        batches = Resealing(register.database, NEW, batch=7).rotate()
        assert next(batches) == ("job_items.payload", 7)
        keep_items(register, "a job that began meanwhile")
        batches.close()
        done: Counter[str] = Counter()
        for what, texts in Resealing(register.database, NEW, batch=7).rotate():
            done[what] += texts
        assert done == {"job_items.payload": ITEMS + 1 - 7, "parts.entry": 1, "sealing.sealed": 1}
        assert under(register) == {NEW.names[0]: 2 * ITEMS + 3}
        assert list(Resealing(register.database, NEW).rotate()) == []
    with open_register(url, seal=Seal([new])) as register:
        assert {each.payload for each in register.items.all()} == {PAYLOAD}
        assert "Nordic Hosting" not in everything_in(register)


def test_what_was_in_the_clear_is_in_no_file_any_more(sqlite_url: str) -> None:
    with open_register(sqlite_url) as register:
        keep_items(register)
    with open_register(sqlite_url, seal=OLD) as register:
        assert sum(texts for _, texts in Resealing(register.database, OLD).rotate()) == ITEMS
        folder = Path(sqlite_url.removeprefix("sqlite:///")).parent
        left = [file.name for file in folder.glob("*db*") if b"Nordic" in file.read_bytes()]
        assert left == []


def test_nothing_is_rotated_without_a_key_or_without_the_old_one(url: str) -> None:
    with open_register(url) as register:
        with pytest.raises(KeyMissing, match="secrets new-key"):
            next(Resealing(register.database, register.seal).rotate())
        keep_items(register)
    with open_register(url, seal=OLD) as register:
        book_something(register)
        stranger = Resealing(register.database, Seal([new_key()]))
        with pytest.raises(KeyWrong, match=OLD.names[0]):
            list(stranger.rotate())
