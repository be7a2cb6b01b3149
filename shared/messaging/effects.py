"""What a turn of records does to the database: handlers called, each in its savepoint."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aiokafka import ConsumerRecord, TopicPartition
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.contracts.event import Event
from shared.messaging import metrics
from shared.messaging.codec import (
    Bad,
    Decoded,
    Good,
    Skip,
    Tombstone,
    decode_record,
    is_for_another_group,
    is_private,
)
from shared.messaging.dead_letters import DeadLetter
from shared.messaging.failures import attempts_allowed, is_transient
from shared.messaging.fence import Step, identity_step
from shared.messaging.subscription import (
    AnySubscription,
    RecordSubscription,
    Reject,
    Subscription,
)
from shared.messaging.tracing import handling, handling_batch, traceparents

Records = Mapping[TopicPartition, Sequence[ConsumerRecord]]


@dataclass(slots=True)
class Outcome:
    """What became of a turn's records, for the fence to move and for the next turn to begin."""

    steps: dict[int, Step] = field(default_factory=dict)
    dead: list[DeadLetter] = field(default_factory=list)
    stuck: dict[TopicPartition, int] = field(default_factory=dict)
    """Partitions whose next record failed and will be tried again, with its offset."""
    applied: int = 0
    skipped: dict[str, int] = field(default_factory=dict)

    def settled(self, record: ConsumerRecord) -> None:
        """``record`` needs nothing more: the fence may pass it."""
        self.steps[record.partition] = identity_step(record)

    def skip(self, event_type: str) -> None:
        self.skipped[event_type] = self.skipped.get(event_type, 0) + 1


class Effects:
    """Calls one subscription's handlers; knows nothing of offsets but which record came to what."""

    def __init__(self, subscription: AnySubscription) -> None:
        self.subscription = subscription
        self._failures: dict[tuple[int, int], int] = {}
        events = (
            tuple(subscription.handlers) if isinstance(subscription, Subscription) else subscription.events
        )
        self._events: dict[str, type[Event]] = {event.event_type(): event for event in events}

    async def apply(self, session: AsyncSession, records: Records) -> Outcome:
        """Handle ``records`` in order within each partition.

        Raises:
            Exception: a transient fault; nothing of the turn may be committed.
        """
        outcome = Outcome()
        if isinstance(self.subscription, RecordSubscription):
            await self._records(session, self.subscription, records, outcome)
            return outcome
        decoded = {
            partition: [(record, self._decode(record)) for record in its_records]
            for partition, its_records in records.items()
        }
        for partition, pairs in decoded.items():
            for record, what in pairs:
                if not await self._one(session, record, what, outcome):
                    outcome.stuck[partition] = record.offset
                    break
        return outcome

    def _decode(self, record: ConsumerRecord) -> Decoded:
        if is_for_another_group(record, self.subscription.group):
            return Skip("sent back to another group")
        return decode_record(record, self._events)

    def failures_of(self, partition: int, offset: int) -> int:
        """How often the record has failed so far."""
        return self._failures.get((partition, offset), 0)

    def forget_failures(self, outcome: Outcome) -> None:
        """After the commit: what is settled has no failures any more."""
        for partition, step in outcome.steps.items():
            for key in [key for key in self._failures if key[0] == partition and key[1] < step.next_offset]:
                del self._failures[key]

    async def _records(
        self, session: AsyncSession, subscription: RecordSubscription, records: Records, outcome: Outcome
    ) -> None:
        """Hand the turn over as it came; if one of its records is at fault, go through them singly."""
        everything = [record for its_records in records.values() for record in its_records]
        if not everything:
            return
        try:
            outcome.dead += await self._hand_over(session, subscription, everything)
        except Exception as error:
            if is_transient(error):
                raise
        else:
            outcome.applied += len(everything) - len(outcome.dead)
            for its_records in records.values():
                if its_records:
                    outcome.settled(its_records[-1])
            return
        for partition, its_records in records.items():
            for record in its_records:
                try:
                    dead = await self._hand_over(session, subscription, [record])
                except Exception as error:
                    if not self._is_dead(record, error, outcome):
                        outcome.stuck[partition] = record.offset
                        break
                else:
                    outcome.dead += dead
                    outcome.applied += not dead
                outcome.settled(record)

    async def _hand_over(
        self, session: AsyncSession, subscription: RecordSubscription, records: Sequence[ConsumerRecord]
    ) -> list[DeadLetter]:
        async with session.begin_nested():
            with handling_batch(traceparents(records), len(records), subscription.topic, subscription.group):
                unusable = await subscription.handler(session, records)
        return [DeadLetter(record, reason) for record, reason in unusable]

    def _is_dead(self, record: ConsumerRecord, error: Exception, outcome: Outcome) -> bool:
        """Whether a record that failed is given up; else it is to be tried again.

        Raises:
            Exception: ``error``, where it passes by itself.
        """
        if isinstance(error, Reject):
            outcome.dead.append(DeadLetter(record, str(error)))
            return True
        if is_transient(error):
            raise error
        failures = self.failures_of(record.partition, record.offset) + 1
        self._failures[record.partition, record.offset] = failures
        if failures < attempts_allowed(error):
            return False
        outcome.dead.append(DeadLetter(record, _reason(error, record.topic), failures))
        return True

    async def _one(
        self, session: AsyncSession, record: ConsumerRecord, what: Decoded, outcome: Outcome
    ) -> bool:
        """Settle one record. False: it failed and is to be tried again."""
        if isinstance(what, Bad):
            outcome.dead.append(DeadLetter(record, what.reason))
        elif isinstance(what, Skip):
            outcome.skip(what.event_type)
        elif isinstance(what, Tombstone) and not self._wants_tombstones():
            outcome.skip("tombstone")
        else:
            try:
                async with session.begin_nested():
                    with handling(what.envelope, self.subscription.group):
                        await self._call(session, what)
                outcome.applied += 1
            except Exception as error:
                if not self._is_dead(record, error, outcome):
                    return False
        outcome.settled(record)
        return True

    def _wants_tombstones(self) -> bool:
        return isinstance(self.subscription, Subscription) and self.subscription.on_tombstone is not None

    async def _call(self, session: AsyncSession, what: Good | Tombstone) -> None:
        subscription = self.subscription
        if isinstance(what, Tombstone):
            if isinstance(subscription, Subscription) and subscription.on_tombstone:
                await subscription.on_tombstone(session, what.key, what.envelope)
        elif isinstance(subscription, Subscription):
            await subscription.handlers[type(what.event)](session, what.event, what.envelope)


def count(group: str, topic: str, outcome: Outcome, *, repeated: int) -> None:
    """Tell the metrics what was committed."""
    skipped = sum(outcome.skipped.values())
    for result, number in (
        ("applied", outcome.applied),
        ("skipped", skipped),
        ("repeated", repeated),
        ("dead", len(outcome.dead)),
    ):
        if number:
            metrics.CONSUMED.labels(group, topic, result).inc(number)
    for event_type, number in outcome.skipped.items():
        metrics.SKIPPED_TYPES.labels(group, topic, event_type).inc(number)


def _reason(error: Exception, topic: str) -> str:
    name = type(error).__name__
    return name if is_private(topic) else f"{name}: {error}"[:500]
