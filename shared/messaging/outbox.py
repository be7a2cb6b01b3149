"""The transactional outbox: an event is a row of the transaction that it tells of."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.contracts.catalogue import TOPICS
from shared.contracts.event import Event
from shared.contracts.ids import new_id
from shared.messaging.codec import MAX_EVENT_BYTES, attributes, headers_for
from shared.messaging.envelope import Envelope
from shared.messaging.tables import OUTBOX

CHANNEL = "outbox"
"""The NOTIFY channel that wakes the relay; only a hint, the relay polls by state."""
_WAKE = text(f"NOTIFY {CHANNEL}")


class EventTooLarge(ValueError):
    """The event would be refused by the broker, and then hold up every later one."""


async def publish(session: AsyncSession, event: Event, *, cause: Envelope | None = None) -> str:
    """Write ``event`` to the outbox in the session's transaction; the relay sends it after the commit.

    Args:
        cause: the envelope of the event being handled, whose correlation id is carried on.

    Returns:
        The event's id (``ce_id``).

    Raises:
        EventTooLarge: its JSON is larger than a record may be.
    """
    row = _row(event, cause)
    await session.execute(OUTBOX.insert().values(row))
    await session.execute(_WAKE)
    event_id: str = row["event_id"]
    return event_id


async def publish_all(session: AsyncSession, events: Sequence[Event]) -> None:
    """Write many events in their order, as :func:`publish` does each.

    Raises:
        EventTooLarge: one of them is larger than a record may be.
    """
    if events:
        await session.execute(OUTBOX.insert(), [_row(event, None) for event in events])
        await session.execute(_WAKE)


def _row(event: Event, cause: Envelope | None) -> dict[str, Any]:
    event_id = new_id()
    value = event.model_dump_json().encode()
    if len(value) > MAX_EVENT_BYTES:
        raise EventTooLarge(
            f"{event.event_type()} {event.key()} has {len(value)} bytes of JSON, "
            f"more than {MAX_EVENT_BYTES}: shorten its texts"
        )
    return {
        "contest_id": event.contest_id,
        "event_id": event_id,
        "topic": event.TOPIC,
        "key": event.key(),
        "headers": headers_for(event, event_id, cause=cause),
        "value": value,
    }


async def publish_tombstone(
    session: AsyncSession,
    event_class: type[Event],
    contest_id: str,
    key: str,
    *,
    cause: Envelope | None = None,
) -> str:
    """Erase ``key`` from the compacted topic of ``event_class``, and its earlier rows from the outbox:
    a refill must not bring back what was erased.

    Returns:
        The tombstone's ``ce_id``.
    """
    if not TOPICS[event_class.TOPIC].compacted:
        raise ValueError(f"{event_class.TOPIC} is not compacted: a tombstone there erases nothing")
    await session.execute(OUTBOX.delete().where(OUTBOX.c.topic == event_class.TOPIC, OUTBOX.c.key == key))
    event_id = new_id()
    await session.execute(
        OUTBOX.insert().values(
            contest_id=contest_id,
            event_id=event_id,
            topic=event_class.TOPIC,
            key=key,
            headers=attributes(
                event_id=event_id,
                event_type=event_class.event_type(),
                service=event_class.SERVICE,
                subject=key,
                cause=cause,
            ),
            value=None,
        )
    )
    await session.execute(_WAKE)
    return event_id
