"""The flag "look again" of each company, and the webhooks that set it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from counterfoil.effects import Effect, observe
from counterfoil.register import Delivery, Register, open_register

NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)


def a_delivery(webhook_id: str, *, company: str = "c", connection: str = "acme") -> Delivery:
    return Delivery(webhook_id=webhook_id, connection=connection, company_id=company)


def test_many_calls_are_one_and_the_oldest_is_told(register: Register) -> None:
    register.wakeups.look("c", now=NOW)
    register.wakeups.look("c", now=NOW + timedelta(minutes=1))
    assert register.wakeups.wanted("c")
    assert register.wakeups.taken("c") == NOW
    assert not register.wakeups.wanted("c")
    assert register.wakeups.taken("c") is None


def test_a_call_since_a_time_stays(register: Register) -> None:
    register.wakeups.look("c", now=NOW)
    assert register.wakeups.taken("c", before=NOW) is None
    assert register.wakeups.wanted("c")
    assert register.wakeups.taken("c", before=NOW + timedelta(seconds=1)) == NOW


def test_who_waits_longest_is_first(register: Register) -> None:
    register.wakeups.look("late", now=NOW)
    register.wakeups.look("early", now=NOW - timedelta(seconds=1))
    register.wakeups.look("now")
    assert register.wakeups.waiting() == ("early", "late", "now")


def test_a_flag_is_there_for_every_process_and_after_a_crash(url: str, register: Register) -> None:
    register.wakeups.look("c")
    with open_register(url) as another:
        assert another.wakeups.waiting() == ("c",)
        assert another.wakeups.taken("c") is not None
    assert register.wakeups.waiting() == ()


def test_looking_where_nobody_called_writes_nothing(register: Register) -> None:
    class Refuse:
        def before(self, effect: Effect) -> None:
            raise AssertionError(effect)

        def after(self, effect: Effect) -> None:
            raise AssertionError(effect)

    with observe(Refuse()):
        assert register.wakeups.taken("c") is None


def test_a_delivery_is_new_once_and_sets_the_flag_once(register: Register) -> None:
    assert register.wakeups.heard([a_delivery("m1")], now=NOW) == [True]
    assert register.wakeups.taken("c") == NOW
    assert register.wakeups.heard([a_delivery("m1")], now=NOW) == [False]
    assert not register.wakeups.wanted("c")


def test_deliveries_are_noted_together_and_told_one_by_one(register: Register) -> None:
    register.wakeups.heard([a_delivery("old")], now=NOW)
    register.wakeups.taken("c")
    batch = [
        a_delivery("b", company="d"),
        a_delivery("old"),
        a_delivery("a"),
        a_delivery("b", company="d"),
        a_delivery("b", connection="another", company="e"),
    ]
    assert register.wakeups.heard(batch, now=NOW) == [True, False, True, False, True]
    assert register.wakeups.waiting() == ("c", "d", "e")
    assert register.wakeups.heard([], now=NOW) == []


def test_it_is_known_of_which_jobs_webhooks_told(register: Register) -> None:
    told = Delivery(webhook_id="m1", connection="acme", company_id="c", job_id="job")
    register.wakeups.heard([told, a_delivery("m2")], now=NOW)
    assert register.wakeups.told_of("job")
    assert not register.wakeups.told_of("other")


def test_ids_are_kept_for_a_day(register: Register) -> None:
    register.wakeups.heard([a_delivery("m1")], now=NOW)
    nearly, later = NOW + timedelta(hours=24), NOW + timedelta(hours=24, seconds=1)
    assert register.wakeups.heard([a_delivery("m2")], now=nearly) == [True]
    assert register.wakeups.heard([a_delivery("m1")], now=nearly) == [False]
    assert register.wakeups.heard([a_delivery("m1")], now=later) == [True]
    assert register.retention.counts()["webhook_deliveries"] == 2


@pytest.mark.parametrize("backwards", [False, True])
def test_processes_that_hear_the_same_do_not_wait_for_each_other(
    url: str, register: Register, *, backwards: bool
) -> None:
    """However their batches are ordered, each delivery is new to exactly one of them."""
    batch = [a_delivery(f"m{number}", company=f"c{number % 7}") for number in range(60)]
    other = batch[::-1] if backwards else batch
    with open_register(url) as another, ThreadPoolExecutor(4) as pool:
        told = [
            pool.submit(each.wakeups.heard, each_batch, now=NOW)
            for each, each_batch in [(register, batch), (another, other)] * 2
        ]
        assert sum(sum(each.result()) for each in told) == 60
