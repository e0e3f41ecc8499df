"""File names that every file system takes, from texts that anybody may have written."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

from counterfoil.pleo.models import ExportItem

__all__ = ["receipt_stem", "safe_stem"]

_LONGEST: Final = 120
"""In bytes of UTF-8: a date, a number and an extension still fit in 255, or eCryptfs' 143."""

_RESERVED: Final = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])", re.IGNORECASE
)
"""Names that Windows keeps for devices, with any extension."""

_PUNCTUATION: Final = re.compile(r'[<>:"/\\|?*]+')


@lru_cache(maxsize=1024)
def safe_stem(text: str, fallback: str = "receipt") -> str:
    """Make a file name's stem: no path parts, no control characters, at most 120 bytes of UTF-8."""
    # Format characters go too: they turn the direction of a name, or hide in it.
    visible = "".join(
        " " if letter.isspace() else letter
        for letter in unicodedata.normalize("NFC", text)
        if letter.isspace() or not unicodedata.category(letter).startswith("C")
    )
    plain = _trimmed(_PUNCTUATION.sub("-", visible))
    short = _trimmed(plain.encode()[:_LONGEST].decode(errors="ignore"))
    if _RESERVED.fullmatch(short.partition(".")[0].strip()):
        return f"_{short}"[:_LONGEST]
    return short or fallback


def _trimmed(text: str) -> str:
    """Collapse spaces; take away what hides a file or what Windows drops from its ends."""
    return " ".join(text.split()).strip(" .-~")


def receipt_stem(item: ExportItem) -> str:
    """Name an item's receipts after its merchant; who files them adds the date."""
    named = (item.vendor and item.vendor.name) or (item.supplier and item.supplier.name)
    return safe_stem(named or item.type.replace("_", " "))
