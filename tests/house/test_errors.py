"""Each error class stands for one cause, and the tree covers all of Pleo's failure types."""

from __future__ import annotations

import inspect
import json
import pkgutil
from collections.abc import Iterator
from enum import StrEnum
from importlib import import_module
from pathlib import Path

import pytest

import counterfoil
from counterfoil import errors
from counterfoil.errors import CounterfoilError, ItemFailure, ItemFailureType, JobFailureType


@pytest.fixture(scope="module", autouse=True)
def _all_modules_loaded() -> None:
    """Import everything, so that no subclass stays hidden."""
    for module in pkgutil.walk_packages(counterfoil.__path__, "counterfoil."):
        if not module.name.endswith(("__main__", ".env")):
            import_module(module.name)


def causes(base: type[ItemFailure] = ItemFailure) -> Iterator[type[ItemFailure]]:
    """Give the classes that are raised: those of ours without subclasses of their own."""
    for kind in base.__subclasses__():
        yield from causes(kind)
        if kind.__module__.startswith("counterfoil.") and not kind.__subclasses__():
            yield kind


def test_each_cause_maps_to_exactly_one_of_pleos_item_types() -> None:
    stated = {
        kind: {vars(parent)["failure_type"] for parent in kind.__mro__ if says_type(parent)}
        for kind in causes()
    }
    assert {kind: types for kind, types in stated.items() if len(types) != 1} == {}
    assert {type(kind.failure_type) for kind in causes()} == {ItemFailureType}


def says_type(kind: type) -> bool:
    return "failure_type" in vars(kind)


def test_each_of_pleos_item_types_has_a_cause() -> None:
    assert {kind.failure_type for kind in causes()} == set(ItemFailureType)


def test_each_cause_is_told_in_words_of_its_own() -> None:
    told = [inspect.getdoc(kind) for kind in causes()]
    assert len(set(told)) == len(told)
    assert None not in told


@pytest.mark.parametrize(
    ("schema", "ours"),
    [
        ("ExportJobItemFailureReasonType", ItemFailureType),
        ("ExportJobFailureReasonType", JobFailureType),
    ],
)
def test_our_types_are_exactly_those_of_pleos_contract(
    root: Path, schema: str, ours: type[StrEnum]
) -> None:
    contract = json.loads((root / "tests/contract/export-v3.openapi.json").read_text())
    assert set(contract["components"]["schemas"][schema]["enum"]) == {*ours}


def test_the_tree_in_the_docstring_names_every_class() -> None:
    classes = [
        name
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, CounterfoilError) and kind.__module__ == errors.__name__
    ]
    assert [name for name in classes if name not in str(errors.__doc__)] == []
