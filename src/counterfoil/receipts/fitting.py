"""Makes an item's documents fit what an accounting system takes: as they are, one PDF, or a ZIP.

Evidence is never altered: a document is kept as it came, or bound as it is into a PDF (each page of
each PDF, each image on a page of its own) or a ZIP; what cannot be is a failure of its own. What is
in a file is looked at by ``binder`` alone, in a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from counterfoil.bookkeeping.entries import Attachments, Document
from counterfoil.effects import effect
from counterfoil.errors import ItemFailure, ReceiptNotConvertible, ReceiptTooLarge

__all__ = ["PDF", "ZIP", "BindingLimits", "fit"]

PDF: Final = "application/pdf"
ZIP: Final = "application/zip"
_EXTENSIONS: Final = {PDF: ".pdf", ZIP: ".zip"}
_IMAGES: Final = frozenset(
    {"image/png", "image/jpeg", "image/gif", "image/tiff", "image/webp"},
)
"""Formats of images that can be put on a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingLimits:
    """Bounds for binding documents together: of what they hold, and of the process that does it."""

    pages: int = 1_000
    """In all."""
    pixels: int = 100_000_000
    """Of each image."""
    seconds: float = 60.0
    memory_bytes: int = 1024 * 1024 * 1024


async def fit(
    documents: Sequence[Document],
    takes: Attachments,
    folder: Path,
    limits: BindingLimits | None = None,
) -> list[Document | ItemFailure]:
    """Return what the system gets instead of these documents, in order, or why it gets it not.

    New files lie in ``folder``, named by their content, as the documents do; the same documents
    make the same file. A failure (ReceiptNotConvertible, ReceiptTooLarge) names its document.
    """
    limits = limits or BindingLimits()
    unique = tuple({document.sha256: document for document in documents}.values())
    if takes.limit is not None and len(unique) > takes.limit:
        return [await _fit_one(unique, takes, folder, limits)]
    return [await _fit_one([each], takes, folder, limits) for each in unique]


async def _fit_one(
    documents: Sequence[Document], takes: Attachments, folder: Path, limits: BindingLimits
) -> Document | ItemFailure:
    (document, *others) = documents
    try:
        if others or not takes.takes(document.media_type):
            document = await _bind(documents, takes, folder, limits)
    except ReceiptNotConvertible as failure:
        return failure
    if takes.max_bytes is not None and document.size > takes.max_bytes:
        return ReceiptTooLarge(
            f"{document.name} has {document.size} bytes; the accounting system takes "
            f"{takes.max_bytes}"
        )
    return document


async def _bind(
    documents: Sequence[Document], takes: Attachments, folder: Path, limits: BindingLimits
) -> Document:
    """Put documents into one file of a type that the system takes."""
    odd = next((each for each in documents if each.media_type not in {PDF, *_IMAGES}), None)
    if odd is None and takes.takes(PDF):
        media_type = PDF
    elif takes.takes(ZIP):
        media_type = ZIP
    else:
        which = odd or documents[0]
        raise ReceiptNotConvertible(
            f"{which.name} is {which.media_type}, which the accounting system does not take and "
            "which cannot be made into what it takes. Replace the receipt in Pleo"
        )
    return await _bound(documents, media_type, folder, limits)


async def _bound(
    documents: Sequence[Document], media_type: str, folder: Path, limits: BindingLimits
) -> Document:
    target = folder / f".binding-{_identity(documents)}{_EXTENSIONS[media_type]}"
    order = {
        "make": media_type,
        "into": str(target),
        "documents": [
            {"path": str(each.path), "name": each.name, "type": each.media_type}
            for each in documents
        ],
        "pages": limits.pages,
        "pixels": limits.pixels,
        "seconds": limits.seconds,
        "memory": limits.memory_bytes,
    }
    with effect("receipts.convert", documents[0].sha256):
        try:
            await _have_made(order, limits.seconds)
            size, digest = await asyncio.to_thread(_measure, target)
            path = target.replace(folder / digest)
        finally:
            target.unlink(missing_ok=True)
    name = Path(documents[0].name).stem + _EXTENSIONS[media_type]
    return Document(path=path, sha256=digest, size=size, media_type=media_type, name=name)


def _identity(documents: Sequence[Document]) -> str:
    return sha256("".join(each.sha256 for each in documents).encode()).hexdigest()[:16]


def _measure(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        digest = sha256()
        while piece := file.read(1 << 20):
            digest.update(piece)
        return file.tell(), digest.hexdigest()


async def _have_made(order: dict[str, object], seconds: float) -> None:
    """Let a process of its own do it: what a hostile file breaks or eats is not ours."""
    # Isolated, and without our environment: nothing secret is there to be had.
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", str(Path(__file__).with_name("binder.py"))),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        env={},
    )
    try:
        async with asyncio.timeout(2 * seconds):
            told, _ = await process.communicate(json.dumps(order).encode())
    except TimeoutError as error:
        raise ReceiptNotConvertible(_gave_up(f"more than {2 * seconds:g} seconds")) from error
    finally:
        await _end(process)
    if process.returncode == 0:
        return
    try:
        why = str(json.loads(told)["fault"])
    except (ValueError, KeyError, TypeError):
        why = _gave_up("too much memory or time")
    raise ReceiptNotConvertible(why)


def _gave_up(what: str) -> str:
    return f"Putting the receipts together took {what}. Replace them in Pleo by smaller ones"


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()
