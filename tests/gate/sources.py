"""Reads the names of all effects out of the source, also those that are put together there.

A name may be a text, or hold a parameter or a field that is given a text elsewhere in the same
package: ``effect(f"register.{what}")`` in ``write(self, what)``, and ``write("intend")``.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

__all__ = ["effects_in"]

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Call:
    """A call, the functions around it (outermost first), and the package it stands in."""

    node: ast.Call
    around: tuple[Function, ...]
    package: str

    @property
    def name(self) -> str:
        """What is called: a function's or a method's own name."""
        function = self.node.func
        return getattr(function, "attr", getattr(function, "id", ""))


def effects_in(source: Path) -> dict[str, set[str]]:
    """Return each effect's name, with the packages it is in; raises ValueError for one unread."""
    calls: dict[str, list[Call]] = {}
    for path in sorted(source.rglob("*.py")):
        for call in _calls(path, source):
            calls.setdefault(call.package, []).append(call)
    found: dict[str, set[str]] = {}
    for package, those in calls.items():
        for call in those:
            if call.name == "effect":
                names = set(Reader(those).texts(call.node.args[0], call.around))
                if not names:
                    place = f"{package}: {ast.unparse(call.node)}"
                    raise ValueError(f"the name of this effect cannot be read: {place}")
                for name in names:
                    found.setdefault(name, set()).add(package)
    return found


def _calls(path: Path, source: Path) -> Iterator[Call]:
    package = path.relative_to(source).parts[0].removesuffix(".py")

    left: list[tuple[ast.AST, tuple[Function, ...]]] = [(ast.parse(path.read_text()), ())]
    while left:
        node, around = left.pop()
        if isinstance(node, ast.Call):
            yield Call(node, around, package)
        inner = (*around, node) if isinstance(node, Function) else around
        left += [(child, inner) for child in ast.iter_child_nodes(node)]


class Reader:
    """Finds every text that an expression can be, within one package; each is followed once."""

    def __init__(self, calls: list[Call]) -> None:
        self._calls = calls
        self._followed: set[int] = set()

    def texts(self, node: ast.expr, around: tuple[Function, ...]) -> Iterator[str]:
        """Give the texts of an expression that stands in these functions."""
        if id(node) in self._followed:
            return
        self._followed.add(id(node))
        match node:
            case ast.Constant(value=str(text)):
                yield text
            case ast.JoinedStr(values=values):
                every = [list(self.texts(value, around)) for value in values]
                yield from map("".join, itertools.product(*every))
            case ast.FormattedValue(value=value):
                yield from self.texts(value, around)
            case ast.Attribute(attr=field):
                for call in self._calls:
                    yield from self._given(call, field, None)
            case ast.Name(id=name):
                yield from self._parameter(name, around)

    def _parameter(self, name: str, around: tuple[Function, ...]) -> Iterator[str]:
        for function in around:
            names = [each.arg for each in function.args.args if each.arg != "self"]
            for call in self._calls if name in names else ():
                if call.name == function.name:
                    yield from self._given(call, name, names.index(name))

    def _given(self, call: Call, name: str, place: int | None) -> Iterator[str]:
        """Give the texts that a call passes as this argument."""
        for keyword in call.node.keywords:
            if keyword.arg == name:
                yield from self.texts(keyword.value, call.around)
        if place is not None and place < len(call.node.args):
            yield from self.texts(call.node.args[place], call.around)
