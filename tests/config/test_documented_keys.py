"""Each key that a configuration may have is named in its reference."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args

from pydantic import BaseModel

from counterfoil.config.operations import LimitsShape, LogShape, NotifyShape
from counterfoil.config.shape import ConnectionShape, PleoShape, RegisterShape, ServeShape
from counterfoil.config.surroundings import InstalledSystems

SECTIONS: Sequence[tuple[str, type[BaseModel]]] = (
    ("[pleo]", PleoShape),
    ("[register]", RegisterShape),
    ("[serve]", ServeShape),
    ("[log]", LogShape),
    ("[notify]", NotifyShape),
    ("[limits]", LimitsShape),
    ("[[connection]]", ConnectionShape),
    ("[connection.options]", InstalledSystems()["beancount"].options),
    ("[connection.options]", InstalledSystems()["tryton"].options),
)


def tables(model: type[BaseModel], section: str) -> Iterator[tuple[str, list[str]]]:
    """Give a section's plain keys, then those of each table in it."""
    inner = {name: table_in(info.annotation) for name, info in model.model_fields.items()}
    yield section, [name for name, table in inner.items() if not table]
    for name, table in inner.items():
        if table:
            yield from tables(table, f"[{section.strip('[]')}.{name}]")


def table_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation if annotation.model_fields else None
    return next((found for each in get_args(annotation) if (found := table_in(each))), None)


def documented(reference: str, section: str) -> str:
    """Give the part of the reference under a section's heading, up to the next."""
    return reference.partition(f"`{section}`\n")[2].partition("\n#")[0]


def test_each_key_is_in_the_reference_under_its_section(root: Path) -> None:
    reference = (root / "docs" / "configuration.md").read_text()
    sections = [each for name, model in SECTIONS for each in tables(model, name)]
    missing = [
        f"{section} {key}"
        for section, keys in sections
        for key in keys
        if not re.search(rf"^\| `{key}` \|", documented(reference, section), re.MULTILINE)
        and f"`{section.strip('[]')}.{key}" not in re.sub(r"`\[+", "`", reference)
    ]
    assert missing == []
