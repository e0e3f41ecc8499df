"""What a process measures, for Prometheus: counted as it happens, or read from the register.

What happens is heard through ``telemetry``, by this process alone: sum it up over processes. What
is so at the moment is read from the register at every scrape, so all processes agree about it, and
a restart changes nothing. Labels are names of connections and Pleo's own words. ``docs/metrics.md``
lists every metric. How it is asked for is left to ``web``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from counterfoil.errors import CounterfoilError
from counterfoil.register import Register
from counterfoil.register.figures import Snapshot

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
"""What ``Metrics.text`` is."""

States = Callable[[], Mapping[str, str]]
"""Tells what each connection of this process does, by its name."""


@dataclass(frozen=True, slots=True)
class _Counted:
    """What is counted: the metric's name, what it means, its labels."""

    name: str
    help: str
    labels: Sequence[str] = ()


_COUNTED: Final[Mapping[str, _Counted]] = {
    "job": _Counted(
        "counterfoil_jobs",
        "Export jobs that were run, by how they ended.",
        ("connection", "outcome"),
    ),
    "item": _Counted(
        "counterfoil_items",
        "Items whose outcome Pleo took, by outcome and failure type.",
        ("connection", "outcome", "failure_type"),
    ),
    "drain": _Counted(
        "counterfoil_drains",
        "Looks at a connection, by how they ended: done, broken, waiting, busy.",
        ("connection", "outcome"),
    ),
    "retry": _Counted(
        "counterfoil_retries",
        "Requests that were made again, by side: pleo, books, receipts.",
        ("side",),
    ),
    "held off": _Counted(
        "counterfoil_held_off",
        "How often a host asked us to wait.",
        ("host",),
    ),
    "webhook": _Counted(
        "counterfoil_webhooks",
        "Webhooks that came, by what became of them.",
        ("outcome",),
    ),
    "poll repaired": _Counted(
        "counterfoil_polls_repaired",
        "Jobs that a poll found, of which no webhook had told.",
        ("connection",),
    ),
    "notice": _Counted(
        "counterfoil_notices",
        "Notices to people, by outcome: sent, failed, given_up.",
        ("outcome",),
    ),
}
_REQUESTS: Final = _Counted(
    "counterfoil_requests",
    "Requests (to books that are files: programs run and files written), by side and outcome.",
    ("side", "operation", "outcome"),
)
_LAGS: Final[Mapping[str, _Counted]] = {
    "webhook lag": _Counted(
        "counterfoil_webhook_lag_seconds",
        "From Pleo's sending of a webhook to the note of it.",
    ),
    "wakeup lag": _Counted(
        "counterfoil_wakeup_lag_seconds",
        "From a call for a company (a webhook, a person) to the listing of its jobs.",
    ),
    "job wait": _Counted(
        "counterfoil_job_wait_seconds",
        "From a job's creation in Pleo to our claim.",
    ),
}
_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)

_OURS: Final = frozenset(
    {"authorise", "bridge", "conformance", "demo", "init", "lock", "notify", "plans", "queue"}
    | {"register", "secrets", "serve", "traces", "webhooks"}
)
"""Beginnings of effects that are requests to nobody."""


class Metrics:
    """The metrics of one process, in a registry of their own; ``hear`` is for ``telemetry``."""

    def __init__(self, register: Register, states: States = dict) -> None:
        """Take what is read at a scrape: the register, and what this process's connections do."""
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._counters = {what: self._counter(made) for what, made in _COUNTED.items()}
        self._requests = self._counter(_REQUESTS)
        self._lags = {
            what: Histogram(made.name, made.help, registry=self._registry, buckets=_BUCKETS)
            for what, made in _LAGS.items()
        }
        self._registry.register(_Moment(register, states))

    def _counter(self, made: _Counted) -> Counter:
        return Counter(made.name, made.help, made.labels, registry=self._registry)

    def hear(self, what: str, value: float, labels: Mapping[str, str]) -> None:
        """Count what happened."""
        if what == "effect":
            self._hear_effect(labels["name"], labels["outcome"])
        elif (lag := self._lags.get(what)) is not None:
            lag.observe(max(0.0, value))
        elif (counter := self._counters.get(what)) is not None:
            (counter.labels(**labels) if labels else counter).inc(value)

    def _hear_effect(self, name: str, outcome: str) -> None:
        if (side := _side(name)) is not None:
            self._requests.labels(side=side, operation=name, outcome=outcome).inc()

    def text(self) -> bytes:
        """Return all of them in Prometheus's text format; reads the register."""
        return generate_latest(self._registry)


