"""What comes must look like what Pleo announced."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.errors import ReceiptDownloadFailure
from counterfoil.receipts.kinds import HEAD, Kind, kind_of
from tests.receipts.hosting import HTML, PDF, PNG

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 500
ZIP = b"PK\x03\x04\x14\x00\x06\x00[Content_Types].xml"
TEXT = "Taxi, 12 €\n".encode()
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.mark.parametrize(
    ("announced", "head", "kind"),
    [
        ("application/pdf", PDF, Kind("application/pdf", ".pdf")),
        ("application/pdf", b"\r\n\r\n" + PDF, Kind("application/pdf", ".pdf")),
        ("Application/PDF; charset=binary", PDF, Kind("application/pdf", ".pdf")),
        ("pdf", PDF, Kind("application/pdf", ".pdf")),
        (".pdf", PDF, Kind("application/pdf", ".pdf")),
        ("image/png", PNG, Kind("image/png", ".png")),
        ("image/jpeg", JPEG, Kind("image/jpeg", ".jpg")),
        ("image/jpg", JPEG, Kind("image/jpeg", ".jpg")),
        ("application/msword", OLE, Kind("application/msword", ".doc")),
        ("application/vnd.ms-excel", OLE, Kind("application/vnd.ms-excel", ".xls")),
        (DOCX, ZIP, Kind(DOCX, ".docx")),
        (DOCX, OLE, Kind(DOCX, ".docx")),
        (XLSX, ZIP, Kind(XLSX, ".xlsx")),
        ("text/plain", TEXT, Kind("text/plain", ".txt")),
        ("text/plain", "Taxi".encode("utf-16"), Kind("text/plain", ".txt")),
        ("text/html", HTML, Kind("text/html", ".html")),
        (None, PDF, Kind("application/pdf", ".pdf")),
        ("", JPEG, Kind("image/jpeg", ".jpg")),
        ("application/octet-stream", TEXT, Kind("text/plain", ".txt")),
        (None, b"\x00\x01\x02", Kind("application/octet-stream", ".bin")),
        ("image/bmp", b"BM\x00\x00", Kind("image/bmp", ".bmp")),
        ("application/x-unheard-of", b"\x00", Kind("application/x-unheard-of", ".bin")),
    ],
)
def test_a_file_is_what_it_was_announced_as(announced: str | None, head: bytes, kind: Kind) -> None:
    assert kind_of(announced, head) == kind


@pytest.mark.parametrize(
    ("announced", "head", "came"),
    [
        ("application/pdf", PNG, "PNG"),
        ("application/pdf", HTML, "HTML"),
        ("application/pdf", TEXT, "text"),
        ("application/pdf", b"\x00\x01", "something else"),
        ("text/plain", PDF, "PDF"),
        ("text/plain", HTML, "HTML"),
        ("text/plain", b"text\x00", "something else"),
        ("text/html", PDF, "PDF"),
        (DOCX, PDF, "PDF"),
        ("image/bmp", PNG, "PNG"),
        ("image/bmp", HTML, "HTML"),
        (None, b"\xef\xbb\xbf \n<HTML lang='en'>", "HTML"),
        (None, b"<?xml version='1.0'?>\n<!doctype html>", "HTML"),
    ],
)
def test_a_file_of_another_kind_is_refused(announced: str | None, head: bytes, came: str) -> None:
    with pytest.raises(ReceiptDownloadFailure, match=came):
        kind_of(announced, head)


def test_one_image_for_another_is_named_as_what_it_is() -> None:
    assert kind_of("image/jpeg", PNG) == Kind("image/png", ".png")
    assert kind_of("image/png", JPEG) == Kind("image/jpeg", ".jpg")


@pytest.mark.parametrize("head", [TEXT, b"\x00\x01"])
def test_a_file_that_came_whole_and_looks_like_nothing_is_taken_at_its_word(head: bytes) -> None:
    assert kind_of("application/pdf", head, whole=True) == Kind("application/pdf", ".pdf")


@pytest.mark.parametrize("head", [PNG, HTML])
def test_a_file_that_is_plainly_another_is_refused_whole_or_not(head: bytes) -> None:
    with pytest.raises(ReceiptDownloadFailure):
        kind_of("application/pdf", head, whole=True)


@given(st.none() | st.text(), st.binary(max_size=HEAD))
def test_whatever_comes_it_has_an_extension_or_is_refused(
    announced: str | None, head: bytes
) -> None:
    try:
        kind = kind_of(announced, head)
    except ReceiptDownloadFailure:
        return
    assert kind.extension.startswith(".")
