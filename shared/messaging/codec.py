"""CloudEvents 1.0 in Kafka's binary mode: attributes in ``ce_*`` headers, the event's JSON as value."""

from datetime import UTC, datetime

from shared.contracts.event import Event
from shared.messaging.envelope import Envelope
from shared.observability.context import current_correlation_id, current_traceparent


def headers_for(
    event: Event, event_id: str, *, cause: Envelope | None = None, at: datetime | None = None
) -> dict[str, str]:
    """The headers of ``event``'s record."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": event_id,
        "ce_type": event.event_type(),
        "ce_source": f"/showcase/{event.SERVICE}",
        "ce_subject": event.key(),
        "ce_time": (at or datetime.now(UTC)).isoformat(),
        "content-type": "application/json",
        "ce_correlationid": cause.correlation_id if cause else current_correlation_id() or event_id,
    }
    if cause:
        headers["ce_causationid"] = cause.id
    if traceparent := current_traceparent():
        headers["traceparent"] = traceparent
    return headers
