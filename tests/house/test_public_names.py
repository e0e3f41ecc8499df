"""What a module offers is listed, exists and says what it is."""

from __future__ import annotations

import ast
import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

import pytest

import counterfoil


@pytest.fixture(scope="module")
def modules() -> dict[str, ModuleType]:
    """Give all modules by name."""
    names = (each.name for each in pkgutil.walk_packages(counterfoil.__path__, "counterfoil."))
    ours = [name for name in names if not name.endswith(("__main__", ".env"))]
    return {name: import_module(name) for name in ("counterfoil", *ours)}


def test_a_module_opens_with_what_it_owns(modules: dict[str, ModuleType]) -> None:
    first = {name: (inspect.getdoc(each) or "").split("\n")[0] for name, each in modules.items()}
    assert [name for name, line in first.items() if not line.endswith((".", ":"))] == []


def test_what_a_module_lists_exists_and_is_documented(modules: dict[str, ModuleType]) -> None:
    listed = {
        f"{name}.{what}": getattr(module, what)
        for name, module in modules.items()
        for what in getattr(module, "__all__", ())
    }
    assert len(listed) > len(modules)
    things = {
        name: each
        for name, each in listed.items()
        if inspect.isclass(each) or inspect.isfunction(each)
    }
    assert [name for name, each in things.items() if not each.__doc__] == []


def private(module: ModuleType) -> Iterator[str]:
    """Give the private names that a module takes from others."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("counterfoil."):
            for each in node.names:
                if each.name.startswith("_") and not each.name.startswith("__"):
                    yield f"{node.module}.{each.name}"


def test_a_module_takes_only_what_others_offer(modules: dict[str, ModuleType]) -> None:
    taken = {name: sorted(private(module)) for name, module in modules.items()}
    assert {name: names for name, names in taken.items() if names} == {}
