"""What all tests share: the gate's keeper, Hypothesis' profile, and Debian's programs in CI."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.logs import plain_logs

# An outside effect beside the gate fails the test that caused it.
pytest_plugins = [
    "tests.gate.plugin",
    "tests.postgres",
    "tests.acme",
    "tests.beancount_programs",
    "tests.certificates",
    "tests.compiled_sql",
]

ROOT = Path(__file__).parent.parent

# A shared machine pauses when it likes, so no example is too slow.
settings.register_profile(
    "counterfoil", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("counterfoil")

plain_logs()


@pytest.fixture
def debian_program() -> Callable[[str], str]:
    """Give the path of a program from a Debian package, or skip the test by that name.

    With ``CI=true`` a missing program fails the test instead: there it must run.
    """

    def find(name: str) -> str:
        # Debian keeps servers where only root looks for programs.
        path = shutil.which(name, path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
        if path is None and os.environ.get("CI") == "true":
            pytest.fail(f"{name} is not installed, and CI must run this test: apt install {name}")
        if path is None:
            pytest.skip(f"{name} is not installed (apt install {name})")
        return path

    return find


@pytest.fixture(scope="session")
def root() -> Path:
    """Give the repository's top folder."""
    return ROOT
