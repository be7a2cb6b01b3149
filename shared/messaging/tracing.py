"""Carries the trace and the correlation id of a record into the work that it causes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog
from opentelemetry import propagate, trace
from opentelemetry.context import Context

from shared.messaging.codec import RawRecord
from shared.messaging.envelope import Envelope
from shared.observability.context import set_correlation_id

_TRACER = trace.get_tracer("shared.messaging")
_MOST_LINKS = 32


@contextmanager
def handling(envelope: Envelope, group: str) -> Iterator[None]:
    """A span that continues the record's trace; logs within carry its correlation id."""
    attributes: dict[str, str | int] = {
        "messaging.system": "kafka",
        "messaging.operation.type": "process",
        "messaging.destination.name": envelope.topic,
        "messaging.consumer.group.name": group,
        "messaging.message.id": envelope.id,
        "messaging.kafka.offset": envelope.offset,
    }
    with (
        structlog.contextvars.bound_contextvars(
            correlation_id=envelope.correlation_id, event_id=envelope.id, group=group
        ),
        _TRACER.start_as_current_span(
            f"process {envelope.topic}",
            context=_extract(envelope.traceparent),
            kind=trace.SpanKind.CONSUMER,
            attributes=attributes,
        ),
    ):
        set_correlation_id(envelope.correlation_id)
        try:
            yield
        finally:
            set_correlation_id("")


def traceparents(records: Sequence[RawRecord]) -> list[str]:
    """The traces that records carry, or the first of them where there are more than a span may link to."""
    found: list[str] = []
    for record in records[: _MOST_LINKS + 1]:
        headers = dict(record.headers)
        found.append((headers.get("traceparent") or b"").decode("latin-1"))
    return found


@contextmanager
def handling_batch(traceparents: Sequence[str], count: int, topic: str, group: str) -> Iterator[None]:
    """A span for a whole batch: it continues the trace if there is but one, and links to them if more."""
    traces = list(dict.fromkeys(traceparents))
    parent = _extract(traces[0]) if len(traces) == 1 else Context()
    links = [
        trace.Link(trace.get_current_span(_extract(traceparent)).get_span_context())
        for traceparent in traces[:_MOST_LINKS]
        if traceparent and len(traces) > 1
    ]
    attributes: dict[str, str | int] = {
        "messaging.system": "kafka",
        "messaging.operation.type": "process",
        "messaging.destination.name": topic,
        "messaging.consumer.group.name": group,
        "messaging.batch.message_count": count,
    }
    with (
        structlog.contextvars.bound_contextvars(group=group),
        _TRACER.start_as_current_span(
            f"process {topic}",
            context=parent,
            kind=trace.SpanKind.CONSUMER,
            attributes=attributes,
            links=links,
        ),
    ):
        yield


def _extract(traceparent: str) -> Context:
    return propagate.extract({"traceparent": traceparent} if traceparent else {}, context=Context())
