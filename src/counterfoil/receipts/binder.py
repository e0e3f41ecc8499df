"""Binds documents into one PDF or ZIP; ``fitting`` runs it as a process of its own, by exec.

It reads what to do as JSON from its standard input, limits its own memory and time before it opens
any file, and ends with 0, or with 1 and ``{"fault": ...}`` on its standard output. The same
documents make the same bytes. Sources: the manuals of pikepdf and img2pdf.
"""

from __future__ import annotations

import io
import json
import resource
import sys
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypedDict

__all__ = ["main"]

_A4: Final = (595.276, 841.890)
"""In points."""
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The first time that a ZIP knows."""


class _Fault(Exception):
    """A document that cannot be bound, as a sentence that names it."""


class _Named(TypedDict):
    """A document: its file here, its name and media type."""

    path: str
    name: str
    type: str


class _Order(TypedDict):
    """What to make, into which file, of which documents, within which limits."""

    make: str
    into: str
    documents: list[_Named]
    pages: int
    pixels: int
    seconds: float
    memory: int


def main() -> int:
    """Do what standard input says; return the exit code."""
    order: _Order = json.load(sys.stdin)
    _limit_myself(order)
    try:
        if order["make"] == "application/zip":
            _zip(order["documents"], Path(order["into"]))
        else:
            _pdf(order)
    except _Fault as fault:
        json.dump({"fault": str(fault)}, sys.stdout)
        return 1
    except MemoryError:
        json.dump({"fault": "The receipts need too much memory to be put together"}, sys.stdout)
        return 1
    return 0


def _limit_myself(order: _Order) -> None:
    seconds = int(order["seconds"]) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (order["memory"], order["memory"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _zip(documents: Sequence[_Named], into: Path) -> None:
    """Store each document under its name, numbered as Pleo has them."""
    with zipfile.ZipFile(into, "w", zipfile.ZIP_STORED) as archive:
        for number, document in enumerate(documents, 1):
            entry = zipfile.ZipInfo(f"{number:02} {document['name']}", _EPOCH)
            with archive.open(entry, "w", force_zip64=True) as file, _open(document) as source:
                while piece := source.read(1 << 20):
                    file.write(piece)


def _open(document: _Named) -> io.BufferedReader:
    return Path(document["path"]).open("rb")


def _pdf(order: _Order) -> None:
    """Put all pages of all documents into one PDF, an image on a page of its own."""
    import pikepdf  # noqa: PLC0415 -- after the limits are set

    with pikepdf.new() as bound:
        for document in order["documents"]:
            source = _image(document, order["pixels"]) or Path(document["path"])
            try:
                with pikepdf.open(source) as pdf:
                    pages = len(pdf.pages)
                    if len(bound.pages) + pages > order["pages"]:
                        raise _Fault(
                            f"{document['name']} has {pages} pages; receipts are put together up "
                            f"to {order['pages']} pages in all. Replace it in Pleo"
                        )
                    bound.pages.extend(pdf.pages)
            except pikepdf.PasswordError:
                raise _Fault(
                    f"{document['name']} is encrypted and cannot be opened without its password. "
                    "Replace it in Pleo by one without"
                ) from None
            except pikepdf.PdfError:
                raise _broken(document) from None
            if not pages:
                raise _broken(document)
        bound.save(order["into"], deterministic_id=True)


def _broken(document: _Named) -> _Fault:
    return _Fault(
        f"{document['name']} is broken: it cannot be read as {document['type']}. Replace it in Pleo"
    )


def _image(document: _Named, pixels: int) -> io.BytesIO | None:
    """Return an image as a PDF, one page a frame, turned as its EXIF data say; None: a PDF."""
    if not document["type"].startswith("image/"):
        return None
    import img2pdf  # noqa: PLC0415 -- after the limits are set
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 -- as above

    Image.MAX_IMAGE_PIXELS = pixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(document["path"]) as image:
                width, height = image.size
                if width * height > pixels:
                    raise _too_many_pixels(document, f"{width} x {height} pixels", pixels)
            layout = img2pdf.get_layout_fun(_A4, auto_orient=True, fit=img2pdf.FitMode.shrink)
            made = img2pdf.convert(
                Path(document["path"]).read_bytes(),
                layout_fun=layout,
                nodate=True,
                rotation=img2pdf.Rotation.ifvalid,
            )
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels(document, "too many pixels", pixels) from None
    except (img2pdf.ImageOpenError, UnidentifiedImageError, OSError, ValueError, SyntaxError):
        raise _broken(document) from None
    return io.BytesIO(made)


def _too_many_pixels(document: _Named, how_many: str, pixels: int) -> _Fault:
    return _Fault(
        f"{document['name']} has {how_many}; images are put on a page up to {pixels} pixels. "
        "Replace it in Pleo by a smaller one"
    )


if __name__ == "__main__":
    sys.exit(main())
