"""Finds the old API in the lines of one file, by the words' form and by what stands around them.

A file counts only where it shows that it speaks to the old API: its host, its paths, or at least
two names that are nobody else's. General words (``id``, ``note``) count at an expense, or in the
declaration of one, and are called uncertain.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from counterfoil.bridge.checking.findings import TEXT, Hit, Kind, Place
from counterfoil.bridge.checking.sources import Source
from counterfoil.bridge.checking.urls import HOST, OLD_PATH, endpoints_in
from counterfoil.bridge.old_api import old_api

__all__ = ["scan"]

OWN: Mapping[str, str] = {
    "amountOriginal": "amountOriginal",
    "amountSettled": "amountSettled",
    "performedAt": "performedAt",
    "employeeCode": "employeeCode",
    "taxCodeId": "taxCodeId",
    "tagIds": "tagIds[].id",
    "tagGroupId": "tagIds[].tagGroupId",
    "receiptIds": "receiptIds[]",
    "settledExpenseIds": "settledExpenseIds[]",
    "authorizedAt": "cardTransaction.authorizedAt",
    "settledAt": "cardTransaction.settledAt",
    "reversedAt": "cardTransaction.reversedAt",
}
"""Names that hardly anybody else gives, and their rows."""

COMMON: Mapping[str, str] = {
    "id": "id",
    "employeeId": "employeeId",
    "departmentId": "departmentId",
    "accountId": "accountId",
    "note": "note",
    "type": "type",
    "status": "status",
    "createdAt": "createdAt",
    "updatedAt": "updatedAt",
    "deletedAt": "deletedAt",
    "CIF": "supplier.CIF",
    "documentNumber": "supplier.documentNumber",
    "state": "cardTransaction.state",
}
"""Names that others give, too."""

OF_LINES = {"amountSettled", "accountId", "taxCodeId", "tagIds"}
NEAR = 12
"""So many lines around a name of the old API's own belong to one declaration."""

COMMENT = re.compile(r"^\s*(#(?!\[)|//|/?\*|<!--|--\s|%|;|REM\b|'{3}|\"{3})")
WORD = re.compile(r"(?<![\w$-])[A-Za-z]\w*(?!\w|-\w)")
QUOTED = re.compile(r"""(["'`])([A-Za-z]\w*)\1""")
ATTRIBUTE = re.compile(r"(\w+)[)\]]?\s*(?=(?:\?\.|!\.|\.|->|::)\s*(?:get|Get)?([A-Za-z]\w*))")
KEYED = re.compile(
    r"""(\w+)["'`]?\]?(?=(?:\?\.)?(?:\[|\.get\(|\.fetch\(|\.dig\()\s*["'`:]?([A-Za-z]\w*))"""
)
DECLARED = re.compile(r"""["'`]?\b([A-Za-z]\w*)["'`]?\??\s*:(?![:=])""")
TAGGED = re.compile(
    r"""(?:json|JsonProperty\w*|SerializedName|JsonProperty)[:(]\s*["']([A-Za-z]\w*)"""
)
EXPENSE = re.compile(
    r"(?i)^(\w*expenses?\w*|exp|e|ex|x|it|item|items|entry|record|row|r|obj|tx|transaction"
    r"|cardtransaction|card_transaction|supplier|\d+)$"
)
OTHER_API = re.compile(r"accounting-entries|/v3/export|export-jobs")
CONSTANT = re.compile(r"""["'`=.:](QUEUED|EXPORTING|EXPORTED|NOT_EXPORTED|[A-Z][A-Z_]{2,})\b""")
STATE_NEAR = re.compile(r"(?i)state")


def scan(source: Source) -> Iterator[Hit]:
    """Give every use of the old API in a file, line by line."""
    code = [(number, line) for number, line in enumerate(source.lines, 1) if _is_code(line)]
    whole = "\n".join(line for _, line in code)
    if not _speaks_to_pleo(whole):
        return
    own = [number for number, line in code if any(word in OWN for word in _words(line))]
    card = "ardTransaction" in whole or "card_transaction" in whole
    if source.name.endswith(".json"):
        yield from _recorded(source)
    for at, (number, line) in enumerate(code):
        place = Place(source.name, number, line.strip()[:TEXT])
        around = [text for _, text in code[max(0, at - 4) : at + 5]]
        for endpoint in endpoints_in(line, around):
            yield Hit(Kind.ENDPOINT, endpoint, place)
        declared = any(abs(number - each) <= NEAR for each in own)
        yield from _fields(line, place, declared=declared)
        yield from _constants(line, place, card=card)


