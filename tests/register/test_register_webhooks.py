"""What the register keeps of our webhook subscriptions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from counterfoil.register import Register, open_register
from counterfoil.register.schema import webhook_subscriptions
from counterfoil.register.sealing import KeyMissing, Seal, new_key
from counterfoil.register.webhooks import Credentials, Subscription, hash_of

NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
CREDENTIALS = Credentials(
    secret="whsec_c2VjcmV0", basic="me:hunter2", headers={"X-Key": "key of the header"}
)


def a_subscription(subscription_id: str = "s1", **changes: object) -> Subscription:
    given: dict[str, object] = {
        "subscription_id": subscription_id,
        "connection": "acme",
        "company_id": "c",
        "environment": "staging",
        "token_hash": hash_of(f"token of {subscription_id}"),
        "credentials": CREDENTIALS,
        "made_at": NOW,
    }
    return Subscription(**given | changes)  # type: ignore[arg-type]


@pytest.fixture
def sealed(url: str, register: Register) -> Register:
    """Give the register with a key."""
    register.database.close()
    return open_register(url, seal=Seal([new_key()]))


def test_a_subscription_comes_back_as_it_was_kept(sealed: Register) -> None:
    with sealed:
        sealed.subscriptions.add(a_subscription("s2", made_at=NOW + timedelta(hours=1)))
        sealed.subscriptions.add(a_subscription("s1"))
        sealed.subscriptions.add(a_subscription("s3", connection="other"))
        kept = sealed.subscriptions.all("acme")
        assert kept[0] == a_subscription("s1")
        assert [each.subscription_id for each in kept] == ["s1", "s2"]
        assert len(sealed.subscriptions.all()) == 3


def test_nothing_that_is_secret_lies_open_in_the_register(sealed: Register) -> None:
    with sealed:
        sealed.subscriptions.add(a_subscription())
        with sealed.database.read() as connection:
            row = connection.execute(select(webhook_subscriptions)).one()
    open_text = " ".join(map(str, row))
    for secret in ("c2VjcmV0", "hunter2", "key of the header", "token of s1"):
        assert secret not in open_text
    assert "hunter2" not in repr(a_subscription())


def test_without_a_key_no_secret_is_kept(register: Register) -> None:
    with pytest.raises(KeyMissing, match="secrets new-key"):
        register.subscriptions.add(a_subscription())
    assert register.subscriptions.all() == ()


def test_what_is_heard_and_what_is_replaced_is_noted(sealed: Register) -> None:
    with sealed:
        sealed.subscriptions.add(a_subscription("s1"))
        sealed.subscriptions.add(
            a_subscription("s2", made_at=NOW + timedelta(hours=1), replaces="s1")
        )
        later = NOW + timedelta(hours=2)
        sealed.subscriptions.delivered("s2", now=later)
        assert [each.heard_at for each in sealed.subscriptions.all()] == [None, later]
        sealed.subscriptions.remove("s1")
        (left,) = sealed.subscriptions.all()
        assert (left.subscription_id, left.replaces) == ("s2", None)
