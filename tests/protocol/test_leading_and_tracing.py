"""Timers run in one process; a trace and a correlation id run through all of them."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import structlog
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.db import Database
from shared.messaging import Envelope, Subscription, Timer, publish
from shared.messaging.codec import Good, RawRecord, decode_record
from shared.messaging.leader import TimerLeader
from shared.messaging.relay import Relay
from shared.messaging.subscription import RecordSubscription, Unusable
from shared.observability.context import current_correlation_id, set_correlation_id
from tests.protocol.protocol_kit import Kit, ThingHappened, until


async def test_timers_run_in_one_process_and_move_when_it_dies(kit_database: Database) -> None:
    runs: list[str] = []

    def leader(name: str) -> TimerLeader:
        async def run(database: Database) -> None:
            runs.append(name)
            if len(runs) % 3 == 0:
                raise RuntimeError("a timer that fails runs again")

        return TimerLeader(kit_database, [Timer("tick", timedelta(milliseconds=50), run)])

    async with leader("first") as first:
        await until(lambda: len(runs) > 5)
        async with leader("second") as second:
            await asyncio.sleep(0.3)
            assert set(runs) == {"first"}
            await first.stop()
            runs.clear()
            await until(lambda: len(runs) > 5)
            assert set(runs) == {"second"}
            assert second.healthy()
        assert not second.leading


async def test_timers_of_a_leader_without_its_session_stop(kit: Kit) -> None:
    running = asyncio.Event()
    cancelled = asyncio.Event()
    ended: list[bool] = []

    async def run(database: Database) -> None:
        running.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    timer = Timer("long", timedelta(seconds=1), run, on_end=lambda: ended.append(cancelled.is_set()))
    async with TimerLeader(kit.database, [timer]):
        await running.wait()
        await kit.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND application_name = 'showcase timers'"
        )
        await until(lambda: ended == [True])


async def test_one_trace_and_one_correlation_from_the_request_to_the_last_consumer(kit: Kit) -> None:
    exporter = InMemorySpanExporter()
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    first, second = await kit.new_topic(), await kit.new_topic()
    heard: list[tuple[str, str, str]] = []

    async def pass_on(session: AsyncSession, event: ThingHappened, envelope: Envelope) -> None:
        logged = structlog.contextvars.get_contextvars()["correlation_id"]
        heard.append((current_correlation_id(), logged, envelope.id))
        await publish(session, second.make(event.number), cause=envelope)

    async def last(session: AsyncSession, records: Sequence[RawRecord]) -> Sequence[Unusable]:
        for record in records:
            found = decode_record(record, {second.event.event_type(): second.event})
            assert isinstance(found, Good)
            heard.append((found.envelope.correlation_id, "", found.envelope.causation_id))
        return ()

    async with (
        Relay(kit.settings, kit.database, "test"),
        kit.consuming(
            Subscription(kit.group, first.name, {first.event: pass_on}),
            RecordSubscription(kit.group, second.name, (second.event,), last),
        ),
    ):
        with provider.get_tracer("test").start_as_current_span("POST /entries") as request:
            set_correlation_id("request-42")
            async with kit.database.transaction() as session:
                event_id = await publish(session, first.make(1))
            set_correlation_id("")
        await until(lambda: len(heard) == 2)
    assert heard == [("request-42", "request-42", event_id), ("request-42", "", event_id)]
    assert current_correlation_id() == ""

    spans: dict[str, ReadableSpan] = {span.name: span for span in exporter.get_finished_spans()}
    chain = [spans["POST /entries"], spans[f"process {first.name}"], spans[f"process {second.name}"]]
    trace_id = request.get_span_context().trace_id
    assert {span.context.trace_id for span in chain if span.context} == {trace_id}
    assert [span.parent.span_id if span.parent else None for span in chain] == [
        None,
        *(span.context.span_id for span in chain[:2] if span.context),
    ]
