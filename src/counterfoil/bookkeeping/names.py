"""How names, codes and numbers are compared: what counts as absent, and what counts as the same.

Pleo and the books write one tax number in many ways; a name is never a key. What a match means
(an account, a vendor, a dimension) is left to the modules that look things up.
"""

from __future__ import annotations

import re

from counterfoil.errors import shorten

__all__ = ["code_key", "company_key", "given", "number_keys", "quoted", "same_place"]

_NOISE = re.compile(r"[^0-9A-Z]+")
_VAT_PREFIX = re.compile(
    r"(AT|BE|BG|CH|CY|CZ|DE|DK|EE|EL|ES|FI|FR|GB|GR|HR|HU|IE|IT|LT|LU|LV|MT|NL|NO|PL|PT|RO|SE|SI|SK"
    r"|XI)(.*[0-9].*)"
)
"""Countries that people write before a tax number, or leave out."""
_COUNTRY_OF_PREFIX = {"EL": "GR", "XI": "GB"}


def given(text: str | None) -> str | None:
    """Return the text without blanks around it, or None where nothing is said.

    Half a character (a lone surrogate, which JSON can carry and no file can) becomes a question
    mark.
    """
    return (_whole(text).strip() or None) if text else None


def _whole(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def quoted(text: str, limit: int = 60) -> str:
    """Return a text that others wrote, for a sentence of ours: printable, and not too much."""
    whole = _whole(text)
    if not whole.isprintable():
        whole = "".join(each if each.isprintable() else " " for each in whole)
    return shorten(whole, limit)


def code_key(code: str) -> str:
    """Make two spellings of one code equal: blanks around it and case do not count."""
    return code.strip().casefold()


def company_key(company_id: str) -> str:
    """Make two spellings of one company's id equal: hyphens, blanks and case do not count."""
    return code_key(company_id).replace("-", "")


def number_keys(number: str) -> tuple[str, str]:
    """Split a registration or tax number into its country (may be empty) and the number itself.

    ``DK 12.34.56-78`` is ``("DK", "12345678")``; Greece writes EL, Northern Ireland XI.
    """
    plain = _NOISE.sub("", number.upper())
    prefixed = _VAT_PREFIX.fullmatch(plain)
    if prefixed is None:
        return "", plain
    return _COUNTRY_OF_PREFIX.get(prefixed[1], prefixed[1]), prefixed[2]


def same_place(one: str, other: str) -> bool:
    """Whether two countries agree; an unknown one agrees with any."""
    return not one or not other or one == other
