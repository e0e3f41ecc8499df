"""A line's tags as dimensions of the books: ``groupCode`` is the dimension, ``code`` its value.

Matched by code, case-insensitively, as Pleo asks; where the books take any dimension, as given.
"""

from __future__ import annotations

from collections.abc import Iterator

from counterfoil.bookkeeping.chart import Chart
from counterfoil.bookkeeping.figures import LineFigures
from counterfoil.bookkeeping.names import code_key, given, quoted
from counterfoil.errors import InvalidItem, UnknownTag
from counterfoil.pleo.models import Tag

__all__ = ["dimensions"]


def dimensions(line: LineFigures, chart: Chart) -> tuple[tuple[str, str], ...]:
    """Return the line's dimensions and values, in Pleo's order; raises UnknownTag, InvalidItem."""
    found: dict[str, str] = {}
    for group, value in _dimensions(line, chart):
        other = found.setdefault(group, value)
        if other != value:
            raise InvalidItem(
                f"{line.name.capitalize()} has two tags of {quoted(group)}, "
                f"{quoted(other)} and {quoted(value)}, where a posting takes one: remove "
                "one in Pleo, then export again."
            )
    return tuple(found.items())


def _dimensions(line: LineFigures, chart: Chart) -> Iterator[tuple[str, str]]:
    for tag in line.line.tags or ():
        if tag is not None:
            yield _dimension(tag, chart)


def _dimension(tag: Tag, chart: Chart) -> tuple[str, str]:
    group, value = given(tag.group_code), given(tag.code)
    if group is None or value is None:
        raise UnknownTag(
            "A tag has no code, so the books cannot know it: give the tag and its group a code in "
            "Pleo."
        )
    if chart.dimensions is None:
        return group, value
    known = chart.dimension_names.get(code_key(group))
    if known is None:
        raise UnknownTag(
            f"The books have no dimension {quoted(group)}, which a tag names: "
            "create it in the books, or remove the tag in Pleo."
        )
    spelling = known[1].get(code_key(value))
    if spelling is None:
        raise UnknownTag(
            f"The books have no value {quoted(value)} in the dimension {known[0]}, which a "
            "tag names: create it in the books, or choose another tag in Pleo."
        )
    return known[0], spelling
