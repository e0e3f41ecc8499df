"""How an export is watched: a progress bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Display

from counterfoil.cli.lines import clean, say
from counterfoil.cli.screen import console
from counterfoil.export.ports import Progress, Silent

__all__ = ["Bars", "Lines", "watching"]


class Lines:
    """Says in a line when a job starts and how far it is."""

    def __init__(self) -> None:
        """Know of no job yet."""
        self._jobs: dict[str, tuple[str, int, int]] = {}

    def job_started(self, connection: str, job_id: str, total: int) -> None:
        """Say that a job is under way."""
        self._jobs[job_id] = (connection, 0, total)
        say(f"{connection}: job {job_id}: {total} items to do")

    def items_done(self, job_id: str, count: int) -> None:
        """Say how many of its items are done."""
        connection, done, total = self._jobs[job_id]
        self._jobs[job_id] = (connection, done + count, total)
        say(f"{connection}: job {job_id}: {done + count} of {total} items done")


class Bars:
    """Moves a progress bar for each job."""

    def __init__(self, progress: Display) -> None:
        """Draw on a display that is live."""
        self._progress = progress
        self._bars: dict[str, TaskID] = {}

    def job_started(self, connection: str, job_id: str, total: int) -> None:
        """Show a bar for the job."""
        self._bars[job_id] = self._progress.add_task(f"{clean(connection)}: {job_id}", total=total)

    def items_done(self, job_id: str, count: int) -> None:
        """Move its bar on."""
        self._progress.advance(self._bars[job_id], count)


@contextmanager
def watching(*, silent: bool = False) -> Iterator[Progress]:
    """Give what watches an export while the block runs, fit for where the output goes."""
    if silent:
        yield Silent()
    elif not sys.stdout.isatty():
        yield Lines()
    else:
        with _display() as display:
            yield Bars(display)


def _display() -> Display:
    return Display(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console(),
    )
