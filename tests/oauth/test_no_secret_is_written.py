"""Tokens and the client's secret are in headers, in forms and under seal, and nowhere else."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from counterfoil.effects import Effect, observe
from counterfoil.export.ports import Silent
from counterfoil.pleo.errors import ConsentNeeded
from counterfoil.register import Register
from counterfoil.runner.authorising import disconnect
from counterfoil.runner.once import run_connection
from counterfoil.sandbox import Fault, Kind

if TYPE_CHECKING:
    from tests.oauth.conftest import Place


pytestmark = pytest.mark.slow


class Targets:
    """Hears what each effect is said to be on."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def before(self, effect: Effect) -> None:
        self.heard.append(effect.target)

    def after(self, effect: Effect) -> None:
        del effect


async def live(place: Place, register: Register) -> set[str]:
    """Consent, refresh, export, be refused, lose the consent, consent again; return all tokens."""
    tokens: set[str] = set()

    def note() -> None:
        for each in place.state.oauth.authorisations.values():
            tokens.update((each.access_token, each.refresh_token, *each.spent))

    await place.consent(register)
    note()
    place.authorisation.access_until = None
    report = await run_connection(place.connection, register, progress=Silent())
    assert [job.outcome for job in report.jobs] == ["completed"]
    note()
    place.state.faults = [Fault(Kind.DROP_AFTER, "token", times=1)]
    place.authorisation.access_until = None
    for _ in range(2):
        report = await run_connection(place.connection, register, progress=Silent())
        assert report.error is not None
    note()
    with pytest.raises(ConsentNeeded):
        await place.ask(register)
    await place.consent(register)
    note()
    await disconnect(place.connection, register)
    return tokens


def test_no_token_is_in_logs_files_effects_or_addresses(
    place: Place, register: Register, capfd: pytest.CaptureFixture[str]
) -> None:
    targets = Targets()
    with observe(targets):
        tokens = asyncio.run(live(place, register))
    assert len(tokens) >= 7
    written = b"".join(path.read_bytes() for path in files(place.folder))
    said = "\n".join([*capfd.readouterr(), *targets.heard, *map(str, place.state.events)])
    secrets = tokens | {place.environ["CLIENT_SECRET"], place.environ["COUNTERFOIL_KEY"]}
    assert [secret for secret in secrets if secret.encode() in written] == []
    assert [secret for secret in secrets if secret in said] == []
    assert "consent is needed" in said
    assert b"sealed:" in written


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
