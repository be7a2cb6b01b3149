"""Reads the log: every record of some topics, each partition in offset order."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from shared.messaging.broker import bootstrap_servers, connect_admin, make_reader, speaking_plainly
from shared.settings import BrokerKind, Settings

_QUIET_MS = 1_500
"""A partition whose end is not known is read until nothing came for so long."""
_VISIBLE_WITHIN_SECONDS = 10.0
_decode = msgspec.json.Decoder().decode


async def records(
    settings: Settings, *topics: str, up_to: Mapping[int, int] | None = None
) -> AsyncIterator["ConsumerRecord[bytes, bytes]"]:
    """Every record of ``topics``.

    Args:
        up_to: read each partition to this offset (exclusive), and those that are not named not at all;
            without it, to its end.

    Raises:
        LookupError: the broker lacks one of the topics.
    """
    places = await _places(settings, topics)
    reader = make_reader(settings, client_id="showcase-audit")
    await reader.start()
    try:
        reader.assign(places)
        await reader.seek_to_beginning(*places)
        ends = await _ends(settings, reader, places, up_to)
        unread = {place for place in places if ends is None or ends[place] > 0}
        while unread:
            fetched = await reader.getmany(*unread, timeout_ms=_QUIET_MS)
            if not fetched and ends is None:
                return
            for place, found in fetched.items():
                for record in found:
                    if ends is None or record.offset < ends[place]:
                        yield record
            if ends is not None:  # by position: the last offsets may hold no record
                unread -= {place for place in unread if await reader.position(place) >= ends[place]}
    finally:
        await reader.stop()


def opened(record: "ConsumerRecord[bytes, bytes]") -> tuple[str, dict[str, Any]]:
    """The type and the body of a record; empty where it cannot be read."""
    kind = next((value for name, value in record.headers if name == "ce_type"), b"")
    try:
        body = _decode(record.value or b"{}")
        return kind.decode(), body if isinstance(body, dict) else {}
    except (ValueError, UnicodeDecodeError):
        return "", {}


def event_id(record: "ConsumerRecord[bytes, bytes]") -> bytes:
    """The event's own name, the same where a relay told it twice."""
    return next((value for name, value in record.headers if name == "ce_id"), b"")


async def _places(settings: Settings, topics: tuple[str, ...]) -> list[TopicPartition]:
    """Every partition of the topics. A client's cached metadata may not know them yet, so the broker is
    asked, and asked again while it does not answer for each."""
    admin = await connect_admin(settings)
    try:
        async with speaking_plainly(bootstrap_servers(settings)):
            places, missing = await _described(admin, topics)
            for _ in range(int(_VISIBLE_WITHIN_SECONDS / 0.25)):
                if not missing:
                    break
                await asyncio.sleep(0.25)
                places, missing = await _described(admin, topics)
    finally:
        await admin.close()
    if missing:
        raise LookupError(f"the broker has no topic {', '.join(missing)}")
    return places


async def _described(
    admin: AIOKafkaAdminClient, topics: tuple[str, ...]
) -> tuple[list[TopicPartition], list[str]]:
    found = {topic["topic"]: topic for topic in await admin.describe_topics(list(topics))}
    places: list[TopicPartition] = []
    missing: list[str] = []
    for name in topics:
        topic = found.get(name)
        if topic is None or topic["error_code"] or not topic["partitions"]:
            missing.append(name)
        else:
            places += sorted(TopicPartition(name, part["partition"]) for part in topic["partitions"])
    return places, missing


async def _ends(
    settings: Settings,
    reader: AIOKafkaConsumer,
    places: list[TopicPartition],
    up_to: Mapping[int, int] | None,
) -> dict[TopicPartition, int] | None:
    """Where to stop; None where nothing is given and the broker's own end offsets are not true."""
    if up_to is not None:
        return {place: up_to.get(place.partition, 0) for place in places}
    if settings.broker is BrokerKind.MEMORY:
        return None
    return dict(await reader.end_offsets(places))
