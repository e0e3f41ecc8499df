"""What becomes of a delivery, genuine or not."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import sqlite3
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from counterfoil.pleo.webhooks import WebhookForged, check_signature, read
from counterfoil.register import RegisterUnavailable
from counterfoil.register.schema import webhook_subscriptions
from counterfoil.web import webhooks
from counterfoil.web.known import Known
from tests.pleo.contract import sample
from tests.web.conftest import COMPANY, TOKEN, Endpoint, subscribe
from tests.web.signing import about_job, headers_for, secret_of

if TYPE_CHECKING:
    from counterfoil.register.webhooks import Subscription, Subscriptions

ELSEWHERE = "12abc3d4-e567-890e-1234-abc56e78fabc"


def test_a_genuine_delivery_sets_the_flag_and_wakes_whoever_drains(endpoint: Endpoint) -> None:
    assert endpoint.tell() == 204
    assert endpoint.flagged()
    assert endpoint.woken == ["acme"]
    (subscription,) = endpoint.register.subscriptions.all()
    assert subscription.heard_at is not None


def test_a_damaged_subscription_stops_no_other(endpoint: Endpoint) -> None:
    subscribe(endpoint.register, "damaged", connection="other")
    table = webhook_subscriptions
    with endpoint.register.database.write("damage") as connection:
        of_other = update(table).where(table.c.connection == "other")
        connection.execute(of_other.values(credentials="sealed:"))
    assert endpoint.send(about_job(COMPANY), token="damaged").status_code == 503
    assert endpoint.tell() == 204
    assert endpoint.register.subscriptions.called() == {"acme", "other"}


def test_the_same_message_again_sets_nothing(endpoint: Endpoint) -> None:
    body = about_job(COMPANY)
    headers = headers_for(body)
    assert endpoint.send(body, headers).status_code == 204
    assert endpoint.flagged()
    assert endpoint.send(body, headers).status_code == 204
    assert not endpoint.flagged()
    assert endpoint.woken == ["acme"]


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize(
    "event",
    [
        "v1.export-job.created",
        "v1.export.job-created",
        "export-job.created",
        "v2.export-job.created",
    ],
)
def test_every_spelling_and_shape_of_pleos_is_understood(
    endpoint: Endpoint, event: str, *, wrapped: bool
) -> None:
    body = about_job(COMPANY.upper(), event=event, wrapped=wrapped)
    assert endpoint.send(body).status_code == 204
    assert endpoint.flagged()


@pytest.mark.parametrize("name", ["webhook_export_job_created", "webhook_vendor_created"])
def test_pleos_samples_are_answered_204(endpoint: Endpoint, name: str) -> None:
    """A job's sets the flag, a vendor's is none of our business."""
    body = json.dumps(sample(name)).encode()
    assert endpoint.send(body).status_code == 204
    assert endpoint.flagged() == (name == "webhook_export_job_created")


def test_the_public_test_vector_is_genuine_but_for_its_age() -> None:
    vector = sample("standard_webhooks_test_vector")
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    headers = {name: vector[name] for name in names}
    with pytest.raises(WebhookForged, match=r"too old: is this machine's clock right\?"):
        check_signature(vector["secret"], headers, vector["raw_body"].encode())
    at = float(vector["webhook-timestamp"])
    ours = headers_for(
        vector["raw_body"].encode(), secret=vector["secret"], id=vector["webhook-id"], at=at
    )
    assert ours["webhook-signature"] == vector["webhook-signature"]


BODY = about_job(COMPANY)
FORGERIES: Mapping[str, Callable[[], tuple[bytes, dict[str, str]]]] = {
    "unsigned": lambda: (BODY, {}),
    "another key": lambda: (BODY, headers_for(BODY, secret=secret_of(b"somebody else's key"))),
    "another body": lambda: (about_job(ELSEWHERE), headers_for(BODY)),
    "another id": lambda: (BODY, headers_for(BODY) | {"webhook-id": "msg_other"}),
    "stale": lambda: (BODY, headers_for(BODY, at=time.time() - 301)),
    "of tomorrow": lambda: (BODY, headers_for(BODY, at=time.time() + 330)),
    "no time": lambda: (BODY, headers_for(BODY) | {"webhook-timestamp": "1e400"}),
    "not UTF-8": lambda: (b"\xff", headers_for(b"\xff")),
    "no signature in it": lambda: (BODY, headers_for(BODY) | {"webhook-signature": "v1,"}),
    "no version in it": lambda: (BODY, headers_for(BODY) | {"webhook-signature": "v1"}),
    "other letters": lambda: (BODY, headers_for(BODY) | {"webhook-signature": "v1,\xe9"}),
    "not base64": lambda: (BODY, headers_for(BODY) | {"webhook-signature": "v1,not base64!"}),
    "another version": lambda: (
        BODY,
        (right := headers_for(BODY)) | {"webhook-signature": right["webhook-signature"][1:]},
    ),
}


@pytest.mark.parametrize("kind", FORGERIES)
def test_what_is_not_genuine_is_refused(endpoint: Endpoint, kind: str) -> None:
    body, headers = FORGERIES[kind]()
    encoded = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    answer = endpoint.client.post(f"/webhooks/{TOKEN}", content=body, headers=encoded)
    assert answer.status_code == 401
    assert not endpoint.flagged()
    assert endpoint.woken == []
    (subscription,) = endpoint.register.subscriptions.all()
    assert subscription.heard_at is None


def test_one_right_signature_of_several_is_enough(endpoint: Endpoint) -> None:
    """As while Pleo rotates a secret."""
    body = about_job(COMPANY)
    headers = headers_for(body, id="msg_rotated")
    other = headers_for(body, id="msg_rotated", secret=secret_of(b"the newer key of 24 bytes"))
    both = f"{other['webhook-signature']} {headers['webhook-signature']}"
    assert endpoint.send(body, headers | {"webhook-signature": both}).status_code == 204


def test_a_url_that_is_nobodys_is_not_found_before_a_body_came(endpoint: Endpoint) -> None:
    url = endpoint.client.base_url
    with socket.create_connection((url.host, url.port or 80), timeout=30) as line:
        line.sendall(b"POST /webhooks/guessed HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\n")
        assert line.recv(1000).startswith(b"HTTP/1.1 404 ")


def test_a_subscription_made_while_it_serves_is_known_at_once(endpoint: Endpoint) -> None:
    assert endpoint.tell() == 204
    subscribe(endpoint.register, "second")
    time.sleep(0.15)
    assert endpoint.send(about_job(COMPANY), token="second").status_code == 204


def test_basic_authentication_and_custom_headers_are_asked_for(endpoint: Endpoint) -> None:
    subscribe(endpoint.register, "second", basic="pleo:hunter2", headers={"X-Gate": "key"})
    body = about_job(COMPANY)
    pair = base64.b64encode(b"pleo:hunter2").decode()
    right = {"Authorization": f"Basic {pair}", "X-Gate": "key"}
    for lacking in right:
        wrong = headers_for(body) | right | {lacking: "other"}
        assert endpoint.send(body, wrong, token="second").status_code == 401
    assert not endpoint.flagged()
    assert endpoint.send(body, headers_for(body) | right, token="second").status_code == 204


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_is_too_long_is_refused(endpoint: Endpoint, *, announced: bool) -> None:
    piece = b"x" * 1024

    def pieces() -> list[bytes]:
        return [piece] * 65

    content: object = piece * 65 if announced else iter(pieces())
    answer = endpoint.client.post(f"/webhooks/{TOKEN}", content=content)  # type: ignore[arg-type]
    assert answer.status_code == 413
    longest = about_job(COMPANY, note="y" * (64 * 1024 - 400))
    assert endpoint.send(longest).status_code == 204


def test_a_body_that_does_not_come_is_not_waited_for(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "BODY_SECONDS", 0.2)
    url = endpoint.client.base_url
    with socket.create_connection((url.host, url.port or 80), timeout=30) as line:
        head = f"POST /webhooks/{TOKEN} HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n"
        line.sendall(head.encode() + b"{")
        assert line.recv(1000).startswith(b"HTTP/1.1 408 ")
    assert endpoint.tell() == 204


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"null", b'{"data": {}}', b'{"eventType": 7}', b"[" * 50_000]
)
def test_a_genuine_one_that_says_nothing_is_a_bad_request(endpoint: Endpoint, body: bytes) -> None:
    with capture_logs() as logs:
        assert endpoint.send(body).status_code == 400
    assert [each["event"] for each in logs] == ["a webhook was refused"]
    assert logs[0]["connection"] == "acme"
    assert endpoint.tell() == 204


def test_another_company_is_told_and_ignored(endpoint: Endpoint) -> None:
    with capture_logs() as logs:
        assert endpoint.tell(company_id=ELSEWHERE) == 204
    assert logs[0]["company"] == ELSEWHERE
    assert "not this connection's" in logs[0]["event"]
    assert endpoint.register.wakeups.waiting() == ()
    assert endpoint.woken == []


@pytest.mark.parametrize("body", [b'{"eventType": "export-job.created"}', about_job("")])
def test_one_that_names_no_company_is_about_its_subscriptions(
    endpoint: Endpoint, body: bytes
) -> None:
    assert endpoint.send(body).status_code == 204
    assert endpoint.flagged()
    assert read(body).company_id is None


def test_an_id_that_is_no_id_is_refused(endpoint: Endpoint) -> None:
    body = about_job(COMPANY)
    assert endpoint.send(body, headers_for(body, id="m" * 201)).status_code == 400


def test_trouble_is_logged_once_however_often_it_comes(endpoint: Endpoint) -> None:
    with capture_logs() as logs:
        for _ in range(30):
            assert endpoint.send(b"{}", {}).status_code == 401
    assert len(logs) == 1


def test_a_register_that_is_locked_puts_it_off_and_it_is_taken_later(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    """Another process holds the register: the sender is told to send it again."""
    assert endpoint.tell() == 204
    body = about_job(COMPANY)
    headers = headers_for(body)
    with endpoint.register.database.read() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=100")
    line = sqlite3.connect(tmp_path / "counterfoil.db", isolation_level=None)
    with capture_logs() as logs:
        line.execute("BEGIN IMMEDIATE")
        answer = endpoint.send(body, headers)
        line.execute("ROLLBACK")
    line.close()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "locked" in logs[0]["reason"]
    assert "counterfoil.db" not in answer.text
    assert endpoint.send(body, headers).status_code == 204


class Away:
    """Subscriptions in a register that nothing answers for; to find that out takes a while."""

    def __init__(self) -> None:
        """Nobody asked yet."""
        self.asked = 0

    def sealed(self) -> Mapping[str, Callable[[], Subscription]]:
        """Fail, after a moment."""
        self.asked += 1
        time.sleep(0.1)
        raise RegisterUnavailable("nothing answers")


async def test_a_storm_waits_once_for_a_register_that_does_not_answer() -> None:
    away = Away()
    known = Known(cast("Subscriptions", away))
    answers = await asyncio.gather(*(known.find("a") for _ in range(50)), return_exceptions=True)
    assert {str(each) for each in answers} == {"nothing answers"}
    assert away.asked == 1


def test_a_connection_that_this_service_does_not_have_is_told_and_waits(endpoint: Endpoint) -> None:
    subscribe(endpoint.register, "another", connection="removed", company_id=ELSEWHERE)
    with capture_logs() as logs:
        assert endpoint.send(about_job(ELSEWHERE), token="another").status_code == 204
    (told,) = (each for each in logs if each["log_level"] == "warning")
    assert "that this service does not have" in told["event"]
    assert told["connection"] == "removed"
    assert endpoint.register.wakeups.wanted(ELSEWHERE)
