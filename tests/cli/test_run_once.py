"""``counterfoil run --once``: what it does is the export's; here is what it says."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from functools import partial

import pytest

from counterfoil.register import open_register
from counterfoil.register.locks import company_lock
from tests.acme import Acme, CommandLine

pytestmark = pytest.mark.slow


def test_an_export_is_booked_and_told_in_lines(counterfoil: CommandLine, acme: Acme) -> None:
    acme.company.add_items(2)
    job = acme.export()
    said = counterfoil("run", "--once")
    assert said.code == 0
    assert said.out.splitlines() == [
        f"acme: job {job}: 2 items to do",
        f"acme: job {job}: 2 of 2 items done",
        f"acme: job {job}: completed, 2 of 2 items booked",
    ]
    assert acme.state.job(job).status == "completed"


def test_a_second_run_has_nothing_to_do(counterfoil: CommandLine, acme: Acme) -> None:
    acme.company.add_item()
    acme.export()
    counterfoil("run", "--once")
    assert counterfoil("run", "--once").out == "acme: nothing to export\n"


def test_an_item_that_failed_is_an_outcome(counterfoil: CommandLine, acme: Acme) -> None:
    item = acme.company.add_item(type="lunch")
    acme.company.add_item()
    acme.export()
    said = counterfoil("run", "--once")
    assert said.code == 0
    assert "completed with errors, 1 of 2 items booked" in said.out
    assert f"\n{item}\tvalidation_failure\tThere is no rule for booking the type" in said.out


def test_with_strict_an_item_that_failed_makes_it_3(counterfoil: CommandLine, acme: Acme) -> None:
    acme.company.add_item(type="lunch")
    acme.export()
    assert counterfoil("run", "--once", "--strict").code == 3


def test_with_strict_and_no_failure_it_is_0(counterfoil: CommandLine, acme: Acme) -> None:
    acme.company.add_item()
    acme.export()
    assert counterfoil("run", "--once", "--strict").code == 0


def test_a_job_that_failed_whole_is_not_done(counterfoil: CommandLine, acme: Acme) -> None:
    acme.company.add_item()
    acme.export()
    acme.replace('wallet = "1800"', 'wallet = "1801"')
    said = counterfoil("run", "--once", "--strict")
    assert said.code == 1
    assert "failed, no items (" in said.out
    assert "1801" in said.out


def test_a_key_that_pleo_refuses_breaks_the_connection(
    counterfoil: CommandLine, acme: Acme
) -> None:
    acme.company.add_item()
    job = acme.export()
    acme.state.revoke_key(acme.company.api_key)
    said = counterfoil("run", "--once")
    assert said.code == 1
    assert "check the API key or connect Pleo again" in said.out
    assert acme.state.job(job).status == "pending"


@pytest.mark.parametrize("command", ["run --once", "jobs", "items"])
def test_a_damaged_register_is_told(counterfoil: CommandLine, acme: Acme, command: str) -> None:
    (acme.folder / "counterfoil.db").write_text("no database" * 1000)
    said = counterfoil(*command.split())
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(
        f"The register sqlite:///{acme.folder}/counterfoil.db cannot be used"
    )


def test_anothers_job_is_left_alone_until_a_person_takes_it_over(
    counterfoil: CommandLine, acme: Acme
) -> None:
    acme.company.add_item()
    job = acme.export()
    acme.replace("counterfoil.db", "other.db")
    acme.state.job(job).status = "in_progress"
    said = counterfoil("run", "--once")
    assert said.code == 0
    assert f"job {job} is another's: left alone (--take-over JOB)" in said.out
    assert "completed, 1 of 1" in counterfoil("run", "--once", "--take-over", job).out


def test_with_json_there_is_nothing_else_on_standard_output(shell: CommandLine, acme: Acme) -> None:
    failing = acme.company.add_item(type="lunch")
    job = acme.export()
    said = shell("run", "--once", "--json")
    (connection,) = json.loads(said.out)
    assert (connection["name"], connection["error"], connection["foreign"]) == ("acme", None, [])
    (told,) = connection["jobs"]
    assert (told["job_id"], told["outcome"]) == (job, "failed")
    (item,) = told["items"]
    assert (item["entry_id"], item["failure_type"]) == (failing, "validation_failure")


def test_only_the_connection_asked_for_is_run(counterfoil: CommandLine, acme: Acme) -> None:
    with (acme.folder / "counterfoil.toml").open("a") as file:
        file.write(
            '[[connection]]\nname = "globex"\nsystem = "beancount"\n'
            'company_id = "99abc3d4-e567-890e-1234-abc56e78fabc"\n'
            'options.ledger = "globex.beancount"\n'
        )
    acme.company.add_item()
    acme.export()
    assert counterfoil("run", "--once", "--connection", "acme").code == 0


def on_a_terminal(*arguments: str) -> str:
    """Run a command on a terminal of 120 columns; return what it shows, without colours."""
    ours, its = pty.openpty()
    command = [sys.executable, "-m", "counterfoil", *arguments]
    environment = {**os.environ, "COLUMNS": "120", "TERM": "xterm-256color"}
    with subprocess.Popen(command, stdout=its, stderr=its, env=environment):
        os.close(its)
        shown = b"".join(iter(partial(read, ours), b""))
    os.close(ours)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # how Linux says that nobody writes to it any more
        return b""


def test_on_a_terminal_there_are_a_bar_and_a_table(acme: Acme) -> None:
    acme.company.add_item(type="lunch")
    acme.export()
    shown = on_a_terminal("run", "--once")
    assert "━━━━" in shown
    assert "1/1" in shown
    assert re.search(r"type of failure .* reason", shown)


def test_a_connection_that_is_named_is_looked_at_now(acme: Acme, counterfoil: CommandLine) -> None:
    acme.company.add_item(account="6100")
    job = acme.export()
    assert counterfoil("run", "--connection", "acme").code == 0
    assert acme.state.job(job).status == "completed"
    said = counterfoil("run")
    assert said.code == 2
    assert "--once is missing, or --connection" in said.err


def test_whoever_is_at_a_company_is_asked_to_look_once_more(
    acme: Acme, counterfoil: CommandLine
) -> None:
    """It may have listed the jobs already when this one was made."""
    register = open_register(f"sqlite:///{acme.folder}/counterfoil.db")
    with register, register.locks.hold(company_lock(acme.company.id)):
        said = counterfoil("run", "--once")
        assert said.code == 1
        assert "asked to look once more before it ends" in said.out + said.err
        assert register.wakeups.waiting() == (acme.company.id,)
