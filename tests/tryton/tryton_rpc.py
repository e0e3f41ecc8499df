"""A Tryton client for tests: plain JSON-RPC, which shares nothing with the adapter's."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, TypeAlias

import httpx

__all__ = ["Domain", "Rpc", "TrytonError"]

Domain: TypeAlias = Sequence[Any]


class TrytonError(Exception):
    """Tryton refused a call."""


class Rpc:
    """One user's session with one database."""

    def __init__(self, url: str, database: str, user: str, password: str) -> None:
        """Log in; raises TrytonError."""
        self.context: dict[str, Any] = {}
        self._http = httpx.Client(timeout=60)
        self._url = f"{url}/{database}/rpc/"
        # A server that has not loaded the database yet loads it for REST, but not for a login.
        self._http.get(f"{url}/{database}/rest/model/ir.lang")
        uid, key, _ = self("common.db.login", user, {"password": password})
        token = base64.b64encode(f"{user}:{uid}:{key}".encode()).decode()
        self._http.headers["Authorization"] = f"Session {token}"
        self.refresh()

    def refresh(self) -> None:
        """Read the user's preferences, which name the company."""
        told = self("model.res.user.get_preferences", True, {})  # noqa: FBT003 -- Tryton's argument
        self.context = {**told, "language": "en"}

    def __call__(self, method: str, *params: object) -> Any:  # noqa: ANN401 -- any of Tryton's answers
        """Call a method with all its parameters."""
        body = json.dumps({"id": 1, "method": method, "params": params}, default=_encoded)
        answer = self._http.post(
            self._url, content=body, headers={"Content-Type": "application/json"}
        )
        answer.raise_for_status()
        told = json.loads(answer.text, object_hook=_decoded)
        if "error" in told:
            raise TrytonError(str(told["error"])[:2000])
        return told["result"]

    def model(self, name: str, method: str, *params: object) -> Any:  # noqa: ANN401 -- the same
        """Call a model's method in the user's context."""
        return self(f"model.{name}.{method}", *params, self.context)

    def create(self, model: str, *values: dict[str, Any]) -> list[int]:
        """Create records; return their ids."""
        ids: list[int] = self.model(model, "create", list(values))
        return ids

    def make(self, model: str, **values: Any) -> int:  # noqa: ANN401 -- a field takes what it takes
        """Create one record; return its id."""
        (id,) = self.create(model, values)
        return id

    def write(self, model: str, id: int, **values: Any) -> None:  # noqa: ANN401 -- the same
        """Change a record."""
        self.model(model, "write", [id], values)

    def read(self, model: str, domain: Domain, *fields: str) -> list[dict[str, Any]]:
        """Search and read."""
        rows: list[dict[str, Any]] = self.model(
            model, "search_read", domain, 0, None, [["id", "ASC"]], list(fields)
        )
        return rows

    def one(self, model: str, *domain: Any) -> int:  # noqa: ANN401 -- clauses of a domain
        """Return the id of the one record that fits."""
        (row,) = self.read(model, list(domain), "id")
        id: int = row["id"]
        return id

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


def _encoded(value: object) -> dict[str, Any]:
    match value:
        case Decimal():
            return {"__class__": "Decimal", "decimal": str(value)}
        case dt.date():
            return {"__class__": "date", **dict(zip(_DAY, value.timetuple(), strict=False))}
        case bytes():
            return {"__class__": "bytes", "base64": base64.b64encode(value).decode()}
    raise TypeError(value)


_DAY = ("year", "month", "day")


def _decoded(told: dict[str, Any]) -> Any:  # noqa: ANN401 -- a dict, or what it stands for
    match told.get("__class__"):
        case "Decimal":
            return Decimal(told["decimal"])
        case "date":
            return dt.date(told["year"], told["month"], told["day"])
        case "datetime":
            moment = dt.datetime(told["year"], told["month"], told["day"], tzinfo=dt.UTC)
            return moment.replace(**{name: told[name] for name in ("hour", "minute", "second")})
        case "bytes":
            return base64.b64decode(told["base64"])
    return told
