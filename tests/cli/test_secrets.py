"""``counterfoil secrets``: from no key to a first one, and from that to the next."""

from __future__ import annotations

import json
import stat

import pytest

from tests.acme import Acme, CommandLine

pytestmark = pytest.mark.slow


def test_a_new_key_is_printed_or_written_for_its_owner_alone(
    counterfoil: CommandLine, acme: Acme
) -> None:
    assert len(counterfoil("secrets", "new-key").out.strip()) == 44
    said = counterfoil("secrets", "new-key", "--out", "register.key")
    written = acme.folder / "register.key"
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert written.read_text().strip() not in said.out
    again = counterfoil("secrets", "new-key", "--out", "register.key")
    assert (again.code, "may hold the only key" in again.err) == (2, True)


def test_a_register_is_sealed_and_its_key_changed(
    counterfoil: CommandLine, acme: Acme, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything works before, between and after; a key that is not the register's does not."""
    assert "no register yet" in counterfoil("secrets", "check").err
    item = acme.company.add_item(note="Launch of the secret project")
    acme.export()
    assert counterfoil("run", "--once").code == 0
    assert "in the clear" in counterfoil("secrets", "check").out
    old, new = (counterfoil("secrets", "new-key").out.strip() for _ in range(2))
    monkeypatch.setenv("COUNTERFOIL_KEY", old)
    said = counterfoil("secrets", "rotate")
    assert (said.code, "1 job_items.payload, 1 parts.entry" in said.out) == (0, True)
    assert b"secret project" not in (acme.folder / "counterfoil.db").read_bytes()
    assert counterfoil("secrets", "check").code == 0
    commands = ("reconcile", "items --csv", "plan", "plan --against register")
    for command in (["explain", item], *map(str.split, commands)):
        told = counterfoil(*command)
        assert told.code == 0, told.err
    assert "secret project" in counterfoil("explain", item, "--json").out
    again = acme.company.add_item(note="Another secret project")
    acme.export(again)
    planned = json.loads(counterfoil("plan", "--json").out)["hash"]
    files = [file for file in acme.folder.rglob("counterfoil.db*") if file.is_file()]
    files += acme.folder.glob("counterfoil.db.plans/*")
    assert [file for file in files if b"secret project" in file.read_bytes()] == []
    assert counterfoil("run", "--once", "--plan", planned).code == 0

    monkeypatch.setenv("COUNTERFOIL_KEY", new)
    refused = counterfoil("run", "--once")
    assert (refused.code, "cannot be read. It is sealed under the key" in refused.err) == (2, True)
    monkeypatch.setenv("COUNTERFOIL_KEY", f"{new},{old}")
    assert counterfoil("secrets", "check").code == 1
    assert sum(json.loads(counterfoil("secrets", "rotate", "--json").out)["sealed"].values()) == 5
    assert "already" in counterfoil("secrets", "rotate").out
    monkeypatch.setenv("COUNTERFOIL_KEY", new)
    assert counterfoil("secrets", "check").code == 0
    monkeypatch.delenv("COUNTERFOIL_KEY")
    told = counterfoil("doctor")
    assert (told.code, "✗ register: The register" in told.out) == (1, True)
    lost = counterfoil("items")
    assert (lost.code, "there is no encryption key" in lost.err) == (2, True)
