"""What a request or a record being handled carries along: its correlation id and its trace."""

from contextvars import ContextVar

from opentelemetry import propagate

_correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")


def current_correlation_id() -> str:
    """The correlation id of the request or record in hand; empty outside of one."""
    return _correlation_id.get()


def set_correlation_id(correlation_id: str) -> None:
    """Let everything that follows in this task carry ``correlation_id``."""
    _correlation_id.set(correlation_id)


def current_traceparent() -> str:
    """The W3C ``traceparent`` of the current span; empty where nothing is traced."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get("traceparent", "")
