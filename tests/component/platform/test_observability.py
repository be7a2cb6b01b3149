"""Logs, metrics and traces tell the same story about one request."""

import io
import json
import logging
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import structlog
from fastapi import APIRouter, FastAPI
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY

from shared.observability.context import (
    current_correlation_id,
    current_traceparent,
    is_correlation_id,
    set_contest_id,
)
from shared.observability.logs import configure_logging
from shared.observability.middleware import HEADER, Observed
from shared.observability.tracing import configure_tracing

REQUESTS = "showcase_http_requests_total"


@pytest.fixture
def spans() -> InMemorySpanExporter:
    configure_tracing(name="test")
    exporter = InMemorySpanExporter()
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})

    @app.get("/things/{thing}")
    async def thing(thing: str) -> dict[str, str]:
        return {"correlation": current_correlation_id(), "traceparent": current_traceparent()}

    @app.get("/fails")
    async def fails() -> None:
        raise RuntimeError("on purpose")

    inner = APIRouter(prefix="/contests/{contest}")

    @inner.get("/entries/{entry}")
    async def entry(contest: str, entry: int) -> None: ...

    app.include_router(inner, prefix="/api/v1")

    transport = httpx.ASGITransport(Observed(app, service="sample"), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        yield client


async def test_a_given_correlation_id_is_carried_and_returned(client: httpx.AsyncClient) -> None:
    response = await client.get("/things/1", headers={HEADER: "order-2022.08"})
    assert (response.headers[HEADER], response.json()["correlation"]) == ("order-2022.08", "order-2022.08")


@pytest.mark.parametrize("bad", ["short", "x" * 65, "line\\nbreak-12345", "ไทยไทยไทย"])
async def test_an_unsafe_correlation_id_is_replaced(client: httpx.AsyncClient, bad: str) -> None:
    assert not is_correlation_id(bad)
    response = await client.get("/things/1", headers={HEADER: bad.encode()})
    assert response.headers[HEADER] != bad
    assert is_correlation_id(response.headers[HEADER])


async def test_the_span_continues_the_callers_trace(
    client: httpx.AsyncClient, spans: InMemorySpanExporter
) -> None:
    caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    response = await client.get("/things/7", headers={"traceparent": caller})
    (span,) = spans.get_finished_spans()
    assert span.context
    assert (span.name, f"{span.context.trace_id:032x}") == ("GET /things/{thing}", caller.split("-")[1])
    assert response.json()["traceparent"] == f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-01"


async def test_requests_are_counted_by_template_never_by_path(client: httpx.AsyncClient) -> None:
    def count(route: str, status: str) -> float:
        labels = {"service": "sample", "method": "GET", "route": route, "status": status}
        return REGISTRY.get_sample_value(REQUESTS, labels) or 0

    def counts() -> list[float]:
        nested = count("/api/v1/contests/{contest}/entries/{entry}", "200")
        return [count("/things/{thing}", "200"), count("unmatched", "404"), count("/fails", "500"), nested]

    before = counts()
    for path in ("/things/1", "/things/2", "/no/such/path", "/fails", "/api/v1/contests/2022/entries/7"):
        await client.get(path)
    assert [new - old for new, old in zip(counts(), before, strict=True)] == [2, 1, 1, 1]


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    kept = logging.getLogger().handlers[:], logging.getLogger().level
    stream = io.StringIO()
    configure_logging(json=True, level="INFO", stream=stream)
    yield stream
    logging.getLogger().handlers[:], level = kept
    logging.getLogger().setLevel(level)
    structlog.reset_defaults()


async def test_every_logger_writes_the_same_json(lines: io.StringIO, client: httpx.AsyncClient) -> None:
    structlog.get_logger("ours").info("แจ้ง", entry="e1")
    set_contest_id("smart-city-2022")
    logging.getLogger("theirs").warning("told %s", "so", extra={"answer": 42})
    set_contest_id("")
    await client.get("/no/such", headers={HEADER: "order-2022.08"})
    first, second, third = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert (first["event"], first["entry"], first["level"], first["logger"]) == ("แจ้ง", "e1", "info", "ours")
    assert (second["event"], second["answer"], second["contest_id"]) == ("told so", 42, "smart-city-2022")
    assert (third["status"], third["service"], third["correlation_id"]) == (404, "sample", "order-2022.08")
    assert len(third["trace_id"]) == 32
