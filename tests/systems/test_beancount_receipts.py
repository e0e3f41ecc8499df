"""Receipts are files under their account, named in their entry, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterfoil.bookkeeping.entries import Document
from counterfoil.errors import ReceiptUploadFailure
from counterfoil.systems.beancount.files import Folder
from counterfoil.systems.beancount.receipts import Archive
from counterfoil.systems.contract import Booked, Refused
from tests.systems.ledgers import COFFEE, TAXI, LedgerFolder, document, entry, only

pytestmark = pytest.mark.slow

TRAVEL = "documents/Expenses/Travel"


def filed(ledger: LedgerFolder) -> set[str]:
    """Return the receipts' files, below their account's folder."""
    paths = (ledger.root / TRAVEL).iterdir()
    return {path.name for path in paths}


async def test_receipts_are_filed_with_their_entry(ledger: LedgerFolder, tmp_path: Path) -> None:
    one = document(tmp_path, b"one", "taxi.PDF")
    two = document(tmp_path, b"two", "taxi.PDF")
    async with ledger.books() as books:
        await books.record([entry(documents=(one, two, one)), entry(TAXI, documents=(one,))])
        assert (await only(books)).receipts == {one.sha256, two.sha256}
    names = {f"2026-03-05 taxi-{each.sha256[:8]}.pdf" for each in (one, two)}
    assert filed(ledger) == names
    assert ledger.errors() == ""
    listed = ledger.ask("select account, filename, links from #documents")
    assert {(account, Path(path).name) for account, path, _ in listed} == {
        ("Expenses:Travel", name) for name in names
    }
    assert sum(COFFEE in links for *_, links in listed) == 2
    assert sum(TAXI in links for *_, links in listed) == 1
    async with ledger.books() as books:
        assert (await only(books)).receipts == {one.sha256, two.sha256}
        (ledger.root / TRAVEL / f"2026-03-05 taxi-{two.sha256[:8]}.pdf").write_bytes(b"short!")
        assert (await only(books)).receipts == {one.sha256}


async def test_a_missing_receipt_is_attached_later_and_once(
    ledger: LedgerFolder, tmp_path: Path
) -> None:
    receipts = [document(tmp_path, bytes([number]) * 9) for number in range(3)]
    async with ledger.books() as books:
        await books.record([entry(documents=(receipts[0],)), entry(TAXI)])
        for receipt in [*receipts, *receipts]:
            await books.attach(f"{COFFEE}/entry", receipt)
        await books.attach(f"{TAXI}/entry", receipts[0])
        assert (await only(books)).receipts == {receipt.sha256 for receipt in receipts}
    assert ledger.errors() == ""
    assert ledger.month.read_text().count("document-3: ") == 1
    assert len(ledger.ask("select filename from #documents")) == 4
    async with ledger.books() as books:
        assert (await only(books)).receipts == {receipt.sha256 for receipt in receipts}
        assert (await only(books, TAXI)).receipts == {receipts[0].sha256}


async def test_folders_that_beancount_lists_itself_need_no_directive(
    ledger: LedgerFolder, tmp_path: Path
) -> None:
    (ledger.root / "files").mkdir()
    with ledger.main.open("a") as file:
        file.write('option "documents" "files"\n')
    async with ledger.books(documents="files/receipts") as books:
        await books.record([entry(documents=(document(tmp_path),))])
    assert "document Expenses" not in ledger.month.read_text()
    ledger_two = ledger.books(documents="files")
    async with ledger_two as books:
        await books.attach(f"{COFFEE}/entry", document(tmp_path, b"more"))
    assert ledger.errors() == ""
    listed = ledger.ask("select account, filename from #documents")
    assert [row[0] for row in listed] == ["Expenses:Travel"]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\bon.jpg", "bon"),
        ('a"b\n<c>:d|e?.pdf', "a_b__c__d_e_"),
        ("\x00\u202e.pdf", "_\u202e"),
        ("...", "receipt"),
        ("é" * 300 + ".pdf", "é" * 50),
        ("", "receipt"),
    ],
)
async def test_names_are_safe_on_every_file_system(name: str, safe: str, tmp_path: Path) -> None:
    made = document(tmp_path, name=name)
    archive = Archive(tmp_path / "documents", tmp_path / "counterfoil", Folder("x"))
    receipt = archive.receipt(made, "Expenses:Travel", entry().date)
    path = tmp_path / "counterfoil" / receipt.path
    assert path.resolve().parent == tmp_path / TRAVEL
    assert path.name.startswith(f"2026-03-05 {safe}-{made.sha256[:8]}.")
    assert len(path.name.encode()) < 255


async def test_a_receipt_that_changed_since_it_was_fetched_fails_its_entry_alone(
    ledger: LedgerFolder, tmp_path: Path
) -> None:
    spoilt = document(tmp_path)
    spoilt.path.write_bytes(b"something else")
    async with ledger.books() as books:
        refused, booked = await books.record([entry(documents=(spoilt,)), entry(TAXI)])
        assert isinstance(refused, Refused)
        assert isinstance(refused.failure, ReceiptUploadFailure)
        assert isinstance(booked, Booked)
        gone = Document(
            path=tmp_path / "gone", sha256="0" * 64, size=1, media_type="image/png", name="x"
        )
        with pytest.raises(ReceiptUploadFailure, match="cannot be read"):
            await books.attach(f"{TAXI}/entry", gone)
    assert ledger.errors() == ""


async def test_a_file_in_the_way_is_kept(ledger: LedgerFolder, tmp_path: Path) -> None:
    made = document(tmp_path)
    there = ledger.write(f"{TRAVEL}/2026-03-05 r-{made.sha256[:8]}.pdf", "an annotated copy")
    async with ledger.books() as books:
        await books.record([entry(documents=(made,))])
        assert (await only(books)).receipts == {made.sha256}
    assert there.read_text() == "an annotated copy"
    assert filed(ledger) == {there.name, f"2026-03-05 r-{made.sha256}.pdf"}
