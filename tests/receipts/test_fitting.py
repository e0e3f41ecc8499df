"""Documents made to fit what a system takes: as they came, bound into a PDF, or in a ZIP."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import pikepdf
import pytest
from PIL import Image

from counterfoil.bookkeeping.entries import Attachments, Document
from counterfoil.errors import ItemFailure, ReceiptNotConvertible, ReceiptTooLarge
from counterfoil.receipts.fitting import BindingLimits, fit
from tests.receipts.hostile_book import huge_png

ONE_PDF = Attachments(limit=1, types=frozenset({"application/pdf"}))
ONE_OF_ANY = Attachments(limit=1)


def a_pdf(pages: int = 1, *, password: str | None = None, width: int = 200) -> bytes:
    """Make a PDF whose pages are told apart by their heights: 101, 102 and so on."""
    made = io.BytesIO()
    with pikepdf.new() as pdf:
        for number in range(1, pages + 1):
            pdf.add_blank_page(page_size=(width, 100 + number))
        lock = pikepdf.Encryption(user=password, owner=password) if password else False
        pdf.save(made, encryption=lock)
    return made.getvalue()


def an_image(kind: str = "PNG", size: tuple[int, int] = (40, 20), mode: str = "RGB") -> bytes:
    """Make an image."""
    made = io.BytesIO()
    Image.new(mode, size).save(made, kind)
    return made.getvalue()


def turned(orientation: int) -> bytes:
    """Make a photograph that its camera took turned."""
    made = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (40, 20)).save(made, "JPEG", exif=exif)
    return made.getvalue()


def a_document(folder: Path, data: bytes, media_type: str, name: str = "taxi") -> Document:
    """Keep a document as the store does, under its content's hash."""
    digest = sha256(data).hexdigest()
    path = folder / digest
    path.write_bytes(data)
    return Document(path=path, sha256=digest, size=len(data), media_type=media_type, name=name)


def pages_of(fitted: Sequence[Document | ItemFailure]) -> list[tuple[int, int]]:
    """Give the size of each page of the one PDF."""
    (document,) = fitted
    assert isinstance(document, Document), document
    assert document.sha256 == sha256(document.path.read_bytes()).hexdigest()
    assert document.media_type == "application/pdf"
    with pikepdf.open(document.path) as pdf:
        return [(round(page.mediabox[2]), round(page.mediabox[3])) for page in pdf.pages]


def failure_of(fitted: Sequence[Document | ItemFailure]) -> ItemFailure:
    """Give the one failure."""
    (failure,) = fitted
    assert isinstance(failure, ItemFailure), failure
    return failure


async def test_what_a_system_takes_stays_as_it_came(tmp_path: Path) -> None:
    documents = [
        a_document(tmp_path, a_pdf(), "application/pdf"),
        a_document(tmp_path, b"name;amount", "text/csv"),
    ]
    assert await fit(documents, Attachments(), tmp_path) == documents
    assert await fit(documents[:1], ONE_PDF, tmp_path) == documents[:1]


async def test_the_same_document_twice_is_one(tmp_path: Path) -> None:
    document = a_document(tmp_path, a_pdf(), "application/pdf")
    assert await fit([document, document], ONE_PDF, tmp_path) == [document]


async def test_a_bound_pdf_shows_every_page_in_order(tmp_path: Path) -> None:
    documents = [
        a_document(tmp_path, a_pdf(2), "application/pdf", "taxi 1.pdf"),
        a_document(tmp_path, an_image(), "image/png", "taxi 2.png"),
        a_document(tmp_path, a_pdf(1, width=300), "application/pdf", "taxi 3.pdf"),
    ]
    fitted = await fit(documents, ONE_PDF, tmp_path)
    first, second, image, last = pages_of(fitted)
    assert (first, second, last) == ((200, 101), (200, 102), (300, 101))
    assert image == (842, 595)
    assert isinstance(fitted[0], Document)
    assert fitted[0].name == "taxi 1.pdf"


async def test_thirty_receipts_are_one_pdf(tmp_path: Path) -> None:
    documents = [
        a_document(tmp_path, a_pdf(width=100 + number), "application/pdf") for number in range(30)
    ]
    assert [width for width, _ in pages_of(await fit(documents, ONE_PDF, tmp_path))] == list(
        range(100, 130)
    )


async def test_the_same_documents_make_the_same_bytes(tmp_path: Path) -> None:
    """So that what was attached before a crash is known again after it."""
    documents = [
        a_document(tmp_path, a_pdf(), "application/pdf"),
        a_document(tmp_path, an_image("JPEG"), "image/jpeg"),
    ]
    once, again = [await fit(documents, ONE_PDF, tmp_path) for _ in range(2)]
    assert once == again
    listed = [*documents, a_document(tmp_path, b"a;b", "text/csv")]
    once, again = [await fit(listed, ONE_OF_ANY, tmp_path) for _ in range(2)]
    assert once == again


@pytest.mark.parametrize(("orientation", "quarter"), [(1, 0), (6, 90), (3, 180), (8, 270)])
async def test_a_photograph_keeps_the_way_it_was_held(
    tmp_path: Path, orientation: int, quarter: int
) -> None:
    document = a_document(tmp_path, turned(orientation), "image/jpeg")
    (fitted,) = await fit([document], ONE_PDF, tmp_path)
    assert isinstance(fitted, Document)
    with pikepdf.open(fitted.path) as pdf:
        assert int(pdf.pages[0].get("/Rotate", 0)) == quarter


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "LA", "I;16"])
async def test_images_of_every_depth_are_put_on_a_page(tmp_path: Path, mode: str) -> None:
    document = a_document(tmp_path, an_image(mode=mode), "image/png")
    assert len(pages_of(await fit([document], ONE_PDF, tmp_path))) == 1


