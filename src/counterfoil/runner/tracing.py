"""Traces for OpenTelemetry: a span for each job, for each step of it, and for each effect.

They are made only where the standard variables name a collector, and by the extra ``otlp``; else
nothing is loaded. A span has names and ids, and of an exception only its type. Source:
OpenTelemetry's specification, "Environment Variable Specification" and "OTLP Exporter".
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from counterfoil import __version__
from counterfoil.effects import effect
from counterfoil.errors import ConfigurationError
from counterfoil.telemetry import tracing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
    from opentelemetry.trace import TracerProvider as AnyProvider

__all__ = ["sending_traces", "traced_by"]

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


@contextmanager
def sending_traces(environ: Mapping[str, str]) -> Iterator[None]:
    """Send the block's traces where the environment says; raises ConfigurationError if we cannot.

    All else (headers, time limits, sampling, the service's name) is read by OpenTelemetry itself.
    """
    endpoint = _endpoint(environ)
    if endpoint is None:
        yield
        return
    provider = _provider(endpoint, environ)
    try:
        with traced_by(provider):
            yield
    finally:
        provider.shutdown()


def _endpoint(environ: Mapping[str, str]) -> str | None:
    off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if off or environ.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp":
        return None
    return next((environ[name] for name in ENDPOINTS if environ.get(name)), None)


def _provider(endpoint: str, environ: Mapping[str, str]) -> TracerProvider:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 -- an extra
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 -- an extra
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 -- an extra
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 -- an extra
    except ImportError as error:
        raise ConfigurationError(
            f"The environment names {endpoint} for traces, but what sends them is not installed: "
            'pip install "counterfoil[otlp]", or unset OTEL_EXPORTER_OTLP_ENDPOINT'
        ) from error
    name = environ.get("OTEL_SERVICE_NAME", "counterfoil")
    resource = Resource.create({"service.name": name, "service.version": __version__})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(_gated(OTLPSpanExporter(), endpoint)))
    return provider


def _gated(exporter: SpanExporter, endpoint: str) -> SpanExporter:
    """Let an exporter send through the gate."""
    from opentelemetry.sdk.trace.export import SpanExporter  # noqa: PLC0415 -- an extra

    class Gated(SpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            with effect("traces.send", endpoint):
                return exporter.export(spans)

        def shutdown(self) -> None:
            exporter.shutdown()

    return Gated()


@contextmanager
def traced_by(provider: AnyProvider) -> Iterator[None]:
    """Let a provider make the spans of the block, and of the tasks and threads it starts."""
    from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415 -- slow to load

    tracer = provider.get_tracer("counterfoil", __version__)

    @contextmanager
    def trace(name: str, attributes: Mapping[str, str]) -> Iterator[None]:
        named = {f"counterfoil.{key}": value for key, value in attributes.items()}
        with tracer.start_as_current_span(
            name, attributes=named, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except BaseException as error:
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise

    with tracing(trace):
        yield
