"""What a request or a record being handled carries along: its correlation id, its contest, its trace."""

import re
from contextvars import ContextVar

from opentelemetry import propagate

_correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")
_contest_id: ContextVar[str] = ContextVar("contest_id", default="")
_service: ContextVar[str] = ContextVar("service", default="")
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{8,64}")


def current_correlation_id() -> str:
    """The correlation id of the request or record in hand; empty outside of one."""
    return _correlation_id.get()


def set_correlation_id(correlation_id: str) -> None:
    """Let everything that follows in this task carry ``correlation_id``."""
    _correlation_id.set(correlation_id)


def is_correlation_id(candidate: str) -> bool:
    """Whether a correlation id from outside may be taken over: short, and safe in headers and logs."""
    return _ACCEPTABLE.fullmatch(candidate) is not None


def current_contest_id() -> str:
    """The contest that the request or record in hand is about, where it is known."""
    return _contest_id.get()


def set_contest_id(contest_id: str) -> None:
    """Let every log line that follows in this task name the contest."""
    _contest_id.set(contest_id)


def current_service() -> str:
    """The service whose work this task does: one process may run all four."""
    return _service.get()


def set_service(service: str) -> None:
    """Let every log line that follows in this task, and in tasks it starts, name the service."""
    _service.set(service)


def current_traceparent() -> str:
    """The W3C ``traceparent`` of the current span; empty where nothing is traced."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get("traceparent", "")
