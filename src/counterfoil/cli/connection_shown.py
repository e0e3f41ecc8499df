"""How one connection is shown: its settings, and where its secrets are, never the secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass

from pydantic import BaseModel

from counterfoil.config import Connection, Secret
from counterfoil.register import Register

__all__ = ["shown_connection"]

WRITTEN: Mapping[str, str] = {
    "zone": "timezone",
    "posting": "posting.mode",
    "closed": "periods.closed",
    "closed_through": "periods.closed_through",
    "negative": "signs.negative",
    "table_overrides": "booking",
}
"""What settings are called in the configuration, where that differs."""
LEFT_OUT = {"kind", "folder", "oauth", "api_key", "settings.company_id", "settings.narration_limit"}


def shown_connection(connection: Connection, register: Register | None) -> dict[str, object]:
    """Return a connection's settings by dotted key, values as they may be shown."""
    name = connection.name
    shown: dict[str, object] = {
        "name": name,
        "where": "register" if register and name in register.added.all() else "file",
        "system": connection.kind.name,
        "credential": _credential(connection, register),
        "paused": None,
    }
    if register is not None and (pause := register.pauses.of(name)) is not None:
        shown["paused"] = str(pause)
    return shown | dict(_flat(connection))


def _credential(connection: Connection, register: Register | None) -> str:
    if connection.api_key is not None:
        return f"API key, {connection.api_key.reference}"
    consent = register.authorisations.get(connection.name) if register else None
    if consent is None or consent.tokens is None:
        why = consent.why if consent else "nobody has consented yet"
        return f"OAuth, needs consent ({why}): counterfoil connections authorise {connection.name}"
    return f"OAuth, consented {consent.consented_at:%Y-%m-%d}"


def _flat(value: object, key: str = "") -> Iterator[tuple[str, object]]:
    if key in LEFT_OUT:
        return
    inner = _inner(value)
    if inner is None:
        name = key.removeprefix("settings.")
        yield WRITTEN.get(name, name), _plain(value)
        return
    for name, each in inner.items():
        yield from _flat(each, f"{key}.{name}" if key else name)


def _inner(value: object) -> Mapping[str, object] | None:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(key): each for key, each in value.items()}
    if is_dataclass(value) and not isinstance(value, Secret | type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return None


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | list) else str(value)
