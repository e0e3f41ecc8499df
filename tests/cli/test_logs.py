"""The log names ids, and no secret, amount or person, whatever goes wrong."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys

import pytest

from counterfoil.cli.logs import set_up_logs
from counterfoil.config import LogSettings
from counterfoil.sandbox.faults import Fault, Kind
from tests.acme import Acme, CommandLine

NOTE = "lunch-of-the-board"
PLANTED = ("4711.13", "471113", "4,711.13", "Waldemar", "Quux", "Zanzibar-Supplies", NOTE)


def logged(acme: Acme) -> list[dict[str, object]]:
    """Run an export that has everything in it, in a process of its own; return its log."""
    company = acme.company
    for account in ("6100", "9999", None):
        company.add_item(
            account=account,
            value=471113,
            supplier={"name": "Zanzibar-Supplies"},
            user={"id": "u-1", "name": "Waldemar Quux"},
            note=NOTE,
        )
    acme.state.faults.append(Fault(Kind.PARTIAL, "update_items", value=1, times=1))
    acme.state.faults.append(Fault(Kind.UNAVAILABLE, "list_export_items", times=1))
    acme.export()
    ended = subprocess.run(
        [sys.executable, "-m", "counterfoil", "run", "--once", "--json"],
        cwd=acme.folder,
        env=os.environ | {"COUNTERFOIL_LOG": "info"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert '"successful"' in ended.stdout
    for word in (*PLANTED, company.api_key):
        assert word not in ended.stderr
    return [json.loads(line) for line in ended.stderr.splitlines()]


@pytest.mark.slow
def test_an_export_leaves_no_secret_amount_or_name_in_the_log(acme: Acme) -> None:
    lines = logged(acme)
    (job,) = {str(line["job"]) for line in lines if "job" in line}
    assert acme.state.job(job).status == "completed_with_errors"
    assert {"event", "level", "timestamp", "connection"} <= set().union(*lines)


def test_format_and_level_are_configured_and_the_environment_comes_first(
    acme: Acme, counterfoil: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme.replace("[[connection]]", '[log]\nformat = "json"\nlevel = "error"\n\n[[connection]]')
    monkeypatch.setenv("PLEO_API_KEY", "revoked")
    (line,) = counterfoil("run", "--once").err.splitlines()
    assert json.loads(line)["connection"] == "acme"
    monkeypatch.setenv("COUNTERFOIL_LOG", "critical")
    assert counterfoil("run", "--once").err == ""


def test_what_libraries_log_is_written_as_ours_is_and_no_url_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up_logs(LogSettings(format="json", level="debug"))
    logging.getLogger("httpx").info("GET https://files.example/r?signature=secret")
    logging.getLogger("a.library").warning("stalled %s", 3)
    (line,) = capsys.readouterr().err.splitlines()
    told = json.loads(line)
    assert (told["event"], told["library"]) == ("stalled 3", "a.library")


@pytest.mark.parametrize("form", ["json", "console"])
def test_an_exception_is_told_by_type_and_place_and_its_words_from_debug_on(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for level, words in (("info", False), ("debug", True)):
        set_up_logs(LogSettings(format=form, level=level))
        try:
            int(NOTE)
        except ValueError:
            logging.getLogger("a.library").exception("failed")
        told = capsys.readouterr().err
        assert "ValueError" in told
        assert (NOTE in told) is words
