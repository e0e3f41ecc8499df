"""What is parsed has bounds: bodies in size, JSON and TOML in depth."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from counterfoil.config import load
from counterfoil.errors import ConfigurationError
from counterfoil.pleo import ApiKeyAuth, PleoClient, Retries
from counterfoil.pleo.errors import PleoMalformed
from counterfoil.pleo.transport import BODY_LIMIT
from counterfoil.pleo.wire import read_json
from tests.pleo.serving import served

DEEP = 100_000


async def bomb(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with little that unpacks into more than we read."""
    del scope, receive
    packed = gzip.compress(b" " * (BODY_LIMIT + 1), compresslevel=1)
    headers = [(b"content-encoding", b"gzip"), (b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": packed})


async def test_a_body_of_pleos_is_read_up_to_its_limit_after_unpacking() -> None:
    with served(bomb) as url:
        client = PleoClient(url, ApiKeyAuth("key"), company_id="c", retries=Retries(attempts=1))
        async with client as pleo:
            with pytest.raises(PleoMalformed, match=f"is longer than {BODY_LIMIT} bytes"):
                await pleo.list_jobs(["pending"])


@pytest.mark.parametrize("body", ["[" * DEEP, '{"a":' * DEEP])
def test_json_without_end_to_its_depth_is_refused(body: str) -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        read_json(body.encode())


def test_toml_without_end_to_its_depth_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "counterfoil.toml"
    path.write_text("a = " + "[" * sys.getrecursionlimit() * 2)
    with pytest.raises(ConfigurationError, match="is nested too deeply"):
        load(path, {})
