"""One trace from the HTTP request through Kafka to the last consumer.

The request's span is the parent of the events it causes: the codec writes its ``traceparent`` into
the record, and a consumer goes on from there (``shared.messaging.tracing``).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import propagate, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind

from shared.observability.context import current_service

_SCOPE = "showcase"


def configure_tracing(*, name: str, endpoint: str = "") -> None:
    """Install the process's tracer provider, once; a second call changes nothing.

    Args:
        name: of the process, e.g. ``showcase-intake-api``.
        endpoint: OTLP over HTTP, e.g. ``http://collector:4318``; empty = spans are made, so that
            events carry a trace, and not exported.
    """
    if isinstance(trace.get_tracer_provider(), TracerProvider):
        return
    provider = TracerProvider(
        resource=Resource.create({"service.name": name, "service.namespace": "showcase"})
    )
    if endpoint:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        exporter = OTLPSpanExporter(endpoint=endpoint.rstrip("/") + "/v1/traces")
        provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


def flush_traces() -> None:
    """Export what is left; called last, on shutdown."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.force_flush(2_000)


@contextmanager
def span_of_request(method: str, headers: dict[str, str]) -> Iterator[Span]:
    """The span of one HTTP request, continuing the caller's trace if ``headers`` carry one."""
    tracer = trace.get_tracer(_SCOPE)
    with tracer.start_as_current_span(
        method,
        context=propagate.extract(headers),
        kind=SpanKind.SERVER,
        attributes={"http.request.method": method, "showcase.service": current_service()},
    ) as span:
        yield span
