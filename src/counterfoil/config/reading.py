"""Reads a configuration file, checks it whole, and builds the configuration from it.

Its only contact with the world is opening that file and the files its secrets are in.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from counterfoil.config.added import Added, differing
from counterfoil.config.building import build_connection
from counterfoil.config.crosschecks import (
    company_problems,
    key_problems,
    name_problems,
    pleo_problems,
    register_problems,
)
from counterfoil.config.mistakes import sentences
from counterfoil.config.model import (
    Config,
    Connection,
    LimitSettings,
    LogSettings,
    NotifySettings,
    ServeSettings,
)
from counterfoil.config.operations import LimitsShape, LogShape, NotifyShape
from counterfoil.config.shape import (
    CONNECTION_EXAMPLE,
    ConnectionShape,
    FileShape,
    PleoShape,
    RegisterShape,
    ServeShape,
)
from counterfoil.config.surroundings import InstalledSystems, Surroundings
from counterfoil.errors import ConfigurationError
from counterfoil.systems.contract import SystemKind

__all__ = ["load"]

ShapeT = TypeVar("ShapeT", bound=BaseModel)

NOTHING_ADDED = Added()


def load(
    path: Path,
    environ: Mapping[str, str],
    systems: Mapping[str, SystemKind] | None = None,
    *,
    secrets: bool = True,
    register_key: bool = True,
    added: Added | None = NOTHING_ADDED,
) -> Config:
    """Read a configuration file; raises ConfigurationError with every mistake in it.

    Secrets are taken from ``environ`` and from files; relative paths start at the file's folder.
    ``systems`` are the accounting systems to choose from, by default the installed ones. Without
    ``secrets``, one that is not there is no mistake until it is revealed; without
    ``register_key``, one that cannot be used is none until the register is opened. ``added`` is
    what the register adds; None: that is not known yet, and the file need not have a connection.
    """
    place = path.absolute()
    document = _document(place)
    around = Surroundings(
        folder=place.parent,
        environ=environ,
        systems=InstalledSystems() if systems is None else systems,
        secrets=secrets,
        register_key=register_key,
    )
    return _Reading(place, around, document, added or Added(), alone=added is not None).config()


def _document(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        problem = "does not exist; name the configuration file with --config"
    except UnicodeDecodeError:
        problem = "is not UTF-8; save it as UTF-8"
    except OSError as error:
        problem = f"cannot be read ({error.strerror}); make it a readable file"
    except tomllib.TOMLDecodeError as error:
        problem = f"is not TOML: {error}; correct that place"
    except RecursionError:
        problem = "is nested too deeply; a configuration has tables in tables, and no more"
    raise ConfigurationError(f"{path}: {problem}")


@dataclass
class _Reading:
    """One reading of a file, and the mistakes found so far."""

    path: Path
    around: Surroundings
    document: Mapping[str, object]
    added: Added
    alone: bool
    """Whether these are all connections, so that there must be one."""
    problems: list[str] = field(default_factory=list)

    def config(self) -> Config:
        """Check everything, then build; raises ConfigurationError with all mistakes."""
        self._check("", FileShape, self.document)
        pleo = self._pleo()
        register = self._register()
        connections = self._connections(pleo or PleoShape())
        self.problems.extend(company_problems(connections))
        serve = self._section("serve", ServeShape)
        log = self._section("log", LogShape)
        notify = self._section("notify", NotifyShape) if "notify" in self.document else None
        limits = self._section("limits", LimitsShape)
        if self.problems or not (register and serve and log and limits):
            raise ConfigurationError(*dict.fromkeys(self.problems))
        return Config(
            path=self.path,
            register_url=register.url,
            register_direct_url=register.direct_url,
            seal=register.key,
            keep_items=register.keep_items,
            serve=ServeSettings(**dict(serve)),
            log=LogSettings(**dict(log)),
            notify=NotifySettings(**dict(notify)) if notify else None,
            limits=LimitSettings(**dict(limits)),
            connections=tuple(connections),
        )

    def _section(self, name: str, shape: type[ShapeT]) -> ShapeT | None:
        return self._check(name, shape, _table(self.document.get(name)))

    def _register(self) -> RegisterShape | None:
        table = _table(self.document.get("register"))
        register = self._check("register", RegisterShape, table)
        if register is not None:
            self.problems.extend(register_problems(register))
        return register

    def _pleo(self) -> PleoShape | None:
        table = self.document.get("pleo")
        if not isinstance(table, dict):
            return None
        self.problems.extend(pleo_problems(table))
        self.problems.extend(key_problems(table, self._sections))
        return self._check("pleo", PleoShape, table)

    def _connections(self, pleo: PleoShape) -> list[Connection]:
        sections = self._sections
        self.problems.extend(name_problems(list(sections.values())))
        if self.alone and not sections and self.document.get("connection") is None:
            self.problems.append(f"connection: is missing; add {CONNECTION_EXAMPLE}")
        checked = [
            self._check(section, ConnectionShape, table) for section, table in sections.items()
        ]
        built = [build_connection(shape, pleo, self.around.folder) for shape in checked if shape]
        return [connection for connection in built if connection]

    @cached_property
    def _sections(self) -> dict[str, dict[str, object]]:
        """Each connection's table under the name that the mistakes in it are told with."""
        given = self.document.get("connection")
        tables = [_table(table) for table in given] if isinstance(given, list) else []
        names = [table.get("name") for table in tables]
        sections = {
            f"connection[{name if names.count(name) == 1 and name else number}]": table
            for number, (name, table) in enumerate(zip(names, tables, strict=True), start=1)
        }
        return sections | self._added(sections)

    def _added(self, sections: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, object]]:
        """Take the register's connections, but those that the file has word for word."""
        found = {}
        for name, table in self.added.tables.items():
            section = f"connection[{name}]"
            if section not in sections:
                found[section] = dict(table)
            elif other := differing(sections[section], table):
                self.problems.append(
                    f"{section}: the register has it with other settings ({', '.join(other)}); "
                    f"make them agree, or let counterfoil connections remove {name} forget it there"
                )
        return found

    def _check(
        self, section: str, shape: type[ShapeT], table: Mapping[str, object]
    ) -> ShapeT | None:
        try:
            return shape.model_validate(table, context=self.around)
        except ValidationError as error:
            self.problems.extend(sentences(section, shape, error))
            return None


def _table(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
