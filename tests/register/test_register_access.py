"""What the register keeps of connections: their settings, keys, pauses, and whose key is whose."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from counterfoil.effects import Effect, observe
from counterfoil.register import Register, Seal, open_register
from counterfoil.register.installations import Told
from counterfoil.register.resealing import Resealing
from counterfoil.register.sealing import KeyMissing, new_key

NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
KEYS = [new_key()]
SETTINGS = {"name": "beta", "periods": {"closed_through": date(2025, 12, 31)}, "lines": 1}


@pytest.fixture
def sealed(url: str) -> Iterator[Register]:
    """Open a register with a key."""
    with open_register(url, seal=Seal(KEYS)) as opened:
        yield opened


def test_a_connection_is_kept_as_a_file_would_say_it(register: Register) -> None:
    register.added.put("beta", {"name": "beta"}, now=NOW)
    register.added.put("beta", SETTINGS, now=NOW)
    assert register.added.all() == {"beta": SETTINGS}
    with pytest.raises(TypeError, match="nothing that a configuration file can say"):
        register.added.put("beta", {"name": object()}, now=NOW)


def test_erasing_one_leaves_the_others(sealed: Register) -> None:
    """It is told before what goes."""
    for name in ("acme", "beta"):
        sealed.added.put(name, {"name": name}, now=NOW)
        sealed.api_keys.put(name, f"key of {name}", now=NOW)
        sealed.pauses.pause(name, None, now=NOW)
    assert sealed.added.traces("beta") == ("its settings", "its API key", "its pause")
    sealed.added.erase("beta")
    assert sealed.added.traces("beta") == ()
    assert (sealed.api_keys.get("beta"), sealed.api_keys.get("acme")) == (None, "key of acme")
    assert list(sealed.pauses.all()) == list(sealed.added.all()) == ["acme"]


def test_no_key_is_kept_in_the_clear(register: Register) -> None:
    with pytest.raises(KeyMissing, match="secrets new-key"):
        register.api_keys.put("acme", "key", now=NOW)


def test_a_pause_says_since_when_and_why(register: Register) -> None:
    register.pauses.pause("acme", "audit", now=NOW)
    assert str(register.pauses.of("acme")) == (
        "paused since 2026-03-05 12:00 UTC (audit); counterfoil connections resume acme goes on"
    )
    assert register.pauses.resume("acme")
    assert not register.pauses.resume("acme")
    assert register.pauses.of("acme") is None


def test_the_newest_that_pleo_told_counts(register: Register) -> None:
    unsaid = Told(connection="acme", credential="one", company_id=None)
    told = Told(connection="acme", credential="another", company_id="company")
    register.installations.keep(unsaid, now=NOW)
    register.installations.keep(told, now=NOW)
    assert register.installations.all() == {"acme": told}


class Erasing:
    """Erases a connection just before it would be sealed anew."""

    def __init__(self, register: Register) -> None:
        self.register = register

    def before(self, effect: Effect) -> None:
        if effect.name == "register.reseal":
            self.register.added.erase("beta")

    def after(self, effect: Effect) -> None:
        pass


def test_what_is_gone_when_its_turn_comes_is_passed_over(sealed: Register) -> None:
    sealed.added.put("beta", SETTINGS, now=NOW)
    newer = Seal([new_key(), *KEYS])
    with observe(Erasing(sealed)):
        done = dict(Resealing(sealed.database, newer).rotate())
    assert done == {"added_connections.settings": 0, "sealing.sealed": 1}
