"""The repository stands alone: no package index, no path of one machine, nothing left unsaid."""

from __future__ import annotations

import re
import subprocess
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

# The brackets keep these patterns from finding themselves.
INDEX = re.compile(r"py[p]i\.org|python[h]osted|deb\.[d]ebian|npm[j]s\.")
# Ada's home is in the recorded session; it is nobody's.
ELSEWHERE = re.compile(r"/wor[k]/|/roo[t]/|/home/(?!ada\b)[a-z]|\.\./share[d]\b")


@pytest.fixture(scope="module")
def texts(root: Path) -> dict[str, str]:
    """Give every text file that git keeps, by its path."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, text=True
    )
    found = {}
    for name in filter(None, listed.stdout.split("\0")):
        path = root / name
        if path.is_file() and b"\0" not in (data := path.read_bytes()):
            found[name] = data.decode()
    return found


def test_no_file_names_a_package_index(texts: dict[str, str]) -> None:
    assert [name for name, text in texts.items() if INDEX.search(text)] == []


def test_no_file_names_a_path_outside_the_repository(texts: dict[str, str]) -> None:
    assert [name for name, text in texts.items() if ELSEWHERE.search(text)] == []


def test_every_link_between_documents_leads_somewhere(root: Path, texts: dict[str, str]) -> None:
    dead = [
        f"{name}: {target}"
        for name, text in texts.items()
        if name.endswith(".md")
        for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)
        if not (root / name).parent.joinpath(target).exists()
    ]
    assert dead == []


NAME = r"^([a-z0-9-]+)(?:\[[a-z, ]+\])?"
"""A distribution, perhaps with its extras."""


def pinned(path: Path) -> dict[str, str]:
    return dict(re.findall(rf"{NAME}==([^ ;\\]+)", path.read_text(), re.MULTILINE))


def ranges(root: Path) -> dict[str, str]:
    """Give the lowest version that pyproject.toml allows of each dependency."""
    listed = tomllib.loads((root / "pyproject.toml").read_text())["project"]["dependencies"]
    return dict(re.findall(rf"{NAME}>=([0-9.]+)$", "\n".join(listed), re.MULTILINE))


def test_each_dependency_is_locked_with_a_hash(root: Path) -> None:
    for name in ("runtime", "dev", "oldest"):
        path = root / "requirements" / f"{name}.txt"
        assert set(ranges(root)) <= set(pinned(path))
        assert len(pinned(path)) <= path.read_text().count("--hash=sha256:")


def test_the_oldest_lock_holds_the_lowest_versions_allowed(root: Path) -> None:
    oldest = pinned(root / "requirements" / "oldest.txt")
    assert {
        name: oldest[name]
        for name, lowest in ranges(root).items()
        if not re.fullmatch(re.escape(lowest) + r"(\.0)*", oldest[name])
    } == {}


def test_dev_and_runtime_locks_agree(root: Path) -> None:
    dev = pinned(root / "requirements" / "dev.txt")
    runtime = pinned(root / "requirements" / "runtime.txt")
    assert {name: version for name, version in runtime.items() if dev[name] != version} == {}


# Run as programs, or used by the standard library.
NEVER_IMPORTED = {"beancount", "beanquery", "sniffio", "tzdata"}


# Runs on pytest, which whoever tests an adapter has; no other module imports it.
KIT = "src/counterfoil/systems/conformance"


def imported(root: Path) -> set[str]:
    """Give the distributions whose packages our code imports, by their normalised names."""
    paths = (path for path in (root / "src").rglob("*.py") if not path.is_relative_to(root / KIT))
    sources = (path.read_text() for path in paths)
    lines = (re.findall(r"^\s*(?:from|import) (\w+)", source, re.MULTILINE) for source in sources)
    owners = packages_distributions()
    found = {owner for names in lines for name in names for owner in owners.get(name, ())}
    return {name.lower().replace("_", "-") for name in found}


def test_what_is_imported_is_declared_and_what_is_declared_is_used(root: Path) -> None:
    own = {"counterfoil"}
    # pydantic-core comes with pydantic, at the version that pydantic pins. The extra otlp and what
    # it brings share OpenTelemetry's one namespace with its API.
    extra = {*packages_distributions()["opentelemetry"]} - {"opentelemetry-api"}
    brought = {"pydantic-core", *extra}
    assert imported(root) - own - brought == set(ranges(root)) - NEVER_IMPORTED
