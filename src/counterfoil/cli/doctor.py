"""``counterfoil doctor``: would an export work now? It checks what a job needs; nothing changes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import typer

from counterfoil.cli.exits import ExitCode
from counterfoil.cli.lines import say, show_json
from counterfoil.cli.logs import set_up_logs
from counterfoil.cli.options import (
    DEFAULT_CONFIG,
    ConfigOption,
    ConnectionOption,
    JsonOption,
    load_to_examine,
)
from counterfoil.cli.screen import styled
from counterfoil.config import Config
from counterfoil.errors import ConfigurationError
from counterfoil.runner.examining import Finding, Verdict, examine
from counterfoil.runner.examining.findings import wrong

__all__ = ["doctor", "show_findings"]

MARKS: Mapping[Verdict, tuple[str, str]] = {
    Verdict.RIGHT: ("✓", "green"),
    Verdict.WARNING: ("!", "yellow"),
    Verdict.WRONG: ("✗", "red"),
}
"""How a finding is shown: its mark, and the style of its line."""


def doctor(
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check that Pleo, the books and the settings are ready for an export; changes nothing."""
    try:
        loaded = load_to_examine(config, connection)
    except ConfigurationError as error:
        if not as_json:
            raise
        _show_json([wrong("configuration", problem) for problem in error.problems])
        raise typer.Exit(ExitCode.USAGE) from None
    set_up_logs(loaded.log, as_json=as_json)
    chosen = [each for each in loaded.connections if connection in {None, each.name}]
    findings = asyncio.run(examine(loaded, chosen))
    show_findings(loaded, findings, as_json=as_json)


def show_findings(config: Config, findings: Sequence[Finding], *, as_json: bool) -> None:
    """Show what was found, and end with the exit code that it deserves."""
    if as_json:
        _show_json(findings)
    else:
        _show(config, findings)
    sound = all(finding.passed for finding in findings)
    raise typer.Exit(ExitCode.DONE if sound else ExitCode.NOT_DONE)


def _show_json(findings: Sequence[Finding]) -> None:
    show_json([asdict(finding) | {"passed": finding.passed} for finding in findings])


def _show(config: Config, findings: Sequence[Finding]) -> None:
    styled(f"✓ configuration: {config.path}", "green")
    for finding in findings:
        mark, style = MARKS[finding.verdict]
        where = f"{finding.connection}: " if finding.connection else ""
        styled(f"{mark} {where}{finding.check}: {finding.message}", style)
    troubled = {finding.connection for finding in findings if not finding.passed}
    if None in troubled:
        say("An export would fail.")
    elif troubled:
        say(f"An export would fail for {', '.join(sorted(filter(None, troubled)))}.")
    else:
        say("An export would work.")
