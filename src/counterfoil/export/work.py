"""One item of a chunk on its way: what is planned, what the books hold, what went wrong."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import structlog

from counterfoil.bookkeeping.entries import Part
from counterfoil.bookkeeping.parse import parse_item
from counterfoil.bookkeeping.plan import plan
from counterfoil.errors import ItemFailure, UnexpectedFailure
from counterfoil.register import ItemOutcome
from counterfoil.register.records import load_payload

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from counterfoil.bookkeeping.chart import Chart
    from counterfoil.bookkeeping.entries import Document, Entry
    from counterfoil.bookkeeping.settings import Settings
    from counterfoil.pleo.models import ExportItem
    from counterfoil.register import Decision, KeptItem
    from counterfoil.systems.contract import Found

__all__ = ["ItemWork", "parsed", "prepare"]

log = structlog.get_logger(__name__)


@dataclass
class ItemWork:
    """An item being worked on; ``to_write`` shrinks and ``live`` grows as its parts get booked."""

    kept: KeptItem
    item: ExportItem | None = None
    planned: tuple[Entry, ...] = ()
    to_write: list[Entry] = field(default_factory=list)
    live: dict[Part, Found] = field(default_factory=dict)
    documents: tuple[Document, ...] = ()
    missing_receipts: list[str] = field(default_factory=list)
    """Why it is, or would be, booked without some of its receipts."""
    to_undo: list[Found] = field(default_factory=list)
    """Records to take back before anything is written: the item changed and is booked anew."""
    undone: list[str] = field(default_factory=list)
    """Ids of records that were taken back."""
    stands_as: Decision | None = None
    """A person's word that it is booked under another reference."""
    failure: ItemFailure | None = None

    @property
    def entry_id(self) -> str:
        """Pleo's accounting entry id."""
        return self.kept.entry_id

    @property
    def writable(self) -> bool:
        """Whether a part is still to be booked."""
        return bool(self.to_write) and self.failure is None

    @property
    def first_live(self) -> Found | None:
        """The first part's record in the books, which stands for the item at Pleo."""
        return next((self.live[part] for part in Part if part in self.live), None)

    def fail(self, failure: ItemFailure, missing: Iterable[Part]) -> None:
        """Fail; where parts are booked already, say which, so that nobody books them again."""
        self.failure = failure
        if self.live:
            booked = " and ".join(f"{_named(part)} {found.id}" for part, found in self.live.items())
            self.failure = failure.reworded(
                f"{failure}; {booked} is booked; the next export adds only the "
                + " and ".join(_named(part) for part in missing)
            )

    def next_entry(self) -> Entry:
        """Return the next part to write; the item's receipts go with its first part."""
        entry = self.to_write[0]
        if entry.reference.part is not self.planned[0].reference.part:
            return entry
        return replace(entry, documents=self.documents)

    def outcome(self) -> ItemOutcome:
        """Return what Pleo is told: the first part's record, or why the item failed."""
        first = self.first_live
        if self.failure is None and self.stands_as is not None:
            return ItemOutcome(
                status="successful",
                external_id=self.stands_as.reference,
                exported_at=self.stands_as.made_at,
            )
        if self.failure is None and first is None:
            self.failure = UnexpectedFailure("The books do not show what was booked; export again")
        if self.failure is not None:
            return ItemOutcome(
                status="failed",
                failure_type=str(self.failure.failure_type),
                failure_reason=self.failure.reason,
            )
        return ItemOutcome(
            status="successful",
            external_id=first.id if first else None,
            external_url=first.url if first else None,
            exported_at=first.booked_at if first else None,
        )


def _named(part: Part) -> str:
    return str(part).replace("_", " ")


def parsed(kept: KeptItem) -> ItemWork:
    """Begin to work on an item: parse it; what is wrong with it is its own failure."""
    work = ItemWork(kept)
    if kept.payload is None:
        work.failure = UnexpectedFailure(
            "Pleo sent no data for this item; export it again, and contact Pleo if it stays so"
        )
        return work
    with _own_failure(work):
        work.item = parse_item(load_payload(kept.payload))
    return work


def prepare(work: ItemWork, chart: Chart, settings: Settings, *, today: date) -> None:
    """Plan a parsed item; what is wrong with it is its own failure."""
    if work.item is not None:
        with _own_failure(work):
            work.planned = plan(work.item, chart, settings, today=today)


@contextmanager
def _own_failure(work: ItemWork) -> Iterator[None]:
    """Let an item fail alone, whatever happens to it within the block."""
    try:
        yield
    except ItemFailure as failure:
        work.failure = failure
    except Exception as error:
        log.exception("an item could not be planned", entry=work.entry_id)
        work.failure = UnexpectedFailure(
            f"This item could not be planned ({type(error).__name__}: {error}); "
            "please report it with the item's id"
        )
