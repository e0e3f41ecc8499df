"""What is sealed in the register, under which key, and what a wrong key is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from counterfoil.errors import ConfigurationError
from counterfoil.register import ItemOutcome, Register, Seal, open_register
from counterfoil.register.resealing import Resealing
from counterfoil.register.sealing import (
    KeyMalformed,
    KeyMissing,
    KeyWrong,
    SealBroken,
    new_key,
    split_keys,
)
from tests.register.test_register_memory import part

OLD, NEW = Seal([old := new_key()]), Seal([new := new_key(), old])
PAYLOAD = '{"supplier":{"name":"Nordic Hosting"}}'


def book_something(register: Register) -> None:
    """Keep an item as received and its entry as planned."""
    register.items.save_statuses("job", {"entry": "pending"})
    register.items.save_payloads("job", [("entry", "2026", PAYLOAD)])
    fence = register.connections.raise_fence("c")
    record = replace(part(fence=fence), failure_reason=None)
    register.parts.intend([record], company_id="c")
    register.parts.settle(
        [record], job_id="job", outcomes={"entry": ItemOutcome(status="successful")}
    )


def everything_in(register: Register) -> str:
    """Read what somebody reads who gets at the database."""
    with register.database.read() as connection:
        rows = [
            *connection.execute(text("SELECT payload FROM job_items")).scalars(),
            *connection.execute(text("SELECT entry FROM parts")).scalars(),
        ]
    return " ".join(map(str, rows))


def test_what_was_sealed_is_opened_by_any_of_the_keys() -> None:
    sealed = OLD.seal("token")
    assert "token" not in sealed
    assert OLD.seal("token") != sealed
    assert NEW.unseal(sealed) == OLD.unseal(sealed) == "token"
    assert NEW.seal("token").startswith(NEW.prefix)
    assert repr(NEW) == f"Seal({NEW.names[0]}, {OLD.names[0]})"


def test_keys_are_taken_apart_however_they_stand() -> None:
    assert split_keys(f"{new}, {old}") == split_keys(f"{new}\n{old}\n") == (new, old)


def test_each_cause_is_told_apart() -> None:
    sealed = Seal([new]).seal("token")
    with pytest.raises(KeyMissing, match="counterfoil secrets new-key makes one"):
        Seal().seal("token")
    with pytest.raises(KeyMissing, match=rf"under the key {NEW.names[0]}.*COUNTERFOIL_KEY"):
        Seal().unseal(sealed)
    with pytest.raises(KeyWrong, match=rf"{NEW.names[0]}, and the one at hand is {OLD.names[0]}"):
        OLD.unseal(sealed)
    with pytest.raises(KeyWrong, match="those at hand are"):
        Seal([old, new_key()]).unseal(sealed)
    with pytest.raises(SealBroken, match="was changed since"):
        NEW.unseal(sealed[:-9] + "AAAAAAAAA")
    with pytest.raises(SealBroken, match="is not sealed"):
        NEW.unseal("token")
    with pytest.raises(KeyMalformed, match="44 letters") as told:
        Seal(["hunter2"])
    assert "hunter2" not in str(told.value)


def test_items_and_entries_are_sealed_where_there_is_a_key(url: str) -> None:
    """Whoever reads the database reads no expense; we do, also what came before the key."""
    with open_register(url) as clear:
        book_something(clear)
        assert "Nordic Hosting" in everything_in(clear)
    with open_register(url, seal=OLD) as register:
        assert [each.payload for each in register.items.all()] == [PAYLOAD]
        assert register.parts.of("book", ["entry"])["entry"][0].planned is not None
        book_something(register)
        assert "Nordic Hosting" not in everything_in(register)
        assert "Expenses:Travel" not in everything_in(register)
        assert [each.payload for each in register.items.all()] == [PAYLOAD]
        (record,) = register.parts.of("book", ["entry"])["entry"]
        assert record.entry == part().entry


def test_settings_in_the_clear_are_not_believed_beside_a_key(url: str) -> None:
    """Whoever may write the register could send a connection's expenses elsewhere."""
    now = datetime(2026, 3, 5, tzinfo=UTC)
    with open_register(url) as clear:
        clear.added.put("acme", {"name": "acme"}, now=now)
        assert clear.added.all() == {"acme": {"name": "acme"}}
    with open_register(url, seal=OLD) as register:
        with pytest.raises(SealBroken, match=r"The connection acme is in the clear .* rotate"):
            register.added.all()
        assert dict(Resealing(register.database, OLD).rotate())["added_connections.settings"] == 1
        assert register.added.all() == {"acme": {"name": "acme"}}


@pytest.mark.parametrize(
    ("seal", "error"), [(Seal(), KeyMissing), (Seal([new]), KeyWrong)], ids=["missing", "wrong"]
)
def test_a_register_with_another_key_is_refused_at_once(
    url: str, seal: Seal, error: type[ConfigurationError]
) -> None:
    """Before anything is done, and naming the register."""
    open_register(url, seal=OLD).database.close()
    with pytest.raises(error, match=r"The register \S+ cannot be read\. It is sealed under"):
        open_register(url, seal=seal)
    open_register(url, seal=NEW).database.close()