async def test_other_formats_go_into_a_zip_as_they_are(tmp_path: Path) -> None:
    table = b"name;amount\ncoffee;3.50\n"
    documents = [
        a_document(tmp_path, an_image(), "image/png", "taxi.png"),
        a_document(tmp_path, table, "text/csv", "taxi.csv"),
    ]
    (fitted,) = await fit(documents, ONE_OF_ANY, tmp_path)
    assert isinstance(fitted, Document)
    assert (fitted.media_type, fitted.name) == ("application/zip", "taxi.zip")
    with zipfile.ZipFile(fitted.path) as archive:
        assert archive.namelist() == ["01 taxi.png", "02 taxi.csv"]
        assert archive.read("02 taxi.csv") == table


async def test_what_cannot_be_converted_names_the_document(tmp_path: Path) -> None:
    document = a_document(tmp_path, b"name;amount", "text/csv", "list.csv")
    failure = failure_of(await fit([document], ONE_PDF, tmp_path))
    assert isinstance(failure, ReceiptNotConvertible)
    assert "list.csv is text/csv" in str(failure)


async def test_each_of_several_is_judged_alone(tmp_path: Path) -> None:
    """Where the system takes several, one that cannot be converted keeps no other back."""
    takes = Attachments(types=frozenset({"application/pdf"}))
    documents = [
        a_document(tmp_path, b"name;amount", "text/csv"),
        a_document(tmp_path, an_image(), "image/png"),
    ]
    failure, made = await fit(documents, takes, tmp_path)
    assert isinstance(failure, ReceiptNotConvertible)
    assert isinstance(made, Document)


async def test_too_large_a_document_is_told_with_both_sizes(tmp_path: Path) -> None:
    document = a_document(tmp_path, b"x" * 1001, "text/plain", "list.txt")
    failure = failure_of(await fit([document], Attachments(max_bytes=1000), tmp_path))
    assert isinstance(failure, ReceiptTooLarge)
    assert "list.txt has 1001 bytes; the accounting system takes 1000" in str(failure)


def files_in(folder: Path) -> set[Path]:
    """Give all that lies in a folder."""
    return set(folder.iterdir())


@pytest.mark.parametrize(
    ("data", "media_type", "words"),
    [
        (a_pdf(password="secret"), "application/pdf", "is encrypted"),
        (b"%PDF-1.7\nnothing of a PDF", "application/pdf", "is broken"),
        (a_pdf()[:200], "application/pdf", "is broken"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 100, "image/png", "is broken"),
        (b"\xff\xd8\xff" + b"\x00" * 100, "image/jpeg", "is broken"),
        (an_image()[:60], "image/png", "is broken"),
    ],
)
async def test_a_hostile_document_fails_by_name_and_makes_no_file(
    tmp_path: Path, data: bytes, media_type: str, words: str
) -> None:
    bad = a_document(tmp_path, data, media_type, "bad one")
    good = a_document(tmp_path, a_pdf(), "application/pdf")
    failure = failure_of(await fit([good, bad], ONE_PDF, tmp_path))
    assert isinstance(failure, ReceiptNotConvertible)
    assert "bad one" in str(failure)
    assert words in str(failure)
    assert files_in(tmp_path) == {good.path, bad.path}


async def test_an_image_of_too_many_pixels_is_not_decoded(tmp_path: Path) -> None:
    document = a_document(tmp_path, huge_png(), "image/png", "huge.png")
    failure = failure_of(await fit([document], ONE_PDF, tmp_path))
    assert "huge.png has" in str(failure)
    assert "pixels" in str(failure)


async def test_too_many_pages_are_refused(tmp_path: Path) -> None:
    document = a_document(tmp_path, a_pdf(3), "application/pdf", "book.pdf")
    other = a_document(tmp_path, a_pdf(2), "application/pdf")
    limits = BindingLimits(pages=4)
    failure = failure_of(await fit([other, document], ONE_PDF, tmp_path, limits))
    assert "book.pdf has 3 pages" in str(failure)


@pytest.mark.slow
async def test_what_needs_too_much_memory_ends_the_child_and_not_us(tmp_path: Path) -> None:
    documents = [
        a_document(tmp_path, a_pdf(), "application/pdf"),
        a_document(tmp_path, an_image("PNG", (9_000, 9_000)), "image/png"),
    ]
    limits = BindingLimits(memory_bytes=120 * 1024 * 1024)
    failure = failure_of(await fit(documents, ONE_PDF, tmp_path, limits))
    assert isinstance(failure, ReceiptNotConvertible)
    assert files_in(tmp_path) == {document.path for document in documents}


@pytest.mark.skipif(sys.platform != "linux", reason="reads the child's environment in /proc")
async def test_the_child_is_given_no_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hostile document that takes the child over finds no key of Pleo's there."""
    spy = tmp_path / "spy"
    spy.write_text('#!/bin/sh\nenv > "$(dirname "$0")/environment"\nexit 3\n')
    spy.chmod(0o700)
    monkeypatch.setenv("PLEO_API_KEY", "very-secret")
    monkeypatch.setattr(sys, "executable", str(spy))
    documents = [a_document(tmp_path, a_pdf(number), "application/pdf") for number in (1, 2)]
    failure_of(await fit(documents, ONE_PDF, tmp_path))
    assert "very-secret" not in (tmp_path / "environment").read_text()
