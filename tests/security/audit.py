"""Holds the locked dependencies against the known vulnerabilities, and says what was not held.

``python -m tests.security.audit`` (``make audit``) runs pip-audit, which asks the package index's
vulnerability service. What is locked for use and for development must have none; oldest.txt, which
only tests are run with, is told. Where the service does not answer, nothing is claimed: the step
says what could not be checked, and does not fail.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Audit", "read", "told"]

ROOT = Path(__file__).parents[2]
MUST_BE_SOUND = ("dev.txt",)
"""requirements/dev.txt holds all of runtime.txt, too."""
ONLY_TOLD = ("oldest.txt",)
SECONDS = 50


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What became of one file: packages that were checked, those that were not, and the finds."""

    file: str
    checked: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    vulnerable: tuple[str, ...] = ()
    trouble: str = ""
    """Why nothing at all could be found out."""


def audit(file: str) -> Audit:
    """Run pip-audit on a file of locked requirements; it installs and resolves nothing."""
    command = [
        *(sys.executable, "-m", "pip_audit", "--requirement", str(ROOT / "requirements" / file)),
        *("--require-hashes", "--disable-pip", "--format", "json", "--progress-spinner", "off"),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return Audit(file=file, trouble=f"no answer within {SECONDS} seconds")
    return read(file, done.stdout, done.stderr)


def read(file: str, out: str, err: str) -> Audit:
    """Read pip-audit's JSON; a package that it skipped was not checked, whatever it says."""
    try:
        packages: Sequence[Mapping[str, Any]] = json.loads(out)["dependencies"]
    except (ValueError, KeyError):
        return Audit(file=file, trouble=(err.strip().splitlines() or ["no answer"])[-1])
    return Audit(
        file=file,
        checked=tuple(each["name"] for each in packages if "skip_reason" not in each),
        unchecked=tuple(each["name"] for each in packages if "skip_reason" in each),
        vulnerable=tuple(line for each in packages for line in _finds(each)),
    )


def _finds(package: Mapping[str, Any]) -> Iterator[str]:
    for each in package.get("vulns", ()):
        mended = ", ".join(each["fix_versions"]) or "no version yet"
        yield f"{package['name']} {package['version']}: {each['id']}, mended in {mended}"


def told(audits: Sequence[Audit]) -> tuple[list[str], bool]:
    """Say what was found and what was not checked; and whether something must be done."""
    lines, bad = [], False
    for each in audits:
        lines += [f"{each.file}: {find}" for find in each.vulnerable]
        bad = bad or (bool(each.vulnerable) and each.file in MUST_BE_SOUND)
        if each.trouble or not each.checked:
            why = each.trouble or "the vulnerability service knows none of its packages"
            lines.append(f"{each.file}: NOT AUDITED, this is no pass: {why}")
            continue
        lines.append(
            f"{each.file}: {len(each.checked)} packages audited, {len(each.vulnerable)} "
            "vulnerabilities known"
        )
        if each.unchecked:
            lines.append(f"{each.file}: NOT AUDITED, this is no pass: {', '.join(each.unchecked)}")
    return lines, bad


def main() -> int:
    """Audit all files beside each other, and print what came of it."""
    with ThreadPoolExecutor() as threads:
        lines, bad = told(list(threads.map(audit, (*MUST_BE_SOUND, *ONLY_TOLD))))
    print(*lines, sep="\n")  # noqa: T201 -- a script
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
