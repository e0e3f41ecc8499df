"""Old endpoints in a line of source: URLs, paths, and which of them is read or written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

__all__ = ["HOST", "OLD_PATH", "endpoints_in"]

HOST = re.compile(r"\bopenapi(?:\.staging)?\.pleo\.io\b")
OLD_PATH = re.compile(r"/v1/(?:expenses|tag-groups)\b")

PATH = re.compile(
    r"""(?:(?P<before>pleo\.io|/v1|["'`}])/?)"""
    r"""(?P<what>expenses|accounts|employees|tag-groups|tax-codes|companies)"""
    r"""(?P<rest>(?:/[^\s"'`?,;)]*)*)(?P<after>["'`]?\s*[+.]?)"""
)
FILLED_IN = re.compile(
    r"""\$?\{[^{}]*\}|["'`]\s*[+.]\s*[\w.()\[\]"']+?\s*[+.]\s*["'`](?=/)|(?<=/)%[sd]"""
)
"""An id in the middle of a path: a template's, a format's, or joined with the text around it."""
RECEIPT = re.compile(r"/receipts?/.+|/receipts/[\"'`]?\s*[+.]")
PUT = re.compile(r"""(?i)\bput\b|\bpatch\b|httpput|updateexpense""")

GET = re.compile(r"""(?i)\bget\b|\bfetch\(|getexpenses?\b""")


def endpoints_in(line: str, around: Sequence[str]) -> Iterator[str]:
    """Give the old endpoints that a line names; ``around`` are the lines near it, for the verb."""
    plain = FILLED_IN.sub("{}", line)
    paths = [path for path in PATH.finditer(plain) if _is_old(path, plain)]
    found = [_endpoint(path, line, around) for path in paths]
    if HOST.search(line):
        yield "https://openapi.pleo.io"
    yield from dict.fromkeys(found)


def _is_old(path: re.Match[str], line: str) -> bool:
    """Whether a path is Pleo's: by its version or host, or as the beginning of a quoted path."""
    before = path["before"]
    if before in {"pleo.io", "/v1"}:
        return True
    opening = line[path.start() : path.start("what")]
    return opening.endswith("/") and path["what"] in {"expenses", "tag-groups", "tax-codes"}


def _endpoint(path: re.Match[str], line: str, around: Sequence[str]) -> str:
    rest = path["rest"].rstrip("/")
    joined = path["rest"].endswith("/") and path["after"].strip()[-1:] in {"+", "."}
    match path["what"]:
        case "expenses" if "/receipts" in path["rest"]:
            single = RECEIPT.search(path["rest"] + path["after"]) is not None
            return f"GET /v1/expenses/{{id}}/receipts{'/{receiptId}' if single else ''}"
        case "expenses":
            verb = "PUT" if _writes(line, around) else "GET"
            return f"{verb} /v1/expenses{'/{id}' if rest or joined else ''}"
        case "tag-groups" if "/tags" in path["rest"]:
            return "GET /v1/tag-groups/{id}/tags"
        case what:
            return f"GET /v1/{what}"


def _writes(line: str, around: Sequence[str]) -> bool:
    """Whether the nearest verb says so: on the line, else above it, else below."""
    at = around.index(line)
    for text in (line, *reversed(around[:at]), *around[at + 1 :]):
        if PUT.search(text):
            return True
        if GET.search(text):
            return False
    return False
