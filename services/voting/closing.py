"""The end of a vote: one seal in every partition of the log, found again by anybody who reads it.

A seal is a record like the votes around it, so no clock takes part: what lies before a partition's
first seal is in, what lies behind is late. Several closers may race, and any of them may die between
two steps; before the first seal is sent, the end of each partition is written down, and whoever goes
on reads from there to the first seal that the log really has.
"""

import logging

from aiokafka import AIOKafkaConsumer, TopicPartition

from services.voting import handlers, repository
from services.voting.domain.heads import HeadSigner
from services.voting.durability import log_durability
from shared.clock import Clock
from shared.contracts.catalogue import TOPICS
from shared.contracts.ids import ContestId
from shared.contracts.voting import VotingSealed
from shared.db import Database
from shared.errors import DomainError
from shared.messaging.broker import BrokerUnavailable, make_producer, make_reader
from shared.messaging.codec import encode
from shared.settings import BrokerKind, Settings

log = logging.getLogger(__name__)

TOPIC = VotingSealed.TOPIC
PARTITIONS = range(TOPICS[TOPIC].partitions)
_SEALED = VotingSealed.event_type().encode()


class Closer:
    """Opens and closes votes at the calendar's instants; runs in the elected leader of the worker."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._signer = HeadSigner.of(settings.voting_secret.get_secret_value())

    async def run(self, database: Database) -> None:
        """One turn of the timer: open and close what is due."""
        async with database.transaction() as session:
            due = await handlers.due_now(session, self._clock)
        for contest_id in due.to_open:
            await self._open(contest_id)
        for contest_id in due.to_close:
            await self.close(contest_id)

    async def close(self, contest_id: str) -> dict[int, int]:
        """Seal every partition and tell of it. Safe to repeat, and to run in several places at once.

        Returns:
            The offset of each partition's first seal.
        """
        starts = await self._search_starts(contest_id)
        own = await self._append_seals(contest_id)
        first = await self._first_seals(contest_id, starts, own)
        async with self._database.transaction() as session:
            await handlers.record_closing(session, self._clock, contest_id, first)
        return first

    async def _open(self, contest_id: str) -> None:
        try:
            log_now = await log_durability(self._settings)
            command = handlers.OpenVoting(contest_id, log_now, self._signer.public_key(contest_id))
            async with self._database.transaction() as session:
                await handlers.open_voting(session, self._clock, command)
        except (DomainError, BrokerUnavailable) as error:
            log.error("the vote did not open", extra={"contest_id": contest_id, "reason": str(error)})

    async def _search_starts(self, contest_id: str) -> dict[int, int]:
        """Where the search for the first seals begins: written down before anybody has sent one."""
        ends = dict.fromkeys(PARTITIONS, 0)
        if self._settings.broker is BrokerKind.KAFKA:  # the memory broker's end offsets are not true
            reader = make_reader(self._settings, client_id="voting-closer")
            await reader.start()
            try:
                found = await reader.end_offsets([TopicPartition(TOPIC, p) for p in PARTITIONS])
            finally:
                await reader.stop()
            ends = {place.partition: offset for place, offset in found.items()}
        async with self._database.transaction() as session:
            return await repository.sealing_starts(session, contest_id, ends)

    async def _append_seals(self, contest_id: str) -> dict[int, int]:
        """Append one more seal to every partition, confirmed; the offsets that they got."""
        async with self._database.transaction() as session:
            now = await self._clock.now(session, contest_id)
        producer = make_producer(self._settings, linger_ms=0, client_id="voting-closer")
        await producer.start()
        try:
            own: dict[int, int] = {}
            for partition in PARTITIONS:
                seal = VotingSealed(contest_id=ContestId(contest_id), partition=partition, sealed_at=now)
                record = encode(seal)
                sent = await producer.send_and_wait(
                    TOPIC, record.value, key=record.key, partition=partition, headers=record.headers
                )
                own[partition] = sent.offset
            return own
        finally:
            await producer.stop()

    async def _first_seals(
        self, contest_id: str, starts: dict[int, int], own: dict[int, int]
    ) -> dict[int, int]:
        """The first seal of each partition between the start of the search and our own."""
        reader = make_reader(self._settings, client_id="voting-closer")
        await reader.start()
        try:
            return await _scan(reader, contest_id, starts, own)
        finally:
            await reader.stop()


async def _scan(
    reader: AIOKafkaConsumer, contest_id: str, starts: dict[int, int], own: dict[int, int]
) -> dict[int, int]:
    first: dict[int, int] = {}
    open_places = {TopicPartition(TOPIC, partition) for partition in own}
    reader.assign(sorted(open_places))
    for place in open_places:
        reader.seek(place, starts[place.partition])
    while open_places:
        fetched = await reader.getmany(*open_places, timeout_ms=1_000)
        for place, records in fetched.items():
            for record in records:
                if record.offset > own[place.partition]:
                    break
                if _is_seal_of(record.headers, record.value, contest_id):
                    first[place.partition] = record.offset
                    open_places.discard(place)
                    break
    return first


def _is_seal_of(headers: tuple[tuple[str, bytes], ...], value: bytes | None, contest_id: str) -> bool:
    if dict(headers).get("ce_type") != _SEALED or not value:
        return False
    return VotingSealed.model_validate_json(value).contest_id == contest_id
