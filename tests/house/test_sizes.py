"""Functions and modules stay as short as the house's style asks, measured over all of src."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest


class Sized(NamedTuple):
    """A function or module, and how many lines it has, docstring and blank lines included."""

    lines: int
    name: str


def functions_of(module: Path) -> Iterator[Sized]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            last = node.end_lineno or node.lineno
            yield Sized(last - node.lineno + 1, f"{module.name}: {node.name}")


@pytest.fixture(scope="module")
def modules(root: Path) -> list[Path]:
    return sorted((root / "src").rglob("*.py"))


@pytest.fixture(scope="module")
def functions(modules: list[Path]) -> list[Sized]:
    return sorted(function for module in modules for function in functions_of(module))


def test_half_of_all_functions_have_at_most_8_lines(functions: list[Sized]) -> None:
    assert functions[len(functions) // 2].lines <= 8


def test_nine_of_ten_functions_have_fewer_than_30_lines(functions: list[Sized]) -> None:
    assert functions[len(functions) * 9 // 10].lines < 30


def test_no_function_has_more_than_60_lines(functions: list[Sized]) -> None:
    assert [function for function in functions if function.lines > 60] == []


def test_every_module_has_fewer_than_400_lines(modules: list[Path]) -> None:
    sizes = (Sized(len(path.read_text().splitlines()), str(path)) for path in modules)
    assert [size for size in sizes if size.lines >= 400] == []
