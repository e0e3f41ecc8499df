"""Traces: a job, its steps and its requests, sent to a collector where one is named."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from counterfoil.effects import effect
from counterfoil.errors import ConfigurationError
from counterfoil.runner.tracing import sending_traces, traced_by
from counterfoil.sandbox import Receipt
from counterfoil.telemetry import span
from counterfoil.testing.world import World


def ways(spans: tuple[ReadableSpan, ...]) -> set[str]:
    """Give each span's name after those it is within."""
    by_id = {each.context.span_id: each for each in spans if each.context}

    def way(each: ReadableSpan) -> str:
        above = by_id.get(each.parent.span_id) if each.parent else None
        return f"{way(above)} > {each.name}" if above else each.name

    return {way(each) for each in spans}


async def test_an_export_is_a_trace_of_a_job_its_steps_and_its_requests() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    async with World() as world:
        world.company.add_item(account="6100", receipts=[Receipt(b"%PDF-1.4 a", "application/pdf")])
        job = world.queue()
        with traced_by(provider):
            await world.drain()
    spans = exporter.get_finished_spans()
    found = ways(spans)
    assert found >= {
        "detect > pleo.list_jobs",
        "job > claim > pleo.send_event",
        "job > validate",
        "job > job_items > pleo.list_job_items",
        "job > export_items > pleo.list_export_items",
        "job > export_items > receipts.download",
        "job > record > memory.record",
        "job > report > pleo.put_items",
        "job > settle",
        "job > close > pleo.send_event",
    }
    (whole,) = [each for each in spans if each.name == "job"]
    assert whole.attributes == {"counterfoil.job": job, "counterfoil.connection": "acme"}


def test_what_fails_is_told_by_its_type_and_never_by_its_words() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with traced_by(provider), pytest.raises(ValueError, match="secret"), effect("test.fails", "it"):
        raise ValueError("a secret of 12.50 EUR")
    (failed,) = exporter.get_finished_spans()
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.status.description == "ValueError"
    assert failed.events == ()


@contextmanager
def collector() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """Receive traces over HTTP as a collector does."""
    received: list[ExportTraceServiceRequest] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            del args

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", received
        finally:
            server.shutdown()
            thread.join()


def test_they_are_sent_where_the_standard_variables_say(monkeypatch: pytest.MonkeyPatch) -> None:
    with collector() as (address, received):
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_SERVICE_NAME": "books"}
        for name, value in (environ | {"OTEL_EXPORTER_OTLP_COMPRESSION": "none"}).items():
            monkeypatch.setenv(name, value)
        with sending_traces(environ), span("job", job="j-1"):
            pass
    sent = [each for request in received for each in request.resource_spans]
    (resource,) = sent
    told = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert told["service.name"] == "books"
    assert [each.name for each in resource.scope_spans[0].spans] == ["job"]


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
    ],
)
def test_without_a_collector_nothing_is_made(environ: dict[str, str]) -> None:
    with sending_traces(environ), span("job") as made:
        assert made is None


def test_a_collector_without_what_sends_is_a_mistake_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    with pytest.raises(ConfigurationError, match="otlp"), sending_traces(environ):
        pass
