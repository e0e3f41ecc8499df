"""Plan what an export would write: for items in hand, or for the jobs that wait in Pleo."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from counterfoil.export.preview import Preview, preview
from counterfoil.export.validate import ready_chart
from counterfoil.runner.binding import binding_of
from counterfoil.runner.credentials import pleo_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from counterfoil.config import Connection
    from counterfoil.register import Register

__all__ = ["plan_items", "plan_jobs"]


async def plan_jobs(connection: Connection, register: Register | None = None) -> Preview:
    """Plan the open jobs of a connection, as one run would book them; raises CounterfoilError."""
    async with pleo_for(connection, register) as pleo:
        jobs = await pleo.list_jobs(["pending", "in_progress"])
        jobs.sort(key=lambda job: (job.created_at, job.id))
        payloads = [
            [payload async for page in pleo.export_item_pages(job.id) for payload in page]
            for job in jobs
        ]
    planned = await _plan(connection, payloads, register)
    return replace(planned, jobs=tuple(job.id for job in jobs))


async def plan_items(
    connection: Connection,
    payloads: Sequence[Mapping[str, object]],
    register: Register | None = None,
) -> Preview:
    """Plan export items against a connection's books; nothing is written, no lock is taken.

    Raises BooksNotReady where the whole job would fail, ConnectionBroken where the register knows
    the connection with another book.
    """
    return await _plan(connection, [payloads], register)


async def _plan(
    connection: Connection,
    jobs: Sequence[Sequence[Mapping[str, object]]],
    register: Register | None,
) -> Preview:
    if register is not None:
        register.connections.check(binding_of(connection))
    async with connection.open_books().reading() as books:
        chart = await ready_chart(books, connection.settings)
        today = datetime.now(UTC).astimezone(connection.settings.zone).date()
        return await preview(
            jobs,
            books,
            chart,
            connection.settings_for(books),
            today=today,
            on_change=connection.on_change,
            register=register,
        )
