"""A pytest plugin that runs the kit on a book named on the command line, without a test file.

``counterfoil conformance`` starts pytest with it; by hand that is::

    pytest -p counterfoil.systems.conformance.plugin --book package.module:MyBook \
        --pyargs counterfoil.systems.conformance.chosen
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from counterfoil.systems.conformance.book import FreshBook

__all__ = ["load_book"]

BOOK = pytest.StashKey[type[FreshBook]]()
KNOWN = ("debit", "credit")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the book's class by name."""
    parser.addoption("--book", metavar="MODULE:CLASS", help="The fresh book to run the kit on.")


def pytest_configure(config: pytest.Config) -> None:
    """Import the class before any test runs; what is wrong with it is wrong usage."""
    name = config.getoption("book")
    if name:
        config.stash[BOOK] = load_book(str(name))


@pytest.fixture
def book(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FreshBook]:
    """Make the chosen book for one test."""
    with request.config.stash[BOOK].made(tmp_path) as made:
        if lacking := [known for known in KNOWN if not hasattr(made, known)]:
            pytest.fail(f"{type(made).__name__} does not say {' and '.join(lacking)}")
        yield made


def load_book(name: str) -> type[FreshBook]:
    """Import ``module:Class``; raises pytest.UsageError for what is no whole FreshBook."""
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        raise pytest.UsageError(f"{name} names no class: say MODULE:CLASS, my_tests:MyBook for one")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise pytest.UsageError(f"{name} cannot be loaded: {error}") from error
    if not (isinstance(found, type) and issubclass(found, FreshBook)):
        raise pytest.UsageError(f"{name} is no class that inherits from FreshBook")
    if inspect.isabstract(found):
        lacking = " and ".join(sorted(found.__abstractmethods__))
        raise pytest.UsageError(f"{name} does not say how to {lacking}() it")
    return found
