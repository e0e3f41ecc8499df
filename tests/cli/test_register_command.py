"""``counterfoil register``: what it is, its schema, and what it keeps for a time only."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import sqlalchemy

from counterfoil.effects import observe
from counterfoil.register import open_register
from counterfoil.register.locks import company_lock
from counterfoil.register.versions import HEAD
from tests.acme import Acme, CommandLine
from tests.postgres_server import installed_programs
from tests.register.test_register_away import CutAt
from tests.register.test_register_backup import damage
from tests.register.wire import Wire

pytestmark = pytest.mark.slow


@pytest.fixture
def on_postgres(acme: Acme, empty_postgres_url: str) -> str:
    """Let the configuration name an empty database."""
    acme.replace("sqlite:///counterfoil.db", empty_postgres_url)
    return empty_postgres_url


@pytest.fixture
def long_ago(counterfoil: CommandLine, acme: Acme) -> str:
    """Export an expense, and let two years pass; return its id."""
    item = acme.company.add_item()
    acme.export()
    assert counterfoil("run", "--once").code == 0
    register = sqlalchemy.create_engine(f"sqlite:///{acme.folder}/counterfoil.db")
    with register.begin() as connection:
        connection.exec_driver_sql("UPDATE jobs SET created_at = '2024-01-01 00:00:00.000000'")
    register.dispose()
    return item


def test_a_register_that_is_not_there_yet_is_told_of(counterfoil: CommandLine, acme: Acme) -> None:
    assert "the first run makes it" in counterfoil("register", "show").out
    assert "Nothing to remove" in counterfoil("register", "prune").out
    assert not (acme.folder / "counterfoil.db").exists()


def test_a_file_is_made_by_upgrading_it_and_is_its_owner_s_alone(
    counterfoil: CommandLine, acme: Acme
) -> None:
    assert f"has schema {HEAD} now; it was empty" in counterfoil("register", "upgrade").out
    assert f"has schema {HEAD} already" in counterfoil("register", "upgrade").out
    for path in acme.folder.glob("counterfoil.db*"):
        assert path.stat().st_mode & 0o077 == 0, path
    said = counterfoil("register", "show", "--json")
    shown = json.loads(said.out)
    assert shown["url"] == f"sqlite:///{acme.folder}/counterfoil.db"
    assert (shown["schema"], shown["rows"]["jobs"]) == (HEAD, 0)


def test_pruning_removes_what_is_older_than_configured(
    counterfoil: CommandLine, acme: Acme, long_ago: str
) -> None:
    acme.replace("[register]", '[register]\nkeep_items = "9000 days"')
    assert "keep_items is 9000 days" in counterfoil("register", "prune").out
    acme.replace("9000 days", "30 days")
    said = counterfoil("register", "prune")
    assert said.out.startswith("Removed 1 item and 1 planned entry of 1 job from before ")
    assert json.loads(counterfoil("register", "prune", "--json").out) == {
        "jobs": 0,
        "items": 0,
        "entries": 0,
    }
    del long_ago


def test_what_was_pruned_is_still_explained_and_listed(
    counterfoil: CommandLine, long_ago: str
) -> None:
    """Without its lines: what it was booked as, and what Pleo was told."""
    counterfoil("register", "prune")
    explained = counterfoil("explain", long_ago).out
    assert f"booked as {long_ago}" in explained
    assert "the item as it was received is not kept any more" in explained
    (whole,) = json.loads(counterfoil("explain", long_ago, "--json").out)
    assert (whole["entries"][0]["lines"], whole["entries"][0]["itemKept"]) == (None, False)
    assert long_ago in counterfoil("items").out
    assert "1 more was booked" in counterfoil("plan", "--against", "register").out
    voucher = counterfoil("items", "--csv").out
    assert "its lines are not kept any more; they are in the books" in voucher


def test_what_was_pruned_is_found_in_the_books_when_it_comes_again(
    counterfoil: CommandLine, acme: Acme, long_ago: str
) -> None:
    counterfoil("register", "prune")
    acme.export(long_ago)
    assert "completed, 1 of 1 items booked" in counterfoil("run", "--once").out
    (month,) = (acme.folder / "counterfoil").glob("2*.beancount")
    assert month.read_text().count(f'pleo_entry: "{long_ago}"') == 1


def test_nothing_runs_on_a_database_without_our_tables(
    counterfoil: CommandLine, on_postgres: str
) -> None:
    for command in (["run", "--once"], ["jobs"], ["register", "show"], ["register", "prune"]):
        said = counterfoil(*command)
        assert said.code == 1
        assert f"The register {on_postgres} is empty: counterfoil register upgrade" in said.err


def test_one_upgrade_and_it_runs_on_postgresql(
    counterfoil: CommandLine, acme: Acme, on_postgres: str
) -> None:
    assert "it was empty" in counterfoil("register", "upgrade").out
    acme.company.add_item()
    acme.export()
    assert "completed, 1 of 1 items booked" in counterfoil("run", "--once").out
    shown = counterfoil("register", "show").out
    assert shown.startswith(f"{on_postgres}, schema {HEAD}\n")
    assert "        1 parts\n" in shown
    plan = counterfoil("plan").out
    assert "0 entries to write" in plan
    assert Path(f"{acme.folder}/counterfoil.toml.plans").is_dir()


def test_a_lock_that_another_process_holds_is_told_with_its_holder(
    counterfoil: CommandLine, acme: Acme, on_postgres: str
) -> None:
    counterfoil("register", "upgrade")
    with open_register(on_postgres) as other, other.locks.hold(company_lock(acme.company.id)):
        for command in (["run", "--once"], ["register", "upgrade"]):
            said = counterfoil(*command)
            assert said.code == 1
            assert "PostgreSQL process" in said.out + said.err
    assert counterfoil("run", "--once").code == 0


@pytest.mark.parametrize(
    ("moment", "what"),
    [
        ("register.intend_claim", "The register {url} cannot be used: "),
        ("register.settle", "the lock on company {company_id} is lost"),
        ("register.close_job", "The register {url} cannot be used: "),
    ],
)
def test_a_run_that_loses_postgresql_says_so_and_the_next_goes_on(
    counterfoil: CommandLine, acme: Acme, postgres_url: str, moment: str, what: str
) -> None:
    acme.company.add_item()
    job = acme.export()
    with Wire(postgres_url) as wire:
        acme.replace("sqlite:///counterfoil.db", wire.url)
        with observe(CutAt(wire, moment)):
            said = counterfoil("run", "--once")
        assert said.code == 1
        assert what.format(url=wire.url, company_id=acme.company.id) in said.out + said.err
        assert "a fault of Counterfoil" not in said.out + said.err
        assert f"The register {wire.url} cannot be used: " in counterfoil("jobs").err
        wire.mend()
        assert counterfoil("run", "--once").code == 0
    assert acme.state.job(job).status == "completed"
    (month,) = (acme.folder / "counterfoil").glob("2*.beancount")
    assert month.read_text().count("pleo_entry:") == 1


def test_a_copy_is_whole_and_its_owner_s_alone_and_stands_in_for_the_register(
    counterfoil: CommandLine, acme: Acme
) -> None:
    acme.company.add_item()
    job = acme.export()
    assert counterfoil("run", "--once").code == 0
    copy = acme.folder / "copies/register.db"
    assert "could not be copied" in counterfoil("register", "backup", str(copy)).err
    copy.parent.mkdir()
    for _ in range(2):
        assert "Copied the register" in counterfoil("register", "backup", str(copy)).out
    assert copy.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in copy.parent.iterdir()] == ["register.db"]
    with open_register(f"sqlite:///{acme.folder / 'counterfoil.db'}") as register:
        fence = register.connections.raise_fence(acme.company.id)
        kept = json.loads(counterfoil("register", "backup", str(copy), "--json").out)
    assert kept["bytes"] == copy.stat().st_size
    copy.replace(acme.folder / "counterfoil.db")
    for log in acme.folder.glob("counterfoil.db-*"):
        log.unlink()
    with open_register(f"sqlite:///{acme.folder / 'counterfoil.db'}") as register:
        assert [each.job_id for each in register.jobs.all()] == [job]
        assert register.connections.raise_fence(acme.company.id) == fence + 1


def test_a_damaged_register_is_not_copied_over_a_sound_copy(
    counterfoil: CommandLine, acme: Acme
) -> None:
    acme.company.add_item()
    acme.export()
    counterfoil("run", "--once")
    copy = acme.folder / "copy.db"
    assert counterfoil("register", "backup", str(copy)).code == 0
    sound = copy.read_bytes()
    damage(acme.folder / "counterfoil.db")
    said = counterfoil("register", "backup", str(copy))
    assert (said.code, "the copy is damaged" in said.err) == (1, True)
    assert copy.read_bytes() == sound


def test_a_register_in_postgresql_is_left_to_its_own_tools(
    counterfoil: CommandLine, on_postgres: str, tmp_path: Path
) -> None:
    del on_postgres
    said = counterfoil("register", "backup", str(tmp_path / "copy"))
    assert (said.code, "pg_dump" in said.err) == (2, True)


def test_a_dump_of_yesterday_stands_in_for_a_register_in_postgresql(
    counterfoil: CommandLine, acme: Acme, on_postgres: str
) -> None:
    dump = acme.folder / "register.dump"

    def pg(program: str, *arguments: str) -> None:
        subprocess.run([installed_programs() / program, *arguments], check=True)

    counterfoil("register", "upgrade")
    before, after = acme.company.add_items(2)
    acme.export(before)
    assert counterfoil("run", "--once").code == 0
    pg("pg_dump", "--format=custom", f"--file={dump}", on_postgres)
    acme.export(after)
    assert counterfoil("run", "--once").code == 0
    pg("pg_restore", "--clean", "--if-exists", f"--dbname={on_postgres}", str(dump))
    assert len(json.loads(counterfoil("jobs", "--json").out)) == 1
    acme.export(before, after)
    assert "completed, 2 of 2 items booked" in counterfoil("run", "--once").out
    (month,) = (acme.folder / "counterfoil").glob("2*.beancount")
    assert month.read_text().count("pleo_entry:") == 2
    assert "schema" in counterfoil("register", "upgrade").out
