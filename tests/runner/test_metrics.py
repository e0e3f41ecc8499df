"""What is measured: counted as it happens, read from the register, and listed in the docs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from counterfoil.bookkeeping.entries import Part, Reference
from counterfoil.effects import effect
from counterfoil.register import Away, Backlog, JobRecord, JobState, PartRecord, PartState, Register
from counterfoil.register.connections import Binding
from counterfoil.runner.metrics import Metrics
from counterfoil.sandbox.faults import Kind
from counterfoil.telemetry import hearing, note
from counterfoil.testing.world import World
from counterfoil.web.metering import metrics_routes

NOW = datetime.now(UTC)


def measured(metrics: Metrics) -> Mapping[str, float]:
    """Give each sample under its name and labels, as Prometheus reads it."""
    families = text_string_to_metric_families(metrics.text().decode())
    return {
        " ".join(
            [sample.name, *(f"{key}={value}" for key, value in sorted(sample.labels.items()))]
        ): sample.value
        for family in families
        for sample in family.samples
    }


async def test_an_export_is_counted_where_it_happens(register: Register) -> None:
    async with World() as world:
        world.company.add_items(3, account="6100")
        world.company.add_item(account="9999")
        world.fault(Kind.UNAVAILABLE, "list_job_items", times=1)
        world.queue()
        metrics = Metrics(register)
        with hearing(metrics.hear):
            await world.drain()
    seen = measured(metrics)
    items = "counterfoil_items_total connection=acme failure_type="
    assert seen[f"{items} outcome=successful"] == 3
    assert seen[f"{items}account_unknown outcome=failed"] == 1
    assert seen["counterfoil_jobs_total connection=acme outcome=completed_with_errors"] == 1
    requests = "counterfoil_requests_total operation="
    assert seen[f"{requests}pleo.send_event outcome=done side=pleo"] == 2
    assert seen[f"{requests}memory.record outcome=done side=books"] > 0
    assert seen["counterfoil_retries_total side=pleo"] == 1
    assert seen["counterfoil_job_wait_seconds_count"] == 1
    assert not [name for name in seen if "register." in name or "lock." in name]


def part(entry_id: str, job_id: str, state: PartState) -> PartRecord:
    return PartRecord(
        target="books",
        reference=Reference(entry_id, Part.ENTRY, 1),
        state=state,
        job_id=job_id,
        fence=1,
        fingerprint="",
        entry="",
        intent_at=NOW,
    )


def job(job_id: str, state: JobState) -> JobRecord:
    return JobRecord(
        job_id=job_id,
        connection="acme",
        company_id="company",
        target="books",
        state=state,
        created_at=NOW,
        first_sent_at=NOW,
    )


@pytest.fixture
def filled(register: Register) -> Register:
    """Give a register in which something waits, runs, is uncertain and is away."""
    binding = Binding(name="acme", company_id="company", environment="test", target="books")
    register.connections.bind(binding, now=NOW)
    register.connections.raise_fence("company")
    for record in (job("running", JobState.RUNNING), job("ended", JobState.CLOSED)):
        register.jobs.take_over(record)
    parts = [part("a", "ended", PartState.UNKNOWN), part("b", "running", PartState.INTENDED)]
    register.parts.intend([*parts, part("c", "ended", PartState.BOOKED)], company_id="company")
    now = datetime.now(UTC)
    backlog = Backlog(
        connection="acme",
        waiting=2,
        oldest_at=now - timedelta(hours=1),
        expires_at=now + timedelta(hours=1),
    )
    register.backlogs.note(backlog)
    register.backlogs.note(replace(backlog, waiting=3))
    register.books_away.note(Away(target="books", since=now - timedelta(hours=1), why="down"))
    register.wakeups.look("company", now=now - timedelta(hours=1))
    return register


def test_what_is_so_now_is_read_from_the_register(filled: Register) -> None:
    register = filled
    seen = measured(Metrics(register, lambda: {"acme": "idle"}))
    assert seen["counterfoil_register_up"] == 1
    assert seen["counterfoil_connections_state connection=acme state=idle"] == 1
    assert seen["counterfoil_pending_jobs connection=acme"] == 3
    assert seen["counterfoil_running_jobs connection=acme"] == 1
    assert seen["counterfoil_uncertain_items connection=acme"] == 1
    assert seen["counterfoil_queue_depth"] == 1
    hour = pytest.approx(3600, abs=120)
    assert seen["counterfoil_oldest_pending_job_age_seconds connection=acme"] == hour
    assert seen["counterfoil_time_to_expiry_seconds connection=acme"] == hour
    assert seen["counterfoil_books_away_seconds connection=acme"] == hour
    assert seen["counterfoil_queue_age_seconds"] == hour
    register.books_away.back("books")
    register.backlogs.note(Backlog(connection="acme"))
    seen = measured(Metrics(register))
    assert "counterfoil_books_away_seconds connection=acme" not in seen
    assert "counterfoil_time_to_expiry_seconds connection=acme" not in seen
    assert seen["counterfoil_pending_jobs connection=acme"] == 0


def test_a_register_that_is_away_is_told_and_the_counts_go_on(register: Register) -> None:
    metrics = Metrics(register)
    with hearing(metrics.hear):
        note("webhook", outcome="taken")
        note("webhook lag", 0.2)
        note("what nobody counts")
    with register.database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE backlogs")
    seen = measured(metrics)
    assert seen["counterfoil_register_up"] == 0
    assert seen["counterfoil_webhooks_total outcome=taken"] == 1
    assert seen["counterfoil_webhook_lag_seconds_count"] == 1
    assert "counterfoil_queue_depth" not in seen


def test_each_metric_is_in_the_docs_and_the_docs_have_no_other(
    root: Path, filled: Register
) -> None:
    families = text_string_to_metric_families(Metrics(filled).text().decode())
    made = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in families
        if family.name.startswith("counterfoil_") and not family.name.endswith("_created")
    }
    listed = re.findall(r"^\| `(\w+)` \|", (root / "docs/metrics.md").read_text(), re.MULTILINE)
    assert sorted(made) == sorted(listed)


def test_only_what_asks_pleo_books_and_hosts_of_receipts_counts_as_a_request(
    root: Path, register: Register
) -> None:
    metrics = Metrics(register)
    effects = re.findall(
        r"^\| `(\w+\.\w+)` \|", (root / "docs/effects.md").read_text(), re.MULTILINE
    )
    with hearing(metrics.hear):
        for name in effects:
            with effect(name):
                pass
    counted = re.findall(r'operation="(\w+)\.', metrics.text().decode())
    assert {*counted} == {"pleo", "receipts", "beancount", "tryton"}


@pytest.mark.parametrize(
    ("access", "plain", "with_token"), [("open", 200, 200), ("token", 401, 200), ("off", 404, 404)]
)
async def test_who_may_read_them_is_configured(
    register: Register, access: str, plain: int, with_token: int
) -> None:
    routes = metrics_routes(Metrics(register), "sesame", access)
    transport = httpx.ASGITransport(Starlette(routes=routes))
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        assert (await client.get("/metrics")).status_code == plain
        told = await client.get("/metrics", headers={"Authorization": "Bearer sesame"})
        assert told.status_code == with_token
        assert access == "off" or told.text.startswith("# HELP")
