"""Tells people, by a command or a URL, of what needs them: ``[notify]``.

What is told is decided here, when a drain has ended: a job that failed, an item of which nobody
knows whether it is booked, a connection that is broken, books that are away. It is kept in the
register and sent by a thread of its own, so that it holds nothing up and is not lost with the
process. It names ids and Pleo's types; what a bookkeeper wrote, amounts and names are left out.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import httpx
import structlog

from counterfoil import __version__
from counterfoil.effects import effect
from counterfoil.errors import CounterfoilError
from counterfoil.telemetry import note

if TYPE_CHECKING:
    from counterfoil.config import Connection, NotifySettings
    from counterfoil.register import Register
    from counterfoil.register.notices import Notice
    from counterfoil.runner.reports import ConnectionReport, JobReport

__all__ = ["notice_drain", "notifying"]

log = structlog.get_logger(__name__)

SECONDS: Final = 10.0
"""How long one telling may take."""
TRIES: Final = 10
"""After so many tries, a minute apart at least, a notice is given up."""
PAUSE_SECONDS: Final = 20.0
"""How often it is looked for notices to send, of this process or of another that died."""
KEPT: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")
"""What of our environment a command gets: our secrets are not its business."""
OUTCOMES: Final = frozenset({"failed", "lost"})
"""How a job ends that people are told of."""


class Notifier:
    """Sends the notices of a register, in a thread of its own, until it is closed."""

    def __init__(self, settings: NotifySettings, register: Register) -> None:
        """Take how people are told; nothing is started yet."""
        self.settings = settings
        self._register = register
        self._wake = threading.Event()
        self._closing = threading.Event()
        # What watches effects in this context watches those of the thread, too.
        context = copy_context()
        self._thread = threading.Thread(
            target=lambda: context.run(self._work), name="notify", daemon=True
        )

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Have it look at once."""
        self._wake.set()

    def close(self) -> None:
        """Send what can be sent now and end; a command that hangs is not waited for long."""
        self._closing.set()
        self._wake.set()
        self._thread.join(SECONDS + 2)

    def _work(self) -> None:
        while True:
            self._wake.clear()
            try:
                self._send_all()
            except Exception as error:  # noqa: BLE001 -- whatever it is, exports go on
                log.warning("notices have to wait", reason=type(error).__name__)
            if self._closing.is_set():
                return
            self._wake.wait(PAUSE_SECONDS)

    def _send_all(self) -> None:
        while (notice := self._register.notices.take(datetime.now(UTC))) is not None:
            outcome = self._sent(notice)
            if outcome != "failed":
                self._register.notices.done(notice.event, now=datetime.now(UTC))
            note("notice", outcome=outcome)

    def _sent(self, notice: Notice) -> str:
        try:
            self._tell(notice.body)
        except (OSError, subprocess.SubprocessError, httpx.HTTPError, CounterfoilError) as error:
            last = notice.tries >= TRIES
            log.warning(
                "a notice is given up" if last else "a notice was not taken; once more later",
                event=notice.event,
                reason=type(error).__name__,
            )
            return "given_up" if last else "failed"
        return "sent"

    def _tell(self, body: str) -> None:
        if self.settings.command:
            _run(self.settings.command, body)
        if self.settings.url is not None:
            token = self.settings.token
            _post(self.settings.url.reveal(), body, token.reveal() if token else None)


def _run(command: tuple[str, ...], body: str) -> None:
    """Start a program, never a shell, with the notice on its standard input."""
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    with effect("notify.run", command[0]):
        subprocess.run(  # noqa: S603 -- the operator's own command, from the configuration
            command,
            input=body.encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            timeout=SECONDS,
            check=True,
        )


def _post(url: str, body: str, token: str | None) -> None:
    headers = {"Content-Type": "application/json", "User-Agent": f"counterfoil/{__version__}"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    # The path and query of such a URL are often a secret.
    with effect("notify.post", httpx.URL(url).host):
        httpx.post(url, content=body.encode(), headers=headers, timeout=SECONDS).raise_for_status()


_notifier: ContextVar[Notifier | None] = ContextVar("notifier", default=None)


@contextmanager
def notifying(settings: NotifySettings | None, register: Register) -> Iterator[None]:
    """Tell people of what happens within the block, where it is configured how."""
    if settings is None:
        yield
        return
    notifier = Notifier(settings, register)
    notifier.start()
    token = _notifier.set(notifier)
    try:
        yield
    finally:
        _notifier.reset(token)
        notifier.close()


def notice_drain(connection: Connection, register: Register, report: ConnectionReport) -> None:
    """Keep what people are to be told of a drain; trouble with that troubles nobody else."""
    notifier = _notifier.get()
    if notifier is None or report.busy:
        return
    try:
        for event, body in _events(connection, register, report):
            if body is None:
                register.notices.over(event)
            elif body["event"] in notifier.settings.on:
                now = datetime.now(UTC)
                about = {"version": 1, "id": event, "at": now.isoformat(timespec="seconds")}
                register.notices.add(event, json.dumps({**about, **body}), now=now)
    except Exception as error:  # noqa: BLE001 -- whatever it is, the export has been done
        log.warning("a notice was not kept", connection=report.name, reason=type(error).__name__)
    notifier.wake()


def _events(
    connection: Connection, register: Register, report: ConnectionReport
) -> Iterator[tuple[str, Mapping[str, object] | None]]:
    """Give each event's own name and what is said of it; None where it is over."""
    about = {"connection": connection.name, "companyId": connection.company_id}
    away = report.waiting if report.books_away else None
    for event, reason in (("connection_broken", report.error), ("books_away", away)):
        body = about | {"event": event, "reason": reason}
        yield f"{event} {connection.name}", body if reason else None
    for job in report.jobs:
        if job.outcome in OUTCOMES:
            yield f"job_failed {job.job_id}", about | _failed(job)
    if report.jobs:
        yield from _uncertain(connection, register, {job.job_id for job in report.jobs}, about)


def _failed(job: JobReport) -> dict[str, object]:
    """Tell of a job; a reason that speaks of its items may quote them, and is left out."""
    items = Counter(item.failure_type or item.status for item in job.items)
    return {
        "event": "job_failed",
        "job": job.job_id,
        "outcome": job.outcome,
        "items": dict(items),
        "reason": None if job.failed_items else job.reason,
        "see": f"counterfoil items --job {job.job_id}",
    }


def _uncertain(
    connection: Connection, register: Register, jobs: set[str], about: Mapping[str, object]
) -> Iterator[tuple[str, Mapping[str, object]]]:
    target = connection.open_books().target
    for part in register.parts.unsettled(target):
        if part.job_id in jobs:
            entry_id = part.reference.entry_id
            yield (
                f"item_uncertain {part.job_id} {entry_id}",
                {**about, "event": "item_uncertain", "job": part.job_id, "item": entry_id}
                | {"reference": str(part.reference), "see": "counterfoil items --uncertain"},
            )
