"""What a module offers is listed, exists and says what it is."""

from __future__ import annotations

import ast
import inspect
import pkgutil
from importlib import import_module
from types import ModuleType

import pytest

import counterfoil

NAMES = [
    module.name
    for module in pkgutil.walk_packages(counterfoil.__path__, "counterfoil.")
    if not module.name.endswith(("__main__", ".env"))
]


@pytest.fixture(params=["counterfoil", *NAMES], scope="module")
def module(request: pytest.FixtureRequest) -> ModuleType:
    return import_module(str(request.param))


def test_a_module_opens_with_what_it_owns(module: ModuleType) -> None:
    assert (inspect.getdoc(module) or "").partition("\n")[0].endswith((".", ":"))


def test_what_a_module_lists_exists_and_is_documented(module: ModuleType) -> None:
    listed = [getattr(module, name) for name in getattr(module, "__all__", ())]
    things = [thing for thing in listed if inspect.isclass(thing) or inspect.isfunction(thing)]
    assert [thing for thing in things if not thing.__doc__] == []


def test_a_module_takes_only_what_others_offer(module: ModuleType) -> None:
    imports = [
        node
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("counterfoil.")
    ]
    private = [
        f"{node.module}.{name.name}"
        for node in imports
        for name in node.names
        if name.name.startswith("_") and not name.name.startswith("__")
    ]
    assert private == []
