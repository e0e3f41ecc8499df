"""What a configuration is checked against: its folder, the environment, the systems installed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from pydantic import ValidationInfo

from counterfoil.systems.contract import SystemKind

__all__ = ["GROUP", "InstalledSystems", "Surroundings", "surroundings"]

GROUP = "counterfoil.systems"
"""The entry point group in which accounting systems are found."""


class InstalledSystems(Mapping[str, SystemKind]):
    """The accounting systems installed beside us, by name; each is loaded when it is asked for."""

    def __init__(self) -> None:
        """Read the names; nothing is imported yet."""
        self._points: dict[str, EntryPoint] = {
            point.name: point for point in entry_points(group=GROUP)
        }

    def __getitem__(self, name: str) -> SystemKind:
        """Load a system; raises KeyError for an unknown name, TypeError for what is none."""
        kind = self._points[name].load()
        if isinstance(kind, SystemKind):
            return kind
        message = f"the entry point {name!r} of {GROUP} does not name a SystemKind"
        raise TypeError(message)

    def __iter__(self) -> Iterator[str]:
        """Go through the names."""
        return iter(self._points)

    def __len__(self) -> int:
        """Count the systems."""
        return len(self._points)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The world around a configuration file, given to every check of it."""

    folder: Path
    environ: Mapping[str, str]
    systems: Mapping[str, SystemKind]
    secrets: bool = True
    """Whether every secret must be there; what never talks to Pleo does without."""
    register_key: bool = True
    """Whether a register key that is given must be one that can be used."""


def surroundings(info: ValidationInfo) -> Surroundings:
    """Take the surroundings out of a pydantic check."""
    given = info.context
    if isinstance(given, Surroundings):
        return given
    message = "a configuration is checked with its Surroundings as context"
    raise TypeError(message)
