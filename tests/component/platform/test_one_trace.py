"""The whole system on real Kafka: one request, one trace, one correlation id, down to the last consumer."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.allinone import running
from shared.contracts.intake import Role
from shared.embedded.kafka_java import KafkaJava
from shared.embedded.running import Running
from shared.observability.tracing import configure_tracing
from shared.settings import Settings
from shared.web.sessions import SessionIssuer

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
CONTEST = Path(__file__).parents[3] / "contests" / "smart-city-2022" / "contest.toml"
CALLER = "4bf92f3577b34da6a3ce929d0e0e4736"
SETTLED_SECONDS = 60.0


@pytest.fixture
def spans() -> InMemorySpanExporter:
    configure_tracing(name="test")
    exporter = InMemorySpanExporter()
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


@pytest.fixture
async def system(own_kafka: KafkaJava) -> AsyncIterator[Running]:
    with tempfile.TemporaryDirectory(prefix="showcase-trace-", ignore_cleanup_errors=True) as folder:
        settings = Settings(var=Path(folder) / "var", bootstrap_servers=own_kafka.bootstrap_servers)
        async with running(settings, port=0, say=lambda _text: None) as system:
            yield system


def groups_in(spans: tuple[ReadableSpan, ...], trace_id: str) -> set[str]:
    """The consumer groups that handled a record in this trace."""
    key = "messaging.consumer.group.name"
    ours = [span for span in spans if span.context and f"{span.context.trace_id:032x}" == trace_id]
    return {str(span.attributes[key]) for span in ours if span.attributes and key in span.attributes}


async def test_one_request_is_one_trace_to_the_last_consumer(
    system: Running, spans: InMemorySpanExporter
) -> None:
    issuer = SessionIssuer.from_settings(system.settings)
    token = issuer.issue(contact_id="an-admin", contest_id="smart-city-2022", roles=(Role.ADMIN,))
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(
        base_url=system.addresses.http, headers=headers, trust_env=False, timeout=SETTLED_SECONDS
    ) as client:
        draft = await client.post("/api/intake/v1/contests", json={"toml": CONTEST.read_text()})
        assert draft.status_code == 201, draft.text
        spans.clear()
        sealed = await client.post(
            f"/api/intake/v1/contests/{draft.json()['contest_id']}/seal",
            json={"rehearsal": True},
            headers={"traceparent": f"00-{CALLER}-00f067aa0ba902b7-01", "X-Correlation-ID": "seal-2022-0001"},
        )
    assert (sealed.status_code, sealed.headers["X-Correlation-ID"]) == (200, "seal-2022-0001")

    expected = {"scoring", "voting", "notify-known"}
    deadline = time.monotonic() + SETTLED_SECONDS
    while not expected <= groups_in(spans.get_finished_spans(), CALLER):
        assert time.monotonic() < deadline, groups_in(spans.get_finished_spans(), CALLER)
        await asyncio.sleep(0.1)
    request = next(span for span in spans.get_finished_spans() if span.kind is trace.SpanKind.SERVER)
    assert request.attributes is not None
    assert request.attributes["http.route"] == "/api/intake/v1/contests/{contest_id}/seal"
