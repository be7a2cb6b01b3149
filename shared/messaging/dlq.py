"""Reading dead letters, and sending them back to the group that could not use them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, ConsumerRecord

from shared.contracts.catalogue import dead_letter_topic
from shared.messaging.broker import connect_admin, make_producer, make_reader
from shared.messaging.codec import ONLY_GROUP
from shared.settings import Settings

_IDLE_MS = 700
"""Silence that counts as the end of the topic: the memory broker tells end offsets wrongly."""
_SYSTEM_OF_RECORD = "voting.vote.v1"


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter as it lies in ``<group>.dlq``."""

    group: str
    partition: int
    offset: int
    topic: str
    """Where the record came from, with its partition and offset there."""
    topic_partition: int
    topic_offset: int
    reason: str
    attempts: int
    at: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = field(repr=False)
    """The original headers, byte by byte, without the ``dlq-*`` ones."""
    whole: bool
    """Whether the original is here; of topics with personal data only the coordinates are."""

    @property
    def where(self) -> str:
        """Its name on the command line: partition:offset in the dead-letter topic."""
        return f"{self.partition}:{self.offset}"


class CannotReplay(Exception):
    """The letter cannot be sent back; the message says what to do instead."""


async def groups_with_letters(settings: Settings) -> list[str]:
    """Every group that has a dead-letter topic.

    Raises:
        BrokerUnavailable, BrokerTooOld: no usable broker.
    """
    admin = await connect_admin(settings)
    try:
        topics = await admin.list_topics()
    finally:
        await admin.close()
    suffix = dead_letter_topic("")
    return sorted(topic.removesuffix(suffix) for topic in topics if topic.endswith(suffix))


async def read_letters(settings: Settings, group: str) -> list[Letter]:
    """Every dead letter of ``group`` that is still kept, oldest first; empty if it has no topic.

    Raises:
        BrokerUnavailable, BrokerTooOld: no usable broker.
    """
    if group not in await groups_with_letters(settings):
        return []
    reader = make_reader(settings, dead_letter_topic(group))
    await reader.start()
    try:
        records = await _everything(reader)
    finally:
        await reader.stop()
    return sorted((_letter(group, record) for record in records), key=lambda letter: letter.at)


async def send_back(settings: Settings, letters: Sequence[Letter]) -> None:
    """Append the originals to their topics again, addressed to the one group that failed on them.

    Raises:
        CannotReplay: one of them cannot be sent back; then none is.
    """
    for letter in letters:
        refuse(letter)
    producer = make_producer(settings, client_id="showcase-dlq-replay", max_request_size=16 * 1024 * 1024)
    await producer.start()
    try:
        for letter in letters:
            headers = [*letter.headers, (ONLY_GROUP, letter.group.encode())]
            await producer.send_and_wait(letter.topic, letter.value, key=letter.key, headers=headers)
    finally:
        await producer.stop()


def refuse(letter: Letter) -> None:
    """Raise if ``letter`` must not or cannot be appended to its topic again."""
    again = (
        f"mend the reader and run `showcase replay {letter.group} --topic {letter.topic} "
        f"--partition {letter.topic_partition} --to {letter.topic_offset}`"
    )
    if letter.topic == _SYSTEM_OF_RECORD:
        raise CannotReplay(
            "a vote is never appended a second time, every recount reads it; what the tally and the trees "
            "have passed stays no vote: docs/operate/vote-night.md, DeadLetters, says what to do"
        )
    if not letter.whole:
        raise CannotReplay(f"the original of {letter.where} is not kept here: {again}")


async def _everything(reader: AIOKafkaConsumer) -> list[ConsumerRecord]:
    records: list[ConsumerRecord] = []
    while batch := await reader.getmany(timeout_ms=_IDLE_MS):
        for some in batch.values():
            records += some
    return records


def _letter(group: str, record: ConsumerRecord) -> Letter:
    about = {
        name: (value or b"").decode(errors="replace")
        for name, value in record.headers
        if name.startswith("dlq-")
    }
    original = [(name, value or b"") for name, value in record.headers if not name.startswith("dlq-")]
    return Letter(
        group=group,
        partition=record.partition,
        offset=record.offset,
        topic=about.get("dlq-topic", ""),
        topic_partition=int(about.get("dlq-partition", "-1")),
        topic_offset=int(about.get("dlq-offset", "-1")),
        reason=about.get("dlq-reason", ""),
        attempts=int(about.get("dlq-attempts", "1")),
        at=about.get("dlq-at", ""),
        key=record.key,
        value=record.value,
        headers=original,
        whole=about.get("dlq-original") == "whole",
    )
