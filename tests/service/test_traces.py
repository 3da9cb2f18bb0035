"""W3C Trace Context in and out, and spans for an OpenTelemetry collector."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from goodcall.web.app import create_app
from goodcall.web.settings import Settings
from goodcall.web.telemetry import OpenTelemetrySpans
from goodcall.web.traces import continue_trace

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "00f067aa0ba902b7"
ITEM = {"ground_truth": [], "completions": ["<think>t</think>No.", "No."]}


@pytest.mark.parametrize(
    ("header", "is_sampled"),
    [
        (f"00-{TRACE}-{PARENT}-01", True),
        (f"00-{TRACE}-{PARENT}-00", False),
        (f"00-{TRACE}-{PARENT}-ff", True),
        (f"cc-{TRACE}-{PARENT}-02", False),
        (f"cc-{TRACE}-{PARENT}-01-what-is-to-come", True),
    ],
)
def test_a_trace_goes_on_under_a_span_of_its_own(header, is_sampled):
    trace = continue_trace(header.encode(), keeps_own=True)
    assert (trace.trace_id, trace.parent_id, trace.is_sampled) == (TRACE, PARENT, is_sampled)
    assert trace.traceparent == f"00-{TRACE}-{trace.span_id}-0{is_sampled:d}".encode()
    assert trace.span_id != PARENT


@pytest.mark.parametrize(
    "header",
    [
        "",
        "canary",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01-more",
        f"cc-{TRACE}-{PARENT}-01.more",
        f"00-{TRACE}-{PARENT}-1",
        f"00-{TRACE}-{PARENT}-01\n",
    ],
)
@pytest.mark.parametrize("keeps_own", [True, False])
def test_what_is_no_traceparent_begins_a_trace(header, keeps_own):
    trace = continue_trace(header.encode(), keeps_own=keeps_own)
    assert (trace.parent_id, trace.is_sampled) == ("", keeps_own)
    assert trace.trace_id != TRACE
    assert continue_trace(trace.traceparent).trace_id == trace.trace_id


@given(st.binary(max_size=80))
def test_any_bytes_give_a_trace_that_others_can_go_on_with(header):
    trace = continue_trace(header)
    assert continue_trace(trace.traceparent).parent_id == trace.span_id


@pytest.fixture
def exporter():
    return InMemorySpanExporter()


@pytest.fixture
async def traced(exporter):
    """A client of an app whose spans are kept."""
    app = create_app(Settings(), spans=OpenTelemetrySpans(SimpleSpanProcessor(exporter)))

    @app.get("/fails")
    async def fails():
        raise ValueError("canary")

    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://service") as http,
    ):
        yield http


async def test_a_request_is_a_server_span_of_its_callers_trace(traced, exporter):
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "congo=t61rcWkgMzE"}
    response = await traced.post("/score", json={"items": [ITEM]}, headers=headers)
    [span] = exporter.get_finished_spans()
    assert (span.name, span.kind, span.status.status_code) == ("POST /score", SpanKind.SERVER, StatusCode.UNSET)
    assert (f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, PARENT)
    assert response.headers["traceparent"] == f"00-{TRACE}-{span.context.span_id:016x}-01"
    assert span.context.trace_state.to_header() == "congo=t61rcWkgMzE"
    assert span.resource.attributes["service.name"] == "goodcall"
    assert dict(span.attributes) == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "http.route": "/score",
        "url.scheme": "http",
        "http.request.body.size": len(response.request.content),
        "goodcall.request_id": response.headers["x-request-id"],
        "goodcall.reward": "tool_n1/hardened@1",
        "goodcall.items": 1,
        "goodcall.completions": 2,
        "goodcall.nulls": 0,
    }


async def test_a_caller_that_keeps_no_trace_gets_no_span(traced, exporter):
    await traced.get("/version", headers={"traceparent": f"00-{TRACE}-{PARENT}-00"})
    assert exporter.get_finished_spans() == ()


async def test_a_request_without_a_trace_begins_one(traced, exporter):
    response = await traced.get("/version")
    [span] = exporter.get_finished_spans()
    assert span.parent is None
    assert response.headers["traceparent"] == f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-01"


async def test_a_failure_is_an_error_without_its_words(traced, exporter):
    await traced.get("/fails", headers={"tracestate": "canary," * 33})
    [span] = exporter.get_finished_spans()
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
    assert span.attributes["error.type"] == span.attributes["goodcall.problem"] == "internal"
    assert span.events == ()
    assert "canary" not in span.to_json()


async def test_made_up_paths_and_methods_are_in_no_span(traced, exporter):
    await traced.request("CANARY", "/canary")
    [span] = exporter.get_finished_spans()
    assert span.name == "_OTHER"
    assert "canary" not in span.to_json().lower()
