"""GET and PUT are sent again until the answer is clear; events and POST never are."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.httptimes import retry_after
from counterfoil.limits import Limits, limited
from counterfoil.pleo import (
    ApiKeyAuth,
    PleoClient,
    PleoError,
    PleoMalformed,
    PleoRateLimited,
    PleoUnanswered,
    PleoUnprocessable,
    Retries,
)
from counterfoil.pleo.models import ItemUpdate
from tests.pleo.answers import Answers
from tests.pleo.small_pleo import COMPANY, a_job, entry_id

JOB = a_job()["id"]
QUICK = Retries(wait_initial=0.001, wait_max=0.002, jitter=0.001, retry_after_max=0.05)
NOW = datetime(2026, 4, 13, 12, 0, tzinfo=UTC)


def fine() -> httpx.Response:
    return httpx.Response(200, json={"data": a_job()})


def client_of(answers: Answers) -> PleoClient:
    return PleoClient(
        "http://pleo.test",
        ApiKeyAuth("key"),
        company_id=COMPANY,
        transport=answers,
        retries=QUICK,
    )


@pytest.mark.parametrize(
    "fault",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("closed"),
        httpx.Response(500),
        httpx.Response(503),
        httpx.Response(429),
        pytest.param(httpx.Response(429, headers={"Retry-After": "0"}), id="429 at once"),
        httpx.Response(200, content=b'{"data": {"id": "8eb6'),
    ],
    ids=str,
)
async def test_a_get_is_asked_again_after(fault: httpx.Response | Exception) -> None:
    answers = Answers(fault, fault, fine())
    assert (await client_of(answers).get_job(JOB)).id == JOB
    assert answers.asked == 3


async def test_a_put_is_sent_again_too() -> None:
    taken = httpx.Response(200, json={"data": [], "errors": []})
    answers = Answers(httpx.ReadError("dropped"), httpx.Response(502), taken)
    row = ItemUpdate(accounting_entry_id=entry_id(1), status="failed")
    assert (await client_of(answers).update_items(JOB, [row])).errors == []
    assert answers.asked == 3


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (httpx.Response(503), PleoUnanswered),
        (httpx.Response(429), PleoRateLimited),
        (httpx.ReadTimeout("slow"), PleoUnanswered),
        (httpx.Response(200, content=b"{"), PleoMalformed),
    ],
    ids=str,
)
async def test_it_gives_up_after_five_times(
    fault: httpx.Response | Exception, error: type[PleoError]
) -> None:
    answers = Answers(fault)
    with pytest.raises(error):
        await client_of(answers).get_job(JOB)
    assert answers.asked == 5


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422])
async def test_a_clear_no_is_not_asked_again(status: int) -> None:
    answers = Answers(httpx.Response(status))
    with pytest.raises(PleoError):
        await client_of(answers).get_job(JOB)
    assert answers.asked == 1


@pytest.mark.parametrize(
    "fault",
    [httpx.Response(500), httpx.Response(429), httpx.ConnectError("refused"), TimeoutError()],
    ids=str,
)
async def test_an_event_is_never_sent_again(fault: httpx.Response | Exception) -> None:
    answers = Answers(fault)
    with pytest.raises(PleoError):
        await client_of(answers).send_event(JOB, "started")
    assert answers.asked == 1


async def test_a_new_job_is_never_asked_for_again() -> None:
    answers = Answers(httpx.ReadTimeout("slow"))
    with pytest.raises(PleoUnanswered):
        await client_of(answers).create_job([entry_id(1)])
    assert answers.asked == 1


async def test_it_waits_as_long_as_pleo_asks_but_no_longer_than_the_cap() -> None:
    answers = Answers(httpx.Response(429, headers={"Retry-After": "50"}), fine())
    started = datetime.now(UTC)
    await client_of(answers).get_job(JOB)
    assert timedelta(seconds=0.05) <= datetime.now(UTC) - started < timedelta(seconds=5)


async def test_where_pleo_asks_for_more_than_anybody_waits_it_is_not_asked_again() -> None:
    answers = Answers(httpx.Response(429, headers={"Retry-After": "3600"}), fine())
    with pytest.raises(PleoRateLimited):
        await client_of(answers).get_job(JOB)
    assert answers.asked == 1


async def test_the_rate_limit_says_how_long() -> None:
    answers = Answers(httpx.Response(429, headers={"Retry-After": "7"}))
    with pytest.raises(PleoRateLimited) as caught:
        await client_of(answers).send_event(JOB, "started")
    assert caught.value.retry_after == 7


async def test_a_put_that_the_job_no_longer_takes_is_not_sent_again() -> None:
    answers = Answers(httpx.Response(502), httpx.Response(422))
    row = ItemUpdate(accounting_entry_id=entry_id(1), status="failed")
    with pytest.raises(PleoUnprocessable):
        await client_of(answers).update_items(JOB, [row])
    assert answers.asked == 2


@given(st.integers(0, 10**6))
def test_retry_after_may_be_seconds(seconds: int) -> None:
    assert retry_after(str(seconds), NOW) == seconds


@given(st.integers(-(10**6), 10**6))
def test_retry_after_may_be_an_http_date(seconds: int) -> None:
    when = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert retry_after(when, NOW) == max(0, seconds)


@given(st.none() | st.text())
def test_a_retry_after_that_says_nothing_is_none(text: str | None) -> None:
    wait = retry_after(text, NOW)
    assert wait is None or wait >= 0


@pytest.mark.parametrize(
    "text", ["", "-1", "soon", "1.5", "١٢", "Mon, 99 Foo 2026", "Fri, 31 Dec 9999 23:59:59 -2359"]
)
def test_an_unusable_retry_after_is_none(text: str) -> None:
    assert retry_after(text, NOW) is None


class Quick(Limits):
    """Limits by which a host is left alone for a fifth of a second, however long it asks for."""

    def hold(self, host: str, seconds: float) -> None:
        """Leave it alone."""
        super().hold(host, min(seconds, 0.2))


@pytest.mark.parametrize(("status", "least"), [(429, 0.2), (503, 0.2), (502, 0.05)])
async def test_where_limits_are_kept_a_host_is_waited_for_once(status: int, least: float) -> None:
    answers = Answers(httpx.Response(status, headers={"Retry-After": "50"}), fine())
    began = time.monotonic()
    with limited(Quick()):
        await client_of(answers).get_job(JOB)
    assert least <= time.monotonic() - began < 40
    assert answers.asked == 2
