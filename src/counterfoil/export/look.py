"""Asking the books: patiently while the job has time, and saying what an absence proves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from counterfoil.errors import (
    BooksAuthentication,
    BooksAuthorization,
    BooksRateLimit,
    BooksTimeout,
    BooksUnreachable,
    ItemFailure,
    JobFailureType,
)
from counterfoil.register import PartState
from counterfoil.systems.contract import BooksNotReady, Uniqueness
from counterfoil.telemetry import noting_retries

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
    from typing import TypeVar

    from counterfoil.export.ports import Export
    from counterfoil.register import PartRecord
    from counterfoil.systems.contract import Capabilities, Found, PartKey

    T = TypeVar("T")

__all__ = [
    "booked",
    "by_our_register",
    "is_open",
    "patiently",
    "remembers_too_little",
    "settle_seconds",
    "uncertain",
    "unconfirmed",
    "unreachable",
    "unseen",
]

log = structlog.get_logger(__name__)

PAUSES = (1, 2, 5, 10, 20, 30)

_FAILURES: Mapping[JobFailureType, type[ItemFailure]] = {
    JobFailureType.ACCOUNTING_SYSTEM_AUTHENTICATION_FAILURE: BooksAuthentication,
    JobFailureType.AUTHORIZATION_FAILURE: BooksAuthorization,
    JobFailureType.ACCOUNTING_SYSTEM_RATE_LIMIT: BooksRateLimit,
    JobFailureType.ACCOUNTING_SYSTEM_TIMEOUT: BooksTimeout,
}


async def patiently(export: Export, ask: Callable[[], Awaitable[T]]) -> T:
    """Call again, with growing pauses, while the books are away and the job has time for it."""
    asked = noting_retries("books", ask)
    tries = 0
    while True:
        try:
            return await asked()
        except BooksNotReady as error:
            if not error.problem.passing or not export.lease.may_retry(export.clock.now()):
                raise
            log.warning("the accounting system is away; waiting", reason=error.problem.message)
        await export.clock.sleep(PAUSES[min(tries, len(PAUSES) - 1)])
        tries += 1


def unreachable(error: BooksNotReady) -> ItemFailure:
    """Return the failure of an item that could not be sent because the books are away."""
    kind = _FAILURES.get(error.problem.failure_type, BooksUnreachable)
    return kind(f"{error.problem.message} Nothing was booked; export again when it works")


def unseen(error: BooksNotReady, references: Iterable[object]) -> ItemFailure:
    """Return the failure of an item that could not even be looked up; the register may know less.

    Nothing was sent by this run, but who lost a register cannot say that nothing is booked.
    """
    kind = _FAILURES.get(error.problem.failure_type, BooksUnreachable)
    return kind(
        f"{error.problem.message} Nothing was sent, and nobody could look whether it is booked "
        f"already (as {' and '.join(map(str, references))}); export again when it works"
    )


def unconfirmed(error: BooksNotReady, external_id: str | None) -> ItemFailure:
    """Return the failure of an item that is booked, but could not be looked up."""
    kind = _FAILURES.get(error.problem.failure_type, BooksUnreachable)
    return kind(f"{error.problem.message} {by_our_register(external_id)}")


def by_our_register(external_id: str | None) -> str:
    """Name a booking that could not be looked up, so that nobody books it again."""
    return (
        f"By our register it is booked as {external_id}, which could not be confirmed; "
        "export again when it works"
    )


def uncertain(reference: object) -> BooksTimeout:
    """Return the failure of an item of which nobody can tell whether it is booked."""
    return BooksTimeout(
        f"It is not certain that this was booked (reference {reference}). Look for {reference}, "
        "then export again: it is booked only if it is not there"
    )


def is_open(record: PartRecord, found: Mapping[PartKey, Sequence[Found]]) -> bool:
    """Whether an intent has no outcome and the books do not show it."""
    key = (record.reference.entry_id, record.part)
    shown = {one.reference for one in found.get(key, ())}
    return record.state in {PartState.INTENDED, PartState.UNKNOWN} and record.reference not in shown


def booked(intent: PartRecord, found: Found) -> PartRecord:
    """Return an intent as booked, with what the books hold: it may be an older state's request."""
    return replace(
        intent,
        state=PartState.BOOKED,
        fingerprint=found.fingerprint or intent.fingerprint,
        external_id=found.id,
        external_url=found.url,
        booked_at=found.booked_at,
    )


def settle_seconds(capabilities: Capabilities) -> float:
    """How long after a request was sent its absence is no proof, as it may still land."""
    if capabilities.uniqueness is Uniqueness.EXCLUSIVE_FILE:
        return 0.0
    return float(capabilities.settle_seconds)


def remembers_too_little(export: Export) -> bool:
    """Whether requests may be under way that the register knows nothing of: it is that young.

    It may stand in for one that was lost together with its process. Only books that take a second
    record need to be waited for.
    """
    able = export.books.capabilities
    if able.uniqueness is not Uniqueness.PROBE_ONLY:
        return False
    jobs = export.register.jobs.all(export.connection)
    first = min((job.first_sent_at for job in jobs), default=export.clock.now())
    return export.clock.now() - first < timedelta(seconds=able.settle_seconds)
