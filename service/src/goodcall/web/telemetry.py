"""Spans for an OpenTelemetry collector; imported only where one is set, as ``goodcall[otel]`` may not be installed.

A request has one span, made when it is over: nothing in between has to know of it. Attributes follow the semantic
conventions of HTTP, except that the raw path and the caller's address are left out.
"""

import time

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)
from opentelemetry.util.types import AttributeValue

import goodcall
from goodcall.web.logs import method_name
from goodcall.web.request_record import OTHER, RequestRecord
from goodcall.web.traces import Trace

_EXPORT_TIMEOUT_S = 5
_TRACESTATE_ENTRIES, _TRACESTATE_BYTES = 32, 512


def batched_export(endpoint: str) -> SpanProcessor:
    """Sends spans, some at a time and in a thread, to the collector at a base URL."""
    url = f"{endpoint.rstrip('/')}/v1/traces"
    return BatchSpanProcessor(OTLPSpanExporter(url, timeout=_EXPORT_TIMEOUT_S))


class OpenTelemetrySpans:
    """A server span for each request that is part of a sampled trace.

    Args:
        processor: takes the spans.
    """

    are_kept = True

    def __init__(self, processor: SpanProcessor) -> None:
        self._ids = _GivenIds()
        resource = Resource.create({"service.name": "goodcall", "service.version": goodcall.__version__})
        # What is not sampled does not get here, and the end is the app's, not the interpreter's.
        self._provider = TracerProvider(
            sampler=ALWAYS_ON, resource=resource, id_generator=self._ids, shutdown_on_exit=False
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("goodcall", goodcall.__version__)

    def add(self, record: RequestRecord, method: str, route: str, tracestate: bytes, seconds: float) -> None:
        """Takes the span of a request that has just been answered and took so many seconds."""
        trace, status = record.trace, record.status or 500
        if not trace.is_sampled:
            return
        ended_ns = time.time_ns()
        self._ids.trace_id, self._ids.span_id = int(trace.trace_id, 16), int(trace.span_id, 16)
        name = method_name(method)
        span = self._tracer.start_span(
            name if route == OTHER else f"{name} {route}",
            context=_context(trace, tracestate),
            kind=SpanKind.SERVER,
            attributes=_attributes(record, name, route, status),
            start_time=ended_ns - int(seconds * 1e9),
        )
        if status >= 500:
            span.set_status(StatusCode.ERROR)
        span.end(ended_ns)

    def close(self) -> None:
        """Sends what is left; takes some seconds at most."""
        self._provider.shutdown()


class _GivenIds(IdGenerator):
    """Gives out the ids that the request has already."""

    trace_id = 0
    span_id = 0

    def generate_trace_id(self) -> int:
        return self.trace_id

    def generate_span_id(self) -> int:
        return self.span_id


def _context(trace: Trace, tracestate: bytes) -> Context:
    if not trace.parent_id:
        return Context()
    caller = SpanContext(
        int(trace.trace_id, 16),
        int(trace.parent_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
        trace_state=_read_tracestate(tracestate),
    )
    return set_span_in_context(NonRecordingSpan(caller), Context())


def _read_tracestate(tracestate: bytes) -> TraceState:
    text = tracestate.decode("latin-1")
    if len(text) > _TRACESTATE_BYTES or text.count(",") >= _TRACESTATE_ENTRIES:
        return TraceState()
    return TraceState.from_header([text])


def _attributes(record: RequestRecord, method: str, route: str, status: int) -> dict[str, AttributeValue]:
    found: dict[str, AttributeValue] = {
        "http.request.method": method,
        "http.response.status_code": status,
        "url.scheme": "http",
        "goodcall.request_id": record.request_id,
    }
    if route != OTHER:
        found["http.route"] = route
    if record.problem:
        found["goodcall.problem"] = record.problem
    if status >= 500:
        found["error.type"] = record.problem or str(status)
    if record.reward:
        found |= {
            "http.request.body.size": record.body_bytes,
            "goodcall.reward": record.reward,
            "goodcall.items": record.items,
            "goodcall.completions": record.completions,
            "goodcall.nulls": record.nulls,
        }
    return found
