"""A secret that is committed is found, and what is known to be none is not."""

from __future__ import annotations

from pathlib import Path

from tests.security.secret_scan import found_in, known

# Put together here, so that this file holds none.
PRIVATE_KEY = "-----BEGIN EC PRIVATE " + "KEY-----"
TOKEN = "ghp_" + "A1b2C3d4" * 4 + "E5f6"


def test_a_key_and_a_token_are_found(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text(f"a line\n{PRIVATE_KEY}\n")
    (tmp_path / "conf.py").write_text(f'GITHUB = "{TOKEN}"\n')
    (tmp_path / "clean.py").write_text("print('nothing')\n")
    found = found_in(["notes.txt", "conf.py", "clean.py"], tmp_path)
    assert sorted((name, secret.type) for name, secret in found) == [
        ("conf.py", "GitHub Token"),
        ("notes.txt", "Private Key"),
    ]


def test_what_is_known_is_in_tests_alone() -> None:
    assert all(name.startswith("tests/") for name, _ in known())
