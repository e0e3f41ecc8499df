"""Nothing is put off or switched off without a word on why."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

# The brackets keep these patterns from finding themselves.
PUT_OFF = re.compile(r"TOD[O]|FIXM[E]|\bXX[X]\b|NotImplementedErro[r]")
UNEXPLAINED = re.compile(r"# noq[a](?!: [A-Z]+[0-9]+(, [A-Z]+[0-9]+)*\W+\w+\W+\w+)")


@pytest.fixture(scope="module")
def lines(root: Path) -> list[tuple[str, str]]:
    """Give each line of our Python code with its place."""
    return [
        (f"{name}:{number}", line)
        for folder in ("src", "tests", "bench", "examples")
        for path in sorted((root / folder).rglob("*.py"))
        for name in (path.relative_to(root),)
        for number, line in enumerate(path.read_text().splitlines(), 1)
    ]


def test_nothing_is_put_off(lines: list[tuple[str, str]]) -> None:
    assert [place for place, line in lines if PUT_OFF.search(line)] == []


def test_each_silenced_warning_says_why(lines: list[tuple[str, str]]) -> None:
    assert [place for place, line in lines if UNEXPLAINED.search(line)] == []


def ignored_rules(root: Path) -> Iterator[str]:
    """Give the lines of pyproject.toml that switch a lint rule off."""
    rules = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    off = {
        *rules["ignore"],
        *(rule for each in rules["per-file-ignores"].values() for rule in each),
    }
    for line in (root / "pyproject.toml").read_text().splitlines():
        if any(line.strip().startswith(f'"{rule}"') for rule in off):
            yield line


def test_each_rule_that_is_off_says_why(root: Path) -> None:
    silent = [line for line in ignored_rules(root) if not re.search(r", +# +\w+\W+\w+", line)]
    assert list(ignored_rules(root)) != []
    assert silent == []


def test_ci_runs_the_commands_that_readme_names(root: Path) -> None:
    named = re.findall(r"^make \w+", (root / "README.md").read_text(), re.MULTILINE)
    assert named == ["make demo", "make test"]
    run = (root / ".ci/run").read_text()
    assert [command for command in named if f"\n{command}" not in run] == []
