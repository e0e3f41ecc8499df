"""Every way Pleo can say no, or nothing, becomes one error that says what to do next."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from counterfoil.effects import Effect, observe
from counterfoil.pleo import (
    ApiKeyAuth,
    MissingContraAccounts,
    PleoBadRequest,
    PleoClient,
    PleoConflict,
    PleoError,
    PleoForbidden,
    PleoMalformed,
    PleoNotFound,
    PleoRateLimited,
    PleoRefused,
    PleoRejected,
    PleoTooLarge,
    PleoUnanswered,
    PleoUnauthenticated,
    PleoUnprocessable,
    Retries,
)
from counterfoil.pleo import errors as errors_module
from tests.pleo.answers import BREAKING_OFF, ENDLESS, Answers
from tests.pleo.contract import sample
from tests.pleo.small_pleo import COMPANY, a_job

JOB = a_job()["id"]
ONCE = Retries(attempts=1)


def client_of(*answers: httpx.Response | Exception) -> PleoClient:
    return PleoClient(
        "http://pleo.test",
        ApiKeyAuth("key"),
        company_id=COMPANY,
        transport=Answers(*answers),
        retries=ONCE,
    )


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, PleoBadRequest),
        (401, PleoUnauthenticated),
        (403, PleoForbidden),
        (404, PleoNotFound),
        (405, PleoBadRequest),
        (408, PleoUnanswered),
        (409, PleoConflict),
        (413, PleoTooLarge),
        (418, PleoBadRequest),
        (422, PleoUnprocessable),
        (425, PleoUnanswered),
        (429, PleoRateLimited),
        (500, PleoUnanswered),
        (502, PleoUnanswered),
        (503, PleoUnanswered),
        (599, PleoUnanswered),
    ],
)
async def test_each_status_has_its_error(status: int, error: type[PleoError]) -> None:
    client = client_of(httpx.Response(status, html="<h1>Sorry</h1>"))
    with pytest.raises(PleoError) as caught:
        await client.get_job(JOB)
    assert type(caught.value) is error
    assert caught.value.status == status
    assert (caught.value.type, caught.value.message) == ("", "")
    assert f"GET /v3/export-jobs/{JOB}" in str(caught.value)


@pytest.mark.parametrize("body", sample("error_bodies"), ids=lambda body: str(body["where"]))
async def test_pleos_own_error_bodies_are_kept(body: dict[str, dict[str, str]]) -> None:
    client = client_of(httpx.Response(int(str(body["http"])), json=body["body"]))
    with pytest.raises(PleoError) as caught:
        await client.get_job(JOB)
    assert caught.value.type == body["body"]["type"]
    assert caught.value.message == body["body"]["message"]
    assert body["body"]["message"] in str(caught.value)


@pytest.mark.parametrize("kind", ["MISSING_CONTRA_ACCOUNTS", "missing_contra_accounts"])
async def test_missing_contra_accounts_are_known_in_either_case(kind: str) -> None:
    client = client_of(httpx.Response(400, json={"type": kind, "message": "Map them."}))
    with pytest.raises(MissingContraAccounts):
        [page async for page in client.export_item_pages(JOB)]


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"type": 5, "message": null}', b"\xff", b""])
async def test_an_error_without_words_is_still_its_error(body: bytes) -> None:
    client = client_of(httpx.Response(422, content=body))
    with pytest.raises(PleoUnprocessable) as caught:
        await client.get_job(JOB)
    assert (caught.value.type, caught.value.message) == ("", "")


async def test_an_error_whose_body_breaks_off_is_still_its_error() -> None:
    client = client_of(httpx.Response(422, stream=BREAKING_OFF))
    with pytest.raises(PleoUnprocessable):
        await client.send_event(JOB, "started")


@pytest.mark.parametrize(
    ("fault", "sent"),
    [
        (httpx.ConnectError("refused"), False),
        (httpx.ConnectTimeout("slow"), False),
        (httpx.ReadTimeout("slow"), True),
        (httpx.ReadError("dropped"), True),
        (httpx.RemoteProtocolError("closed"), True),
        (TimeoutError(), True),
    ],
)
async def test_a_lost_reply_is_unanswered_and_says_whether_it_left(
    fault: Exception, *, sent: bool
) -> None:
    with pytest.raises(PleoUnanswered) as caught:
        await client_of(fault).send_event(JOB, "started")
    assert caught.value.sent is sent


async def test_an_event_that_pleo_accepted_is_accepted_though_its_body_breaks_off() -> None:
    await client_of(httpx.Response(202, stream=BREAKING_OFF)).send_event(JOB, "started")


async def test_a_redirect_is_refused_not_followed() -> None:
    client = client_of(httpx.Response(307, headers={"Location": "https://elsewhere.test/"}))
    with pytest.raises(PleoBadRequest, match="base_url"):
        await client.get_job(JOB)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"data": {"id"',
        b"<html></html>",
        b"\xff\xfe\x00",
        b"[" * 100_000,
    ],
)
async def test_an_answer_that_is_not_json_is_torn(body: bytes) -> None:
    with pytest.raises(PleoMalformed) as caught:
        await client_of(httpx.Response(200, content=body)).get_job(JOB)
    assert caught.value.torn


@pytest.mark.parametrize("body", [[], {}, {"data": None}, {"data": [a_job()]}, {"data": {}}, 5])
async def test_an_answer_of_another_shape_is_malformed(body: object) -> None:
    with pytest.raises(PleoMalformed) as caught:
        await client_of(httpx.Response(200, json=body)).get_job(JOB)
    assert not caught.value.torn


async def test_a_malformed_answer_names_the_field() -> None:
    job = a_job(createdAt="yesterday")
    with pytest.raises(PleoMalformed, match="createdAt"):
        await client_of(httpx.Response(200, json={"data": job})).get_job(JOB)


async def test_an_endless_body_is_cut_off() -> None:
    with pytest.raises(PleoMalformed, match="longer than"):
        await client_of(httpx.Response(200, stream=ENDLESS)).get_job(JOB)


async def test_a_request_takes_no_longer_than_its_time() -> None:
    class Dripping(httpx.AsyncBaseTransport):
        async def handle_async_request(self, _: httpx.Request) -> httpx.Response:
            await asyncio.sleep(60)
            raise AssertionError

    client = PleoClient(
        "http://pleo.test",
        ApiKeyAuth("key"),
        company_id=COMPANY,
        timeout=0.01,
        transport=Dripping(),
        retries=ONCE,
    )
    with pytest.raises(PleoUnanswered):
        await client.get_job(JOB)


def test_the_errors_fall_under_what_to_do_next() -> None:
    assert issubclass(PleoUnauthenticated, PleoRefused)
    assert issubclass(PleoForbidden, PleoRefused)
    rejected = {PleoBadRequest, PleoConflict, PleoTooLarge, PleoUnprocessable}
    assert set(PleoRejected.__subclasses__()) == rejected


def test_the_docstring_draws_every_error() -> None:
    drawn = errors_module.__doc__ or ""
    assert [name for name in errors_module.__all__ if name not in drawn] == []


async def test_every_request_passes_the_gate_by_its_operation() -> None:
    seen: list[Effect] = []

    class Watching:
        def before(self, effect: Effect, /) -> None:
            seen.append(effect)

        def after(self, effect: Effect, /) -> None:
            pass

    client = client_of(httpx.Response(202))
    with observe(Watching()):
        await client.send_event(JOB, "started")
    assert seen == [Effect("pleo.send_event", "http://pleo.test/v3/export-job-events")]
