"""The audit claims only what was checked, and fails for what is vulnerable."""

from __future__ import annotations

import json

from tests.security.audit import Audit, read, told

VULNERABLE = {
    "name": "jinja2",
    "version": "3.1.4",
    "vulns": [{"id": "GHSA-q2x7-8rv6-6q7h", "fix_versions": ["3.1.5"], "description": "…"}],
}
SOUND = {"name": "rich", "version": "15.0.0", "vulns": []}
SKIPPED = {"name": "typer", "skip_reason": "Dependency not found on PyPI and could not be audited"}


def audited(file: str, *packages: object) -> Audit:
    return read(file, json.dumps({"dependencies": packages}), "No known vulnerabilities found")


def test_a_vulnerable_package_fails_the_audit_of_what_is_used() -> None:
    lines, bad = told([audited("dev.txt", VULNERABLE, SOUND)])
    assert bad
    assert lines == [
        "dev.txt: jinja2 3.1.4: GHSA-q2x7-8rv6-6q7h, mended in 3.1.5",
        "dev.txt: 2 packages audited, 1 vulnerabilities known",
    ]


def test_of_the_oldest_versions_it_is_only_told() -> None:
    lines, bad = told([audited("oldest.txt", VULNERABLE)])
    assert (len(lines), bad) == (2, False)


def test_what_was_skipped_is_no_pass() -> None:
    lines, bad = told([audited("dev.txt", SOUND, SKIPPED), audited("oldest.txt", SKIPPED)])
    assert not bad
    assert lines[1:] == [
        "dev.txt: NOT AUDITED, this is no pass: typer",
        (
            "oldest.txt: NOT AUDITED, this is no pass: the vulnerability service knows none of its "
            "packages"
        ),
    ]


def test_a_service_that_does_not_answer_is_no_pass() -> None:
    lines, bad = told([read("dev.txt", "", "Traceback …\nConnectionError: no such host\n")])
    assert not bad
    assert lines == ["dev.txt: NOT AUDITED, this is no pass: ConnectionError: no such host"]
