"""What people are to be told, and what waits at Pleo, as the register keeps it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from counterfoil.effects import observe
from counterfoil.register import Backlog
from tests.instead import First

if TYPE_CHECKING:
    from counterfoil.register import Register
    from counterfoil.register.notices import Notice

NOW = datetime(2026, 6, 17, 12, tzinfo=UTC)


def test_a_notice_is_told_once_until_it_is_over(register: Register) -> None:
    notices = register.notices
    for _ in range(2):
        notices.add("broken", "{}", now=NOW)
    taken = notices.take(NOW)
    assert taken is not None
    assert (taken.event, taken.tries, notices.take(NOW)) == ("broken", 1, None)
    notices.done("broken", now=NOW)
    for _ in range(2):
        notices.over("broken")
    notices.add("broken", "{}", now=NOW)
    assert notices.take(NOW) is not None


def test_of_two_who_tell_at_once_one_tells_each_notice(register: Register) -> None:
    notices = register.notices
    for event in ("first", "second"):
        notices.add(event, "{}", now=NOW)
    others: list[Notice | None] = []
    with observe(First("register.take_notice", lambda: others.append(notices.take(NOW)))):
        ours = notices.take(NOW)
    assert [each and each.event for each in (*others, ours)] == ["first", "second"]


def test_a_backlog_that_stays_is_written_once(register: Register) -> None:
    backlog = Backlog(connection="acme", waiting=2, oldest_at=NOW, expires_at=NOW)
    for _ in range(2):
        register.backlogs.note(backlog)
