"""Looks for secrets in what is committed; known false finds are in .secrets.baseline.

``python -m tests.security.secret_scan`` (``make secret-scan``) runs detect-secrets on every file
that git knows. It looks for keys and tokens by their shape; a password in Python code is found by
ruff (S105 to S107). ``--accept`` writes what it finds into the baseline: look at it first.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

from detect_secrets.core import baseline
from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import transient_settings

__all__ = ["found_in", "known"]

ROOT = Path(__file__).parents[2]
BASELINE = ROOT / ".secrets.baseline"
PLUGINS = (
    "AWSKeyDetector",
    "ArtifactoryDetector",
    "BasicAuthDetector",
    "GitHubTokenDetector",
    "GitLabTokenDetector",
    "JwtTokenDetector",
    "NpmDetector",
    "OpenAIDetector",
    "PrivateKeyDetector",
    "PypiTokenDetector",
    "SlackDetector",
    "StripeDetector",
)
SETTINGS = {"plugins_used": [{"name": name} for name in PLUGINS]}
LEFT_OUT = re.compile(r"requirements/.*\.txt|docs/set-up\.(cast|svg)|\.secrets\.baseline")
"""Hashes of packages, and a recording that its own test looks through."""


def committed() -> list[str]:
    """Return the files that git knows, relative to the top folder."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [name for name in listed.stdout.splitlines() if not LEFT_OUT.fullmatch(name)]


def found_in(files: list[str], root: Path = ROOT) -> SecretsCollection:
    """Scan files; nothing is tried against the service that a token is for."""
    found = SecretsCollection()
    # From there, so that what is known is known wherever the repository lies.
    with transient_settings(SETTINGS), chdir(root):
        found.scan_files(*files)
    return found


def known() -> SecretsCollection:
    """Return what was looked at, and is no secret."""
    return SecretsCollection.load_from_baseline(json.loads(BASELINE.read_text()))


def main() -> int:
    """Print what is new, by place and never the secret itself; return whether there is any."""
    found = found_in(committed())
    if "--accept" in sys.argv:
        with transient_settings(SETTINGS):
            kept = baseline.format_for_output(found)
        BASELINE.write_text(json.dumps(kept, indent=2) + "\n")
        return 0
    new = list(found - known())
    for name, secret in new:
        print(f"{name}:{secret.line_number}: looks like a secret ({secret.type})")  # noqa: T201 -- a script
    print(f"{len(new)} possible secrets that are not in .secrets.baseline")  # noqa: T201 -- a script
    return int(bool(new))


if __name__ == "__main__":
    sys.exit(main())
