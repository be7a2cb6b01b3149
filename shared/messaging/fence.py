"""The offset fence: a group's next offset in a partition is a row, advanced with the effect.

It is what makes effects exact. Rows are always locked in the order of their partitions; two
members that lock them in different orders deadlock.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.messaging.codec import RawRecord, identity

_OPEN = text(
    """
    INSERT INTO consumer_fence (consumer_group, topic, partition, next_offset, last_event_id, incarnation)
    SELECT :group, :topic, partition, 0, '', :incarnation
    FROM unnest(CAST(:partitions AS int[])) AS partition
    ORDER BY partition
    ON CONFLICT DO NOTHING
    """
)
_LOCK = text(
    """
    SELECT partition, next_offset, last_event_id, incarnation
    FROM consumer_fence
    WHERE consumer_group = :group AND topic = :topic AND partition = ANY(CAST(:partitions AS int[]))
    ORDER BY partition
    FOR UPDATE
    """
)
_ADVANCE = text(
    """
    UPDATE consumer_fence
    SET next_offset = moved.next_offset, last_event_id = moved.last_event_id
    FROM unnest(CAST(:partitions AS int[]), CAST(:offsets AS bigint[]), CAST(:ids AS text[]))
        AS moved (partition, next_offset, last_event_id)
    WHERE consumer_group = :group AND topic = :topic AND consumer_fence.partition = moved.partition
    """
)
_RESET = text(
    """
    UPDATE consumer_fence
    SET next_offset = :next_offset, last_event_id = '', incarnation = :incarnation
    WHERE consumer_group = :group AND topic = :topic AND partition = ANY(CAST(:partitions AS int[]))
    """
)


@dataclass(frozen=True, slots=True)
class Fence:
    """Everything below ``next_offset`` has had its effect; the record just below it had ``last_event_id``
    (empty: not known, as after a reset)."""

    next_offset: int
    last_event_id: str
    incarnation: str


@dataclass(frozen=True, slots=True)
class Step:
    """How far a turn got in one partition."""

    next_offset: int
    last_event_id: str


def identity_step(record: RawRecord) -> Step:
    """The step just past ``record``."""
    return Step(record.offset + 1, identity(record))


async def lock_fences(
    session: AsyncSession, group: str, topic: str, partitions: Collection[int], incarnation: str
) -> dict[int, Fence]:
    """The fences of ``partitions``, locked until the transaction ends; missing ones start at 0."""
    names = {"group": group, "topic": topic, "partitions": sorted(partitions)}
    rows = (await session.execute(_LOCK, names)).all()
    if len(rows) < len(partitions):
        await session.execute(_OPEN, names | {"incarnation": incarnation})
        rows = (await session.execute(_LOCK, names)).all()
    return {row.partition: Fence(row.next_offset, row.last_event_id, row.incarnation) for row in rows}


async def advance_fences(session: AsyncSession, group: str, topic: str, steps: Mapping[int, Step]) -> None:
    """Move the fences, in the transaction of the effects."""
    ordered = sorted(steps)
    await session.execute(
        _ADVANCE,
        {
            "group": group,
            "topic": topic,
            "partitions": ordered,
            "offsets": [steps[partition].next_offset for partition in ordered],
            "ids": [steps[partition].last_event_id for partition in ordered],
        },
    )


async def reset_fences(
    session: AsyncSession,
    group: str,
    topic: str,
    partitions: Collection[int],
    *,
    incarnation: str,
    next_offset: int = 0,
) -> None:
    """Let the group read ``partitions`` again from ``next_offset``, whatever record lies before it."""
    await session.execute(
        _RESET,
        {
            "group": group,
            "topic": topic,
            "partitions": sorted(partitions),
            "incarnation": incarnation,
            "next_offset": next_offset,
        },
    )