def _is_code(line: str) -> bool:
    return bool(line.strip()) and not COMMENT.match(line)


def _speaks_to_pleo(text: str) -> bool:
    if HOST.search(text) or OLD_PATH.search(text):
        return True
    if OTHER_API.search(text):
        return False
    own = {word for word in _words(text) if word in OWN or word == "cardTransaction"}
    return len(own) >= 2 or (bool(own) and "pleo" in text.lower())  # noqa: PLR2004 -- see above


def _words(line: str) -> Iterator[str]:
    """Give the words of a line, a Go or C# field's name as JSON has it."""
    for found in WORD.finditer(line):
        word = found[0]
        yield word if word == "CIF" else word[:1].lower() + word[1:]


def _fields(line: str, place: Place, *, declared: bool) -> Iterator[Hit]:
    bases = _bases(line)
    for word in dict.fromkeys(_words(line)):
        if word in OWN:
            yield Hit(Kind.FIELD, _of_line(word, OWN[word], bases), place)
        elif word in COMMON and _is_of_an_expense(word, line, bases, declared=declared):
            yield Hit(Kind.FIELD, _of_line(word, COMMON[word], bases), place, certain=False)
    yield from _merchant(line, place)


def _bases(line: str) -> Mapping[str, list[str]]:
    """Return what stands before each name that is read from something on this line."""
    found: dict[str, list[str]] = {}
    for pattern in (ATTRIBUTE, KEYED):
        for base, name in pattern.findall(line):
            found.setdefault(name[:1].lower() + name[1:] if name != "CIF" else name, []).append(
                base
            )
    return found


def _of_line(word: str, row: str, bases: Mapping[str, list[str]]) -> str:
    if word in OF_LINES and any(
        base.lower() in {"line", "l", "lines"} for base in bases.get(word, ())
    ):
        return "lines[].tagIds[]" if word == "tagIds" else f"lines[].{word}"
    return row


def _is_of_an_expense(
    word: str, line: str, bases: Mapping[str, list[str]], *, declared: bool
) -> bool:
    names = bases.get(word, ())
    if any(EXPENSE.match(base) or base.lower() == "line" for base in names):
        return True
    if not declared or names:
        return False
    told = {found for pattern in (DECLARED, TAGGED) for found in pattern.findall(line)}
    return word in {each if each == "CIF" else each[:1].lower() + each[1:] for each in told}


def _recorded(source: Source) -> Iterator[Hit]:
    """Give the fields of lines in recorded JSON: there only the place tells them from others."""
    inside = 0
    for number, line in enumerate(source.lines, 1):
        if '"lines"' in line:
            inside = number
        for word in OF_LINES & set(_words(line)) if inside else ():
            place = Place(source.name, number, line.strip()[:TEXT])
            row = "lines[].tagIds[]" if word == "tagIds" else f"lines[].{word}"
            yield Hit(Kind.FIELD, row, place, certain=number == inside)


def _merchant(line: str, place: Place) -> Iterator[Hit]:
    if not re.search(r"(?i)\bmerchant\b", line):
        return
    words = {name for _, name in QUOTED.findall(line)} | {
        name for _, name in ATTRIBUTE.findall(line)
    }
    lowered = {word.lower() for word in words}
    if "merchant" not in lowered and not DECLARED.search(line):
        return
    named = [each for each in ("id", "name") if each in lowered] or ["name"]
    for each in named:
        yield Hit(Kind.FIELD, f"cardTransaction.merchant.{each}", place, certain=each in lowered)


def _constants(line: str, place: Place, *, card: bool) -> Iterator[Hit]:
    api = old_api()
    types = {row.old for row in api.types}
    statuses = {row.old for row in api.statuses}
    states = {row.old for row in api.states}
    near = bool(STATE_NEAR.search(line))
    for word in dict.fromkeys(CONSTANT.findall(line)):
        if word in statuses:
            yield Hit(Kind.STATUS, word, place)
        elif word in types and not (near and word in states):
            yield Hit(Kind.TYPE, word, place, certain="_" in word or "type" in line.lower())
        elif word in states and card and (near or word != "FAILED"):
            yield Hit(Kind.STATE, word, place, certain=near)
