"""Setting a group's fence by hand: to read a topic again, or to pass over a part of it."""

from dataclasses import dataclass

from aiokafka import TopicPartition

from shared.db import Database
from shared.messaging.broker import cluster_id, make_reader
from shared.messaging.fence import lock_fences, reset_fences
from shared.settings import Settings


class CannotRewind(Exception):
    """The place asked for does not exist; the message says which do."""


@dataclass(frozen=True, slots=True)
class Rewound:
    """A partition whose fence was set."""

    partition: int
    before: int
    after: int


async def rewind(
    settings: Settings,
    database: Database,
    group: str,
    topic: str,
    *,
    partition: int | None = None,
    to: str = "beginning",
) -> list[Rewound]:
    """Set the fences of ``group`` in ``topic`` to "beginning", "end" or an offset, under the broker's
    present incarnation.

    Raises:
        CannotRewind: no such topic, partition or offset.
        BrokerUnavailable, BrokerTooOld: no usable broker.
    """
    incarnation = await cluster_id(settings)
    starts, ends = await _bounds(settings, topic)
    if partition is not None and partition not in starts:
        raise CannotRewind(f"{topic} has partitions 0 to {len(starts) - 1}, not {partition}")
    chosen = sorted(starts) if partition is None else [partition]
    targets = {number: _target(topic, number, to, starts[number], ends[number]) for number in chosen}
    moved = []
    async with database.transaction() as session:
        fences = await lock_fences(session, group, topic, chosen, incarnation)
        for number in chosen:
            await reset_fences(
                session, group, topic, [number], incarnation=incarnation, next_offset=targets[number]
            )
            moved.append(Rewound(number, fences[number].next_offset, targets[number]))
    return moved


async def _bounds(settings: Settings, topic: str) -> tuple[dict[int, int], dict[int, int]]:
    reader = make_reader(settings, topic)
    await reader.start()
    try:
        numbers = reader.partitions_for_topic(topic)
        if not numbers:
            raise CannotRewind(f"the broker has no topic {topic}: run `showcase topics create`")
        partitions = [TopicPartition(topic, number) for number in numbers]
        starts = await reader.beginning_offsets(partitions)
        ends = await reader.end_offsets(partitions)
    finally:
        await reader.stop()
    return (
        {item.partition: offset for item, offset in starts.items()},
        {item.partition: offset for item, offset in ends.items()},
    )


def _target(topic: str, partition: int, to: str, start: int, end: int) -> int:
    if to in ("beginning", "end"):
        return start if to == "beginning" else end
    offset = int(to)
    if not start <= offset <= end:
        raise CannotRewind(f"{topic} [{partition}] has offsets {start} to {end}, not {offset}")
    return offset
