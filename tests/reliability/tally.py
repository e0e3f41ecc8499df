"""A plugin of pytest that adds up what the tests of reliability did, and ends with one line.

    python -m pytest -p tests.reliability.tally -m reliability

Tests tell what they did as properties (``record_property("pairs", 3700)``). ``violations`` are
the tests that failed; each printed what it found.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import pytest

__all__ = ["Tally", "pytest_configure"]

PARTS = {
    "test_gate": "the gate",
    "test_oracle": "the oracle",
    "test_sweep": "kill sweep in memory",
    "test_killed_anywhere": "kill sweep on real parts",
    "test_tryton_kills": "kill sweep on Tryton",
    "test_simulation": "simulation",
    "test_beancount_crash": "power cuts",
    "test_power_cut_in_export": "power cuts in an export",
    "test_beancount_kills": "kills within the ledger's adapter",
    "test_planted": "planted bugs",
}
LINE = (
    "effects {effects}, points {points}, pairs {pairs}, examples {examples}, kills {kills}, "
    "violations {violations}, planted caught {caught} of {planted}"
)


class Tally:
    """Adds up, in the process that prints."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.figures: Counter[str] = Counter()
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.tests: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take one test's report."""
        part = Path(report.nodeid.partition("::")[0]).stem
        self.seconds[part] += report.duration
        if report.failed:
            self.figures["violations"] += 1
        if report.when != "call":
            return
        self.tests[part] += 1
        for name, value in report.user_properties:
            if isinstance(value, int):
                self.figures[name] += value

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print each part's time, and the line."""
        terminalreporter.section("reliability")
        for part in sorted(self.tests, key=[*PARTS, *self.tests].index):
            title = PARTS.get(part, part)
            seconds, tests = self.seconds[part], self.tests[part]
            terminalreporter.write_line(f"{title}: {tests} tests, {seconds:.0f} s of one core")
        extra = sorted(self.figures.keys() - _named())
        if extra:
            told = ", ".join(f"{name} {self.figures[name]}" for name in extra)
            terminalreporter.write_line(told)
        terminalreporter.write_line(LINE.format_map(self.figures))


def _named() -> set[str]:
    return {word[1:].partition("}")[0] for word in LINE.split() if word.startswith("{")}


def pytest_configure(config: pytest.Config) -> None:
    """Add up in the controlling process, not in the workers of xdist."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Tally(), "reliability")
