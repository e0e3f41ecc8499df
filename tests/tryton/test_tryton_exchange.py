"""What comes over the wire, right or wrong, against answers as Tryton and its neighbours give."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import httpx
import pytest
from pydantic import ValidationError

from counterfoil.errors import JobFailureType
from counterfoil.systems.contract import BooksNotReady
from counterfoil.systems.tryton import TrytonOptions
from counterfoil.systems.tryton.access import SessionAccess
from counterfoil.systems.tryton.exchange import Exchange, Lost, Refusal
from counterfoil.systems.tryton.master import Currency, Master
from counterfoil.systems.tryton.texts import file_name
from counterfoil.systems.tryton.wire import dumps, loads

URL = "http://tryton.test"
Answer = Callable[[httpx.Request], httpx.Response]


def reply(status: int, told: object = None, **headers: str) -> httpx.Response:
    """Build an answer that is read as it comes from a socket."""
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, stream=httpx.ByteStream(body), headers=named)


async def answered(answer: Answer) -> object:
    """Log in to a server of one answer, and read what it says to a search."""

    def serve(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return reply(401)
        assert request.headers["Accept-Encoding"] == "gzip"
        if json.loads(request.content)["method"] == "common.db.login":
            return reply(200, {"id": 1, "result": [1, "key", None]})
        return answer(request)

    async with Exchange(URL, httpx.MockTransport(serve)) as exchange:
        access = SessionAccess(exchange, "erp", "us", "password")
        await access.enter()
        return await access.search_read("account.move", [], ("state",))


async def failure(answer: Answer) -> BooksNotReady:
    with pytest.raises(BooksNotReady) as caught:
        await answered(answer)
    return caught.value


@pytest.mark.parametrize("packed", [True, False])
async def test_an_answer_that_is_called_packed(*, packed: bool) -> None:
    body = json.dumps({"id": 1, "result": [{"id": 7}]}).encode()
    content = gzip.compress(body) if packed else body
    rows = await answered(lambda _: reply(200, content, Content_Encoding="gzip"))
    assert rows == [{"id": 7}]


async def test_an_answer_that_breaks_off() -> None:
    body = gzip.compress(b'{"id": 1, "result": []}')[:-9]
    error = await failure(lambda _: reply(200, body))
    assert isinstance(error, Lost)


async def test_a_web_page_instead_of_json() -> None:
    error = await failure(lambda _: reply(200, b"<html>Log in</html>"))
    assert "a web page" in error.problem.message
    assert not error.problem.passing


@pytest.mark.parametrize(
    ("status", "kind", "passing"),
    [
        (403, JobFailureType.AUTHORIZATION_FAILURE, False),
        (429, JobFailureType.ACCOUNTING_SYSTEM_RATE_LIMIT, True),
        (500, JobFailureType.ACCOUNTING_SYSTEM_UNREACHABLE, True),
        (502, JobFailureType.ACCOUNTING_SYSTEM_UNREACHABLE, True),
        (401, JobFailureType.ACCOUNTING_SYSTEM_AUTHENTICATION_FAILURE, False),
    ],
)
async def test_a_status_has_its_type(status: int, kind: JobFailureType, *, passing: bool) -> None:
    error = await failure(lambda _: reply(status))
    assert (error.problem.failure_type, error.problem.passing) == (kind, passing)


async def test_a_session_is_begun_anew_once() -> None:
    seen: list[int] = []

    def answer(_: httpx.Request) -> httpx.Response:
        seen.append(1)
        rows = {"id": 1, "result": []}
        return reply(401) if len(seen) == 1 else reply(200, rows)

    assert await answered(answer) == []
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("error", "words", "warning"),
    [
        (["UserError", ["No.", "Because.", {"domain": "long"}]], "No. Because.", None),
        (["UserWarning", ["a1.similar", "Sure?", ""]], "Sure?", "a1.similar"),
        (["'foo'", ""], "Tryton failed on it: 'foo'", None),
    ],
)
async def test_a_refusal_is_told_in_tryton_s_words(
    error: object, words: str, warning: str | None
) -> None:
    with pytest.raises(Refusal, match=words.replace("?", r"\?")) as caught:
        await answered(lambda _: reply(200, {"id": 1, "error": error}))
    assert caught.value.warning == warning
    assert "domain" not in str(caught.value)


async def test_a_line_that_is_cut_is_no_answer() -> None:
    def cut(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("reset")

    assert isinstance(await failure(cut), Lost)


async def test_what_was_never_sent_is_known_to_be() -> None:
    def away(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    assert not isinstance(await failure(away), Lost)


def test_decimals_and_days_keep_their_figures() -> None:
    sent = {"amount": Decimal("12.10"), "day": date(2026, 2, 28), "data": b"\x00\xff"}
    assert loads(dumps(sent)) == sent
    assert str(loads(dumps({"amount": Decimal("12.10")}))["amount"]) == "12.10"


def test_a_float_is_never_made_or_sent() -> None:
    assert loads(b'{"rate": 1.10}') == {"rate": Decimal("1.10")}


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Æ quittung.pdf", "Æ quittung.pdf"),
        ("\x00half \ud83d.pdf", "half .pdf"),
        ("", "receipt"),
        ("é" * 300 + ".pdf", "é" * 196 + ".pdf"),
    ],
)
def test_a_document_has_a_name_that_can_be_kept(name: str, kept: str) -> None:
    assert file_name(name) == kept


def test_converted_amounts_still_balance() -> None:
    pound, euro = Currency(1, "GBP", 2), Currency(2, "EUR", 2)
    master = Master(
        company=1,
        company_name="Acme",
        own=pound,
        currencies={"GBP": pound, "EUR": euro},
        rates={
            1: [(date(2020, 1, 1), Decimal(1))],
            2: [(date(2020, 1, 1), Decimal(3)), (date(2026, 1, 1), Decimal(7))],
        },
        accounts={},
        taxes={},
        parties={},
        periods=(),
        journals={},
    )
    amounts = [Decimal("10.00")] * 3 + [Decimal("-30.00")]
    before = master.convert(amounts, euro, date(2025, 12, 31))
    after = master.convert(amounts, euro, date(2026, 1, 1))
    assert before == [Decimal("3.33")] * 3 + [Decimal("-9.99")]
    assert after == [Decimal("1.43")] * 3 + [Decimal("-4.29")]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"user": None}, "add user and password, or api_key"),
        ({"api_key": "env:KEY"}, "keep one way in"),
        ({"password": "secret"}, "match"),
        ({"url": "tryton.example.com"}, "match"),
        ({"url": "http://tryton.example.com"}, "http is for private hosts only"),
        ({"company": "Acme"}, "integer"),
        ({"nonsense": 1}, "not permitted"),
    ],
)
def test_options_that_cannot_be(changes: dict[str, object], words: str) -> None:
    told = {"url": "http://tryton", "database": "erp", "user": "us", "password": "env:PASSWORD"}
    with pytest.raises(ValidationError, match=words):
        TrytonOptions.model_validate(told | changes)
