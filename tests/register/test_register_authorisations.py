"""OAuth's tokens in the register: sealed, changed together, never by somebody who is late."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from counterfoil.register import Register, Seal, open_register
from counterfoil.register.authorisations import Authorisation, TokenPair
from counterfoil.register.consents import Consent, ConsentKind, digest_of
from counterfoil.register.sealing import KeyMissing, new_key

NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)


@pytest.fixture
def register(url: str) -> Iterator[Register]:
    """Open a new register that can seal."""
    with open_register(url, seal=Seal([new_key()])) as opened:
        yield opened


def pair(number: int, *, seconds: int = 100) -> TokenPair:
    return TokenPair(
        access=f"planted-access-{number}",
        refresh=f"planted-refresh-{number}",
        issued_at=NOW,
        expires_at=NOW + timedelta(seconds=seconds),
    )


def consented(register: Register, number: int = 1) -> Authorisation:
    where = {"auth_url": "https://auth.example", "client_id": "us"}
    register.authorisations.consented("acme", pair(number), **where)
    return known(register)


def known(register: Register) -> Authorisation:
    found = register.authorisations.get("acme")
    assert found is not None
    return found


def test_tokens_are_due_after_four_fifths_of_their_life() -> None:
    assert pair(1).due_at == NOW + timedelta(seconds=80)


def test_both_tokens_come_back_and_neither_lies_in_the_clear(register: Register) -> None:
    assert register.authorisations.get("acme") is None
    assert consented(register).tokens == pair(1)
    with register.database.read() as connection:
        row = str(connection.execute(text("SELECT * FROM authorisations")).one())
    assert "planted" not in row + repr(known(register))


def test_without_a_key_no_token_is_kept(url: str) -> None:
    with open_register(url) as bare, pytest.raises(KeyMissing, match="secrets new-key"):
        consented(bare)


def test_who_refreshed_a_pair_that_was_replaced_changes_nothing(register: Register) -> None:
    was = consented(register)
    assert register.authorisations.refreshed(was, pair(2))
    assert known(register).tokens == pair(2)
    late = [
        register.authorisations.refreshed(was, pair(3)),
        register.authorisations.end(was, "over"),
        register.authorisations.unanswered(was, try_again_at=NOW),
        register.authorisations.refuse(was),
    ]
    assert not any(late)
    assert (known(register).tokens, known(register).why) == (pair(2), None)


def test_tries_and_refusals_are_forgotten_with_the_next_pair(register: Register) -> None:
    was = consented(register)
    assert register.authorisations.unanswered(was, try_again_at=NOW + timedelta(seconds=2))
    assert register.authorisations.refuse(known(register))
    assert (known(register).tries, known(register).refused) == (1, True)
    assert register.authorisations.refreshed(known(register), pair(2))
    assert (known(register).tries, known(register).try_again_at) == (0, None)
    assert not known(register).refused


def test_a_pair_that_is_over_is_gone_until_somebody_consents(register: Register) -> None:
    assert register.authorisations.end(consented(register), "invalid_grant")
    assert (known(register).tokens, known(register).why) == (None, "invalid_grant")
    again = consented(register, 5)
    assert (again.tokens, again.why) == (pair(5), None)
    assert register.authorisations.forget("acme")
    assert register.authorisations.get("acme") is None
    assert not register.authorisations.forget("acme")


def a_consent(**changed: str) -> Consent:
    fields = {"connection": "acme", "verifier": "planted", "redirect_uri": "http://x"} | changed
    return Consent(expires_at=NOW + timedelta(minutes=10), **fields)


def test_a_state_is_taken_by_one_of_many(register: Register) -> None:
    register.consents.begin(ConsentKind.STATE, "s", a_consent(browser=digest_of("b")))
    with ThreadPoolExecutor(4) as four:
        tries = [
            four.submit(register.consents.take, ConsentKind.STATE, "s", now=NOW) for _ in range(4)
        ]
    taken = [each.result() for each in tries if each.result() is not None]
    assert taken == [a_consent(browser=digest_of("b"))]


def test_a_link_is_no_state_and_neither_outlives_its_time(register: Register) -> None:
    register.consents.begin(ConsentKind.LINK, "s", a_consent(verifier=""))
    assert register.consents.take(ConsentKind.STATE, "s", now=NOW) is None
    assert register.consents.look(ConsentKind.LINK, "s", now=NOW) == a_consent(verifier="")
    late = NOW + timedelta(minutes=10)
    assert register.consents.look(ConsentKind.LINK, "s", now=late) is None
    assert register.consents.take(ConsentKind.LINK, "s", now=late) is None
    assert register.consents.take(ConsentKind.LINK, "s", now=NOW) is None


def test_neither_a_state_nor_its_verifier_lies_in_the_clear(register: Register) -> None:
    register.consents.begin(ConsentKind.STATE, "planted-state", a_consent())
    with register.database.read() as connection:
        assert "planted" not in str(connection.execute(text("SELECT * FROM consents")).one())
    register.authorisations.forget("acme")
    assert register.consents.take(ConsentKind.STATE, "planted-state", now=NOW) is None
