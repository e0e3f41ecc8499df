"""What an adapter's author tells the kit: how to make a fresh book, and what people do in it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import NoReturn, Self

import pytest

from counterfoil.systems.contract import AccountingSystem

__all__ = ["FreshBook"]


class FreshBook(ABC):
    """A new book with a chart that is known here; each test gets one of its own.

    Only ``debit``, ``credit`` and ``open`` must be given; what a server names anew for each book is
    set in ``__init__``. Of the others, what a book does not say is not tested, and the tests that
    need it are skipped by name.
    """

    debit: str
    """Id, as in ``Chart.accounts``, of a cost account that takes every currency below."""
    credit: str
    """Id of the account that costs are paid from; it takes them, too."""
    payable: str | None = None
    """Id of the account of what is owed to ``vendor``; None: bills are owed on ``credit``."""
    vendor: str | None = None
    """The chart's id of a vendor, for bills, credit notes and payments."""
    currencies: tuple[str, ...] = ("EUR",)
    """The currencies that the book takes, its own first; JPY and KWD are worth having."""
    unknown_currency: str | None = None
    """A currency that the book refuses."""
    day: date = date(2026, 3, 5)
    """A day that is open; the day four weeks later must be, too."""
    closed_day: date | None = None
    """A day on which ``debit`` and ``credit`` take nothing any more, or not yet."""
    unknown_account: str = "no-such-account"
    """An account id, of the right form, that the book does not have."""
    dimension: tuple[str, str] | None = None
    """A group of dimensions and one of its values."""
    unknown_dimension: tuple[str, str] = ("no-such-group", "no-such-value")
    """A group and value that the book does not have."""
    tax: tuple[str, Decimal] | None = None
    """A tax code with an ingoing account, and its rate as a fraction."""
    reads: frozenset[str] = frozenset()
    """Names of effects that only read: killing there shows nothing, and leaving it out is quick."""

    def __init__(self, folder: Path) -> None:
        """Make the book, with its chart and nothing booked, in an empty folder of its own."""
        self.folder = folder

    @classmethod
    @contextmanager
    def made(cls, folder: Path) -> Iterator[Self]:
        """Make a book, and clean up after the test; ``counterfoil conformance`` calls this."""
        yield cls(folder)

    @abstractmethod
    def open(self) -> AccountingSystem:
        """Return a new session with this book, as for a new job; it is not entered yet."""

    def receipt(self, number: int) -> tuple[bytes, str]:
        """Return the content and media type of a document that the system takes."""
        return b"%%PDF-1.7\n%% receipt %d\n%%%%EOF\n" % number, "application/pdf"

    async def balance(self, account: str) -> Decimal | None:
        """Return an account's balance of final entries, as the system itself says; None: unsaid.

        It is in the book's own currency, debit positive, and not asked for through the adapter.
        """
        del account
        return None

    async def text_of(self, id: str) -> str | None:
        """Return all that a person reads as text of a record in the system; None: unsaid."""
        del id
        return None

    async def person_posts(self, id: str) -> None:
        """Post a draft by hand, in the system's own way."""
        del id
        self._unsaid("posts a draft by hand", "person_posts")

    async def person_voids(self, id: str) -> None:
        """Void a draft by hand."""
        del id
        self._unsaid("voids a draft by hand", "person_voids")

    async def person_reverses(self, id: str) -> None:
        """Reverse a posted record by hand."""
        del id
        self._unsaid("reverses a record by hand", "person_reverses")

    async def person_edits(self, id: str, amount: Decimal) -> None:
        """Change a draft of two lines to another amount by hand."""
        del id, amount
        self._unsaid("edits a draft by hand", "person_edits")

    async def person_removes(self, id: str) -> None:
        """Take a draft out of the book by hand, as if it had never been."""
        del id
        self._unsaid("removes a draft by hand", "person_removes")

    async def person_books(self, amount: Decimal) -> None:
        """Book an amount by hand from ``credit`` to ``debit`` on ``day``, with nothing of ours."""
        del amount
        self._unsaid("is booked in by hand", "person_books")

    def away(self) -> AbstractContextManager[None]:
        """Keep the system from answering while the context lasts: stop it, or unplug it."""
        self._unsaid("is taken away for a moment", "away")

    def open_denied(self) -> AccountingSystem:
        """Return a new session with credentials that the system refuses."""
        self._unsaid("is opened with wrong credentials", "open_denied")

    def lost(self) -> Exception:
        """Return a new error as the adapter gets it inside an effect when the connection breaks.

        ``httpx.ReadError("lost")`` for a system spoken to with httpx, an ``OSError`` for files.
        """
        self._unsaid("is lost in the middle of an effect", "lost")

    def _unsaid(self, what: str, hook: str) -> NoReturn:
        pytest.skip(f"{type(self).__name__} does not say how it {what}: override {hook}()")
