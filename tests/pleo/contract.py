"""Hold every request and response of a client against Pleo's OpenAPI file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT202012

CONTRACTS = [
    Path(__file__).parent.parent / "contract" / f"{name}.openapi.json"
    for name in ("export-v3", "webhook-subscriptions")
]
SAMPLES = Path(__file__).parent.parent / "contract" / "samples"


def documents() -> dict[str, Any]:
    """Return Pleo's contracts as one: their paths are different, what both name is the same."""
    first, second = (json.loads(path.read_text()) for path in CONTRACTS)
    ours, theirs = (each["components"]["schemas"] for each in (first, second))
    assert all(ours[name] == theirs[name] for name in ours.keys() & theirs.keys())
    ours |= theirs
    first["paths"] |= second["paths"]
    whole: dict[str, Any] = first
    return whole


@cache
def contract() -> dict[str, Any]:
    """Return Pleo's contracts, with null allowed where Pleo's own examples have it."""
    read: dict[str, Any] = json.loads(json.dumps(documents()), object_hook=_with_null)
    return read


def _with_null(part: dict[str, Any]) -> dict[str, Any]:
    """Widen what is marked so, and a job's own failureReasonType, which its sample has as null."""
    reason = part.get("failureReasonType")
    if isinstance(reason, dict) and reason.get("type") == "string":
        reason["type"] = ["string", "null"]
    if part.get("x-null-in-vendor-examples"):
        part["type"] = [part["type"], "null"]
    return part


def sample(name: str) -> Any:  # noqa: ANN401 - samples are whatever Pleo's pages print
    """Return one of Pleo's own samples."""
    return json.loads((SAMPLES / f"{name}.json").read_text())


def check(value: object, schema: Mapping[str, Any]) -> None:
    """Fail unless a JSON value fits a schema of the contract."""
    whole = DRAFT202012.create_resource(contract())
    registry: Registry[Any] = Registry().with_resource("urn:contract", whole)
    pointing = json.loads(json.dumps(schema).replace('"#/', '"urn:contract#/'))
    Draft202012Validator(pointing, registry=registry, format_checker=FormatChecker()).validate(
        value
    )


def check_component(value: object, name: str) -> None:
    """Fail unless a JSON value fits a named schema of the contract."""
    check(value, {"$ref": f"#/components/schemas/{name}"})


def operation_of(method: str, path: str) -> dict[str, Any]:
    """Find the contract's operation for a concrete path; fails for one it does not have."""
    for template, operations in contract()["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            found: dict[str, Any] = operations[method.lower()]
            return found
    raise AssertionError(f"{method} {path} is not in the contract")


def json_schema(content: Mapping[str, Any]) -> dict[str, Any]:
    """Take the schema of the one media type a request or response has."""
    ((_, media),) = content.items()
    schema: dict[str, Any] = media["schema"]
    return schema


@dataclass
class ContractTransport(httpx.AsyncBaseTransport):
    """Real HTTP that fails a test when either side leaves the contract."""

    inner: httpx.AsyncBaseTransport = field(default_factory=httpx.AsyncHTTPTransport)
    seen: list[httpx.Request] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Check the request, send it, check what came back."""
        self.seen.append(request)
        operation = operation_of(request.method, request.url.path)
        check_request(request, operation)
        response = await self.inner.handle_async_request(request)
        body = await response.aread()
        check_response(response.status_code, body, operation)
        response.headers.pop("Content-Encoding", None)
        return httpx.Response(response.status_code, headers=response.headers, content=body)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.inner.aclose()


def check_request(request: httpx.Request, operation: Mapping[str, Any]) -> None:
    """Hold query and body against the operation."""
    known = {p["name"]: p["schema"] for p in operation.get("parameters", []) if p["in"] == "query"}
    for name, value in request.url.params.multi_items():
        schema = known[name]
        if schema.get("type") == "array":
            check([value], schema)
        else:
            check(int(value) if schema.get("type") == "integer" else value, schema)
    if "requestBody" in operation:
        assert request.headers["Content-Type"] == "application/json;charset=UTF-8"
        check(json.loads(request.content), json_schema(operation["requestBody"]["content"]))
    else:
        assert not request.content


def check_response(status: int, body: bytes, operation: Mapping[str, Any]) -> None:
    """Hold status and body against the operation."""
    response = operation["responses"][str(status)]
    if "content" in response:
        check(json.loads(body), json_schema(response["content"]))
