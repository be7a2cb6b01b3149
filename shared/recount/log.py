"""Reads a contest's records from Kafka, each event once."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

TOPICS = (
    "intake.contest.v1",
    "intake.briefing.v1",
    "intake.entry.v1",
    "scoring.judge.v1",
    "scoring.score.v1",
    "scoring.decision.v1",
    "voting.vote.v1",
    "voting.tally.v1",
    "voting.decision.v1",
    "notify.delivery.v1",
)
SCORES = (
    "intake.contest.v1",
    "intake.entry.v1",
    "scoring.judge.v1",
    "scoring.score.v1",
    "scoring.decision.v1",
)
"""What the scores are worked out from."""
_QUIET_MS = 1_500
"""Reading ends when nothing comes for so long and every known end is reached. Not every broker tells
true end offsets."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One event of the log."""

    topic: str
    partition: int
    offset: int
    key: str
    kind: str
    """The event's name without service and version: ``EntrySubmitted``."""
    event_id: str
    data: Mapping[str, Any]


async def read_log(bootstrap_servers: str, contest_id: str, topics: tuple[str, ...] = TOPICS) -> list[Fact]:
    """Every event of the contest on ``topics``, in offset order within a partition.

    Raises:
        LookupError: the broker lacks one of the topics.
    """
    consumer = AIOKafkaConsumer(
        *topics,  # without a group that means: all partitions of these topics
        group_id=None,
        bootstrap_servers=bootstrap_servers,
        client_id="showcase-recount",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=50,
        max_partition_fetch_bytes=4 << 20,
    )
    try:
        await consumer.start()
        places = sorted(consumer.assignment())
        missing = sorted(set(topics) - {place.topic for place in places})
        if missing:
            raise LookupError(f"the broker has no topic {', '.join(missing)}")
        await consumer.seek_to_beginning(*places)
        facts: list[Fact] = []
        ends = await consumer.end_offsets(places)
        while True:
            fetched = await consumer.getmany(timeout_ms=_QUIET_MS)
            for place, records in fetched.items():
                facts += [
                    fact for record in records if (fact := _fact(place, record)) and _of(fact, contest_id)
                ]
            if not fetched and await _all_reached(consumer, ends):
                return facts
    finally:
        await consumer.stop()


async def _all_reached(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> bool:
    return all([await consumer.position(place) >= end for place, end in ends.items()])


def _of(fact: Fact, contest_id: str) -> bool:
    return fact.data.get("contest_id") == contest_id


def _fact(place: TopicPartition, record: Any) -> Fact | None:
    headers = {name: value.decode(errors="replace") for name, value in record.headers}
    if record.value is None or "ce_type" not in headers:
        return None
    data = json.loads(record.value)
    kind = headers["ce_type"].split(".")[2]
    key = (record.key or b"").decode(errors="replace")
    return Fact(place.topic, place.partition, record.offset, key, kind, headers["ce_id"], data)


def once(facts: Iterable[Fact]) -> list[Fact]:
    """The facts without repeats of the same event."""
    return list({fact.event_id: fact for fact in reversed(list(facts))}.values())[::-1]
