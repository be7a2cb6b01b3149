"""Records as this process's consumers fetch them: aiokafka's own, made for less than half of the cost.

aiokafka makes a dataclass of eleven fields of each record, in a call of its own behind two iterators.
Where records are read by the million that costs twice what their decoding does, and nobody here reads
more of them than :class:`~shared.messaging.codec.RawRecord` has.

aiokafka cannot be given another class, so :func:`fetch_plain_records` sets the name in its module, for
every consumer of the process. ``tests/unit/messaging/test_fetched.py`` holds what is read against
aiokafka's own class, on whatever batches there can be, and fails when that class is no longer used.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException


class FetchedRecord(msgspec.Struct, frozen=True, gc=False):
    """A :class:`~shared.messaging.codec.RawRecord`; ``gc=False``, for it cannot be part of a cycle."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


class PlainPartitionRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    """The records of one fetched partition. Keys and values are bytes: the kit sets no deserializer."""

    next_fetch_offset: int

    def __iter__(self) -> Iterator[FetchedRecord]:
        """aiokafka's loops ask the generator itself; whoever goes on later goes on where they stopped."""
        return self._records_iterator  # type: ignore[no-any-return]

    def _unpack_records(self) -> Iterator[FetchedRecord]:
        """Called once; ``next_fetch_offset`` is always the position behind what was given out."""
        topic, partition = self._tp
        while self._records.has_next():
            batch = self._records.next_batch()
            if self._check_crcs and not batch.validate_crc():
                raise CorruptRecordException(f"Invalid CRC - {self._tp}")
            if not self._is_passed_over(batch):
                for record in batch:
                    offset = record.offset
                    if offset < self.next_fetch_offset:  # a fetch begins with the batch that has its offset
                        continue
                    self.next_fetch_offset = offset + 1
                    yield FetchedRecord(
                        topic, partition, offset, record.timestamp, record.key, record.value, record.headers
                    )
            self.next_fetch_offset = batch.next_offset  # compaction may have taken the last records away

    def _is_passed_over(self, batch: Any) -> bool:
        """Whether it holds a transaction's marker, or records of one that was aborted."""
        if self._isolation_level == fetcher.READ_COMMITTED and batch.producer_id is not None:
            self._consume_aborted_up_to(batch.base_offset)
            if batch.is_control_batch and self._contains_abort_marker(batch):
                self._aborted_producers.discard(batch.producer_id)
            if batch.is_transactional and batch.producer_id in self._aborted_producers:
                return True
        return bool(batch.is_control_batch)


def fetch_plain_records() -> None:
    """From now on, have this process's consumers give :class:`FetchedRecord`."""
    fetcher.PartitionRecords = PlainPartitionRecords
