"""Names of receipts are safe on every file system and still tell the merchant."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.receipts.names import receipt_stem, safe_stem
from tests.pleo.small_pleo import entry_id
from tests.receipts.hosting import item_with


@pytest.mark.parametrize(
    ("text", "stem"),
    [
        ("Taxi SA", "Taxi SA"),
        ("Café Ωmega 東京", "Café Ωmega 東京"),
        ("Cafe\u0301", "Café"),
        ("../../etc/passwd", "etc-passwd"),
        ("..\\..\\windows", "windows"),
        ("a/b\\c:d*e?f", "a-b-c-d-e-f"),
        ('GOOGLE*ADS "8693"', "GOOGLE-ADS -8693"),
        ("line\nbreak\ttab\x00nul\x1b[31m", "line break tabnul[31m"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        (" .hidden. ", "hidden"),
        ("-rf", "rf"),
        ("~root", "root"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("Com1 ", "_Com1"),
        ("lpt9.a.b", "_lpt9.a.b"),
        ("Console", "Console"),
        ("\ud800", "receipt"),
        ("", "receipt"),
        ("...", "receipt"),
        ("///", "receipt"),
    ],
)
def test_a_text_becomes_a_safe_name(text: str, stem: str) -> None:
    assert safe_stem(text) == stem


@given(st.text())
def test_whatever_the_text_the_name_is_one_plain_file(text: str) -> None:
    stem = safe_stem(text)
    assert Path(f"{stem}.pdf").name == f"{stem}.pdf"
    assert 0 < len(stem.encode()) <= 121
    assert stem == stem.strip(" .")
    assert not set(stem) & set('<>:"/\\|?*')
    assert not any(unicodedata.category(letter).startswith("C") for letter in stem)


def test_a_long_text_is_cut_between_letters() -> None:
    assert safe_stem("é" * 5000) == "é" * 60


def test_a_name_can_be_written_to_disk(tmp_path: Path) -> None:
    path = tmp_path / f"2026-04-12 {safe_stem('東' * 5000)} 30.pdf"
    path.touch()
    assert path.exists()


def test_the_vendor_names_the_receipt_before_the_supplier() -> None:
    vendor = {"id": entry_id(1), "name": "Acme Ltd"}
    assert receipt_stem(item_with(vendor=vendor)) == "Acme Ltd"
    assert receipt_stem(item_with()) == "Taxi SA"
    assert receipt_stem(item_with(supplier=None)) == "card purchase"
