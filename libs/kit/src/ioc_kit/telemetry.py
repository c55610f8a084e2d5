"""Traces, metrics and logs of a process: OTLP out when an endpoint is configured, JSON lines on stderr always."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog
from opentelemetry import propagate, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Link, SpanKind

_ENDPOINT_VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def configure_logging(level: str, service: str) -> None:
    """JSON lines on stderr, with the trace id of the span they were written in; one line an event."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _add_trace_id,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")


def configure_tracing(service: str) -> TracerProvider | None:
    """Installs a tracer that exports by OTLP/HTTP, or none at all when no endpoint is set (spans then cost nothing)."""
    if not any(os.environ.get(name) for name in _ENDPOINT_VARIABLES):
        return None
    # Imported here: the exporter pulls `requests`, which a process without telemetry need not load.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": service, "service.namespace": "ioc"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=500))
    trace.set_tracer_provider(provider)
    return provider


def current_trace_id() -> str:
    """The running span's trace id as 32 hex digits, or an empty string outside any trace."""
    context = trace.get_current_span().get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else ""


def inject(headers: MutableMapping[str, str]) -> None:
    """Writes `traceparent` of the running span into message headers."""
    propagate.inject(headers)


@contextmanager
def consumer_span(
    tracer: trace.Tracer, name: str, headers: Mapping[str, str], *, others: tuple[Mapping[str, str], ...] = ()
) -> Iterator[trace.Span]:
    """A span that continues the trace in `headers`; a batch links the traces of its `others`."""
    links = [
        Link(span_context)
        for other in others
        if (span_context := trace.get_current_span(propagate.extract(other)).get_span_context()).is_valid
    ]
    parent = propagate.extract(headers)
    with tracer.start_as_current_span(name, context=parent, kind=SpanKind.CONSUMER, links=links) as span:
        yield span


def _add_trace_id(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if trace_id := current_trace_id():
        event["trace_id"] = trace_id
    return event
