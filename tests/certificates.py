"""One public authority instead of a hundred and fifty, for tests and the programs that they start.

A client reads them all when it is made, also one that never meets TLS: a twentieth of a second.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest

END = "-----END CERTIFICATE-----\n"


@pytest.fixture(scope="session", autouse=True)
def one_authority() -> Iterator[None]:
    """Name a file with one of them, where httpx, like OpenSSL, looks."""
    with (
        tempfile.NamedTemporaryFile("w", prefix="counterfoil-", suffix=".pem") as file,
        pytest.MonkeyPatch.context() as patch,
    ):
        first = Path(certifi.where()).read_text("utf-8").partition(END)
        file.write("".join(first[:2]))
        file.flush()
        if "SSL_CERT_FILE" not in os.environ:
            patch.setenv("SSL_CERT_FILE", file.name)
        yield
