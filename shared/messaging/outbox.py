"""The transactional outbox: an event is a row of the transaction that it tells of."""

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.contracts.event import Event
from shared.contracts.ids import new_id
from shared.messaging.codec import headers_for
from shared.messaging.envelope import Envelope
from shared.messaging.tables import OUTBOX

CHANNEL = "outbox"
"""The NOTIFY channel that wakes the relay; only a hint, the relay polls by state."""


async def publish(session: AsyncSession, event: Event, *, cause: Envelope | None = None) -> str:
    """Write ``event`` to the outbox in the session's transaction; the relay sends it after the commit.

    Args:
        cause: the envelope of the event being handled, whose correlation id is carried on.

    Returns:
        The event's id (``ce_id``).
    """
    event_id = new_id()
    await session.execute(
        OUTBOX.insert().values(
            contest_id=event.contest_id,
            event_id=event_id,
            topic=event.TOPIC,
            key=event.key(),
            headers=headers_for(event, event_id, cause=cause),
            value=event.model_dump_json().encode(),
        )
    )
    await session.execute(text(f"NOTIFY {CHANNEL}"))
    return event_id