def _side(effect: str) -> str | None:
    """Return whom an effect asks: Pleo, a receipt's host, or else, by its adapter, the books."""
    area, _, what = effect.partition(".")
    if area == "pleo":
        return "pleo"
    if area == "receipts":
        return "receipts" if what == "download" else None
    return None if area in _OURS or what == "scratch" else "books"


class _Moment(Collector):
    """What is so when somebody asks."""

    def __init__(self, register: Register, states: States) -> None:
        self._register = register
        self._states = states

    def describe(self) -> Iterator[Metric]:
        """Tell nothing beforehand: that would read the register."""
        yield from ()

    def collect(self) -> Iterator[Metric]:
        """Read the register and give the gauges; while it is away, only that it is."""
        up = _gauge("register_up", "Whether the register answers.")
        try:
            states, snapshot = self._states(), self._register.figures.now()
        except CounterfoilError:
            yield up.add({(): 0})
            return
        yield up.add({(): 1})
        yield _gauge("connections_state", "What each connection does.", "connection", "state").add(
            dict.fromkeys(states.items(), 1)
        )
        yield from _gauges(snapshot, datetime.now(UTC))


class _Gauge(GaugeMetricFamily):
    """A gauge's values at one moment."""

    def add(self, values: Mapping[tuple[str, ...], float]) -> _Gauge:
        """Take values by the values of their labels."""
        for labels, value in values.items():
            self.add_metric(labels, value)
        return self


def _gauge(name: str, meaning: str, *labels: str) -> _Gauge:
    return _Gauge(f"counterfoil_{name}", meaning, labels=labels)


def _gauges(snapshot: Snapshot, now: datetime) -> Iterator[Metric]:
    waiting = {(each.connection,): each for each in snapshot.backlogs}
    yield _gauge("pending_jobs", "Jobs that wait at Pleo, as last listed.", "connection").add(
        {name: each.waiting for name, each in waiting.items()}
    )
    yield _gauge(
        "oldest_pending_job_age_seconds", "Since the oldest pending job was created.", "connection"
    ).add(
        {
            name: (now - each.oldest_at).total_seconds()
            for name, each in waiting.items()
            if each.oldest_at
        }
    )
    yield _gauge(
        "time_to_expiry_seconds", "Until the first of the pending jobs expires.", "connection"
    ).add(
        {
            name: (each.expires_at - now).total_seconds()
            for name, each in waiting.items()
            if each.expires_at
        }
    )
    yield _by_connection("running_jobs", "Jobs claimed and not ended.", snapshot.running)
    yield _by_connection(
        "uncertain_items",
        "Items of which nobody knows whether they are booked.",
        snapshot.uncertain,
    )
    yield _by_connection(
        "books_away_seconds",
        "Since when the accounting system is away.",
        {name: (now - since).total_seconds() for name, since in snapshot.away.items()},
    )
    yield _gauge("queue_depth", "Companies called for that nobody has looked at yet.").add(
        {(): snapshot.called}
    )
    since = snapshot.called_since
    yield _gauge("queue_age_seconds", "Since when the first of them waits.").add(
        {(): (now - since).total_seconds() if since else 0}
    )
    yield _gauge("notices_waiting", "Notices that are not sent yet.").add({(): snapshot.untold})


def _by_connection(name: str, meaning: str, values: Mapping[str, float]) -> Metric:
    return _gauge(name, meaning, "connection").add({(each,): n for each, n in values.items()})
