"""Dead letters: records that a group cannot use, kept as they were with the reason beside them.

From a topic with personal data only the coordinates and the reason are kept.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from shared.contracts.catalogue import dead_letter_topic
from shared.messaging import metrics
from shared.messaging.broker import MAX_DEAD_LETTER_BYTES, make_producer
from shared.messaging.codec import RawRecord, is_private
from shared.settings import Settings

_CONFIRMED_WITHIN_SECONDS = 1.5
"""Less than a session may idle in its transaction, for the transaction of the batch is open meanwhile."""
_WINDOW = 100
_ENOUGH = 20


class MostlyBad(Exception):
    """So many records are unusable that the fault is likely not theirs."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record and why it cannot be used."""

    record: RawRecord
    reason: str
    attempts: int = 1


class DeadLetterLimit:
    """Lets single records go and refuses to drain a topic: of the last hundred records of a topic at
    most half may be dead, once twenty are."""

    def __init__(self) -> None:
        self._recent: dict[str, deque[bool]] = {}

    def check(self, topic: str, *, dead: int, total: int) -> None:
        """Look at a turn before its dead letters are sent.

        Raises:
            MostlyBad: sending them would drain the topic.
        """
        recent = deque(self._recent.get(topic, ()), maxlen=max(_WINDOW, total))
        recent.extend([True] * dead + [False] * (total - dead))
        bad = sum(recent)
        if dead and bad >= _ENOUGH and bad * 2 > len(recent):
            raise MostlyBad(
                f"{bad} of the last {len(recent)} records of {topic} are unusable: the reader or its "
                "settings are likely wrong. Nothing more is read; mend it and start again"
            )

    def count(self, topic: str, *, dead: int, total: int) -> None:
        """Remember a turn that was committed."""
        recent = self._recent.setdefault(topic, deque(maxlen=_WINDOW))
        recent.extend(([True] * dead + [False] * (total - dead))[-_WINDOW:])


class DeadLetters:
    """The producer of one process's dead letters; connects when the first one comes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()

    async def send(self, group: str, letters: Sequence[DeadLetter]) -> None:
        """Returns when the broker has confirmed every letter.

        Raises:
            KafkaError, TimeoutError: not all are confirmed; send all of them again later.
        """
        if not letters:
            return
        producer = await self._connected()
        async with asyncio.timeout(_CONFIRMED_WITHIN_SECONDS):
            await asyncio.gather(*(self._send(producer, group, letter) for letter in letters))
        for letter in letters:
            metrics.DEAD_LETTERS.labels(group, letter.record.topic).inc()

    async def _send(self, producer: AIOKafkaProducer, group: str, letter: DeadLetter) -> None:
        record = letter.record
        topic = dead_letter_topic(group)
        whole = not is_private(record.topic)
        if whole and len(record.value or b"") < MAX_DEAD_LETTER_BYTES - 64 * 1024:
            original = [(name, value or b"") for name, value in record.headers]
            headers = [*original, *coordinates(group, letter), ("dlq-original", b"whole")]
            try:
                await producer.send_and_wait(topic, record.value, key=record.key, headers=headers)
                return
            except MessageSizeTooLargeError:
                pass  # the topic allows less than it should
        why = b"withheld" if is_private(record.topic) else b"too large"
        headers = [*coordinates(group, letter), ("dlq-original", why)]
        await producer.send_and_wait(topic, b"", key=record.key, headers=headers)

    async def _connected(self) -> AIOKafkaProducer:
        async with self._connecting:
            if self._producer is None:
                producer = make_producer(
                    self._settings,
                    linger_ms=0,
                    max_request_size=MAX_DEAD_LETTER_BYTES + 1024 * 1024,
                    client_id="showcase-dead-letters",
                )
                await producer.start()
                self._producer = producer
            return self._producer

    async def close(self) -> None:
        """Flush and disconnect."""
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None


def coordinates(group: str, letter: DeadLetter) -> list[tuple[str, bytes]]:
    """Where a dead letter comes from and why it died, as headers."""
    record = letter.record
    values = {
        "dlq-group": group,
        "dlq-topic": record.topic,
        "dlq-partition": str(record.partition),
        "dlq-offset": str(record.offset),
        "dlq-timestamp": str(record.timestamp),
        "dlq-reason": letter.reason,
        "dlq-attempts": str(letter.attempts),
        "dlq-at": datetime.now(UTC).isoformat(),
    }
    return [(name, value.encode(errors="replace")) for name, value in values.items()]
