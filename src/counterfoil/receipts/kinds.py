"""What a file is, by its first bytes, and whether that is what Pleo announced.

This verifies a claim rather than guesses: Pleo keeps documents in nine formats, and what comes must
look like the one it named. What is inside a file is left to those who convert it.
Source: Pleo's page on attachments (doc, docx, pdf, txt, jpg, jpeg, png, xls, xlsx).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from mimetypes import MimeTypes
from typing import Final

from counterfoil.errors import ReceiptDownloadFailure

__all__ = ["HEAD", "Kind", "kind_of"]

HEAD: Final = 4096
"""How many first bytes are looked at."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A media type and the extension its files have, with its dot."""

    media_type: str
    extension: str


_OPEN_XML = "application/vnd.openxmlformats-officedocument"
_OLE, _ZIP, _RTF, _HTML, _TEXT = "OLE", "ZIP", "RTF", "HTML", "text"

_SIGNATURES: Final = (
    (_HTML, rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?<(?i:!doctype\s+html|html|head|body|script)\b"),
    ("PDF", rb".{0,1019}%PDF-"),
    ("PNG", rb"\x89PNG\r\n\x1a\n"),
    ("JPEG", rb"\xff\xd8\xff"),
    ("GIF", rb"GIF8[79]a"),
    ("TIFF", rb"II\*\x00|MM\x00\*"),
    ("WebP", rb"RIFF.{4}WEBP"),
    ("HEIF", rb".{4}ftyp(heic|heix|hevc|heim|heis|mif1|msf1|avif)"),
    (_OLE, rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
    (_ZIP, rb"PK\x03\x04"),
    (_RTF, rb"\{\\rtf"),
    (_TEXT, rb"(\xff\xfe|\xfe\xff).*|[^\x00]+\Z"),
)
_COMPILED = tuple((name, re.compile(rule, re.DOTALL)) for name, rule in _SIGNATURES)

# An Office file may be the other container: a password makes an OLE file of a docx.
_FORMATS: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    "application/pdf": (".pdf", frozenset({"PDF"})),
    "image/png": (".png", frozenset({"PNG"})),
    "image/jpeg": (".jpg", frozenset({"JPEG"})),
    "image/gif": (".gif", frozenset({"GIF"})),
    "image/tiff": (".tiff", frozenset({"TIFF"})),
    "image/webp": (".webp", frozenset({"WebP"})),
    "image/heic": (".heic", frozenset({"HEIF"})),
    "application/msword": (".doc", frozenset({_OLE, _ZIP, _RTF})),
    "application/vnd.ms-excel": (".xls", frozenset({_OLE, _ZIP})),
    f"{_OPEN_XML}.wordprocessingml.document": (".docx", frozenset({_ZIP, _OLE})),
    f"{_OPEN_XML}.spreadsheetml.sheet": (".xlsx", frozenset({_ZIP, _OLE})),
    "application/zip": (".zip", frozenset({_ZIP})),
    "text/plain": (".txt", frozenset({_TEXT})),
    "text/csv": (".csv", frozenset({_TEXT})),
    "text/html": (".html", frozenset({_HTML})),
}

_BY_SIGNATURE: Final[Mapping[str, str]] = {
    "PDF": "application/pdf",
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
    "WebP": "image/webp",
    "HEIF": "image/heic",
    _ZIP: "application/zip",
    _TEXT: "text/plain",
}

_ALIASES: Final[Mapping[str, str]] = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "image/heif": "image/heic",
    "application/x-pdf": "application/pdf",
    "application/x-zip-compressed": "application/zip",
    "jpeg": "image/jpeg",
    **{extension[1:]: media_type for media_type, (extension, _) in _FORMATS.items()},
}

_SAYS_NOTHING: Final = {"", "application/octet-stream", "binary/octet-stream"}
_UNKNOWN: Final = Kind("application/octet-stream", ".bin")

_KNOWN_TYPES = MimeTypes()
"""Python's own table, not the machine's: the same names everywhere."""


def kind_of(announced: str | None, head: bytes, *, whole: bool = False) -> Kind:
    """Say what a file is; ``head`` are its first bytes. Raises ReceiptDownloadFailure.

    A file of a format we know must look like it; of one we do not know, not like another we know.
    One image may pass for another, and is named as what it is. ``whole`` says that exactly the
    announced bytes came: then a file that looks like nothing we know is taken at its word.
    """
    wanted = _normal(announced)
    found = next((name for name, rule in _COMPILED if rule.match(head)), None)
    if wanted in _SAYS_NOTHING:
        return _unannounced(found)
    if wanted in _FORMATS:
        extension, looks = _FORMATS[wanted]
        if found in looks or (whole and found in {None, _TEXT}):
            return Kind(wanted, extension)
        came = _BY_SIGNATURE.get(found or "", "")
        if wanted.startswith("image/") and came.startswith("image/"):
            return Kind(came, _FORMATS[came][0])
        raise _mismatch(wanted, found)
    if found not in {None, _TEXT, _ZIP, _OLE}:
        raise _mismatch(wanted, found)
    return Kind(wanted, _KNOWN_TYPES.guess_extension(wanted) or _UNKNOWN.extension)


def _normal(announced: str | None) -> str:
    """Return a media type without parameters, in its usual spelling."""
    bare = (announced or "").partition(";")[0].strip().lower().removeprefix(".")
    return _ALIASES.get(bare, bare)


def _unannounced(found: str | None) -> Kind:
    if found == _HTML:
        raise _mismatch("a document", found)
    media_type = _BY_SIGNATURE.get(found or "")
    return Kind(media_type, _FORMATS[media_type][0]) if media_type else _UNKNOWN


def _mismatch(wanted: str, found: str | None) -> ReceiptDownloadFailure:
    came = f"{found} came" if found else "something else came"
    if found == _HTML:
        came = "an HTML page came, probably an error page"
    return ReceiptDownloadFailure(f"Pleo announced {wanted}, but {came}.")
