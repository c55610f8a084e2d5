"""A receiver of spans: OTLP over HTTP in protobuf, kept in memory by trace."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True, slots=True)
class Span:
    """What a test looks at. Ids are hex; `parent_id` is empty for a root; `kind` as in OpenTelemetry, e.g. CONSUMER."""

    service: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, str]

    @property
    def over(self) -> str:
        """`grpc`, `sql`, `nats` or `http`: what it crosses. Empty for work inside a process."""
        if self.kind == "CONSUMER":
            return "nats"
        kinds = {"rpc": "grpc", "db": "sql", "http": "http"}
        return next(
            (over for prefix, over in kinds.items() if any(k.startswith(f"{prefix}.") for k in self.attributes)), ""
        )


class Spans:
    """All spans so far, by trace."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_trace: dict[str, list[Span]] = {}

    def add(self, request: ExportTraceServiceRequest) -> None:
        """Takes an export."""
        with self._lock:
            for resource in request.resource_spans:
                names = {each.key: each.value.string_value for each in resource.resource.attributes}
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        attributes = {
                            each.key: str(each.value.string_value or each.value.int_value) for each in span.attributes
                        }
                        taken = Span(
                            names.get("service.name", ""),
                            span.name,
                            span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
                            span.trace_id.hex(),
                            span.span_id.hex(),
                            span.parent_span_id.hex(),
                            attributes,
                        )
                        self._by_trace.setdefault(taken.trace_id, []).append(taken)

    def of(self, trace_id: str) -> list[Span]:
        """The spans of a trace that have come so far."""
        with self._lock:
            return list(self._by_trace.get(trace_id, ()))


@contextmanager
def receive_spans() -> Iterator[tuple[str, Spans]]:
    """Gives the endpoint for OTEL_EXPORTER_OTLP_ENDPOINT and what arrives there."""
    spans = Spans()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            if self.path == "/v1/traces":
                spans.add(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Silent: what arrives is asserted, not read."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", spans
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
