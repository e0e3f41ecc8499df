"""What is kept on this machine: secrets in files, and the register."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from counterfoil.config.model import Secret
from counterfoil.errors import ConnectionBroken, CounterfoilError
from counterfoil.register import Register, is_server, sqlite_version
from counterfoil.register.versions import HEAD
from counterfoil.runner.binding import binding_of
from counterfoil.runner.examining.findings import Finding, right, warning, wrong

if TYPE_CHECKING:
    from counterfoil.config import Config, Connection

__all__ = [
    "examine_binding",
    "examine_pause",
    "examine_register",
    "examine_secrets",
    "examine_settings",
]

OTHERS = stat.S_IRWXG | stat.S_IRWXO
FILE = "file:"


def examine_secrets(config: Config) -> Iterator[Finding]:
    """Say which shared secrets are missing, and which files with secrets others may read."""
    yield from (wrong("secrets", reason) for reason in config.lacking)
    files = {path for path in _secret_files(config) if path.is_file()}
    exposed = sorted(path for path in files if path.stat().st_mode & OTHERS)
    for path in exposed:
        yield warning("secrets", f"others on this machine may read {path}: chmod 600 {path}")
    if files and not exposed:
        yield right("secrets", f"only you can read {', '.join(map(str, sorted(files)))}")


def examine_settings(connection: Connection) -> Iterator[Finding]:
    """Say why the connection cannot even ask Pleo: its company is another's, a secret missing."""
    if connection.broken:
        yield wrong("company", connection.broken)
    yield from (wrong("secrets", reason) for reason in connection.lacking)


def _secret_files(config: Config) -> Iterator[Path]:
    """Give the files that the configuration's secrets are in; some systems keep one, too."""
    folder = config.path.parent
    secrets = [config.serve.token, *(each.api_key for each in config.connections)]
    secrets += [each.bridge.token for each in config.connections if each.bridge]
    secrets += [each.oauth.client_secret for each in config.connections if each.oauth]
    secrets += [config.notify.url, config.notify.token] if config.notify else []
    references = [each.reference for each in secrets if isinstance(each, Secret)]
    for connection in config.connections:
        references += _option_references(connection)
    for reference in references:
        if reference.startswith(FILE):
            yield folder / reference.removeprefix(FILE)


def _option_references(connection: Connection) -> Iterator[str]:
    """Give the options that an adapter says are secrets."""
    for name, info in type(connection.options).model_fields.items():
        extra = info.json_schema_extra
        value = getattr(connection.options, name)
        if isinstance(extra, dict) and extra.get("format") == "password" and value is not None:
            yield str(value)


@contextmanager
def examine_register(config: Config) -> Iterator[tuple[Register | None, list[Finding]]]:
    """Open a register that is there and of our schema; say what is wrong with any other."""
    if config.seal.lacking is not None:
        said = "what it adds and keeps was left out"
        yield None, [wrong("register", f"{config.seal.lacking}. Until then, {said}")]
        return
    path = None if is_server(config.register_url) else _path(config.register_url)
    if path is not None and not path.exists():
        yield None, [right("register", f"{path} is not there yet: the first run makes it")]
        return
    try:
        version = HEAD if path is None else sqlite_version(path)
        register = config.open_register() if version == HEAD else None
    except CounterfoilError as error:
        yield None, [wrong("register", str(error))]
        return
    if register is None:
        said = f"{path} has schema {version}, and this Counterfoil {HEAD}: the next run upgrades it"
        yield None, [warning("register", said)]
        return
    with register:
        sealed = "sealed" if config.seal.has_key else "in the clear (secrets new-key seals them)"
        said = f"{register.database.place.url}, schema {HEAD}; items are kept {sealed}"
        yield register, [right("register", said)]


def _path(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def examine_pause(connection: Connection, register: Register | None) -> Iterator[Finding]:
    """Say so where a person paused the connection."""
    pause = register.pauses.of(connection.name) if register else None
    if pause is not None:
        yield warning("pause", f"none of its jobs is looked for: {pause}")


def examine_binding(connection: Connection, register: Register | None) -> Iterator[Finding]:
    """Say whether the register knows the connection with another company or other books."""
    if register is None or connection.broken or not connection.company_id:
        return
    try:
        register.connections.check(binding_of(connection))
    except ConnectionBroken as error:
        yield wrong("binding", str(error))
    else:
        yield right("binding", "the register knows it with no other company or books")
