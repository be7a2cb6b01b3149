"""What consumers fetch is what aiokafka would have made of the same bytes.

If a test here fails after aiokafka was updated, read what changed in its ``consumer/fetcher.py`` before
``shared/messaging/fetched.py`` is brought in line.
"""

import hashlib
import inspect
import struct
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c_py
from hypothesis import given
from hypothesis import strategies as st

from shared.messaging.broker import make_broker, make_reader
from shared.messaging.codec import RawRecord
from shared.messaging.fetched import PlainPartitionRecords
from shared.settings import BrokerKind, Settings

SETTINGS = Settings(broker=BrokerKind.KAFKA, KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
PLACE = TopicPartition("voting.vote.v1", 3)
AIOKAFKAS = PlainPartitionRecords.__base__
SEEN = ("topic", "partition", "offset", "timestamp", "key", "value")
NONE, GZIP, SNAPPY, LZ4 = 0, 1, 2, 3
CONTROL = 0x20
ABORT, COMMIT = b"\0\0\0\0", b"\0\0\0\1"


@dataclass(frozen=True)
class Batch:
    """One batch on the log, beside what may be wrong or special about it."""

    values: list[bytes | None] = field(default_factory=lambda: [b"v"])
    codec: int = NONE
    producer: int = -1
    transactional: bool = False
    marker: bytes = b""
    compacted: int = 0
    """Offsets behind the last record that compaction took away."""
    damaged: bool = False

    def length(self) -> int:
        return max(1, len(self.values)) + self.compacted

    def at(self, offset: int) -> bytes:
        """Its bytes when it begins at ``offset``."""
        codec = NONE if self.marker else self.codec  # as brokers write markers
        builder = DefaultRecordBatchBuilder(
            magic=2, compression_type=codec, is_transactional=int(self.transactional),
            producer_id=self.producer, producer_epoch=0, base_sequence=-1, batch_size=1 << 20,
        )  # fmt: skip
        for number, value in enumerate(self.values):
            key = self.marker or (None if number % 2 else b"key")
            headers = [("ce_id", b"%d" % number), ("ce_time", None), ("ce_id", b"")][: number % 4]
            builder.append(number, 1_700_000_000_000 + number, key, value, headers)
        raw = bytearray(builder.build())
        struct.pack_into(">q", raw, 0, offset)
        (attributes,) = struct.unpack_from(">h", raw, 21)
        struct.pack_into(">h", raw, 21, attributes | (CONTROL if self.marker else 0))
        struct.pack_into(">i", raw, 23, self.length() - 1)
        struct.pack_into(">I", raw, 17, calc_crc32c_py(raw[21:]) ^ int(self.damaged))
        return bytes(raw)


def log_of(*batches: Batch, first: int = 0) -> bytes:
    parts = []
    for batch in batches:
        parts.append(batch.at(first))
        first += batch.length()
    return b"".join(parts)


def read_by(kind: Any, raw: bytes, *, most: int, **asked: Any) -> list[object]:
    """All that a consumer sees of ``raw`` in pieces of at most ``most``: records, positions and errors."""
    options = {"aborted": [], "start": 0, "crcs": True, "isolation": fetcher.READ_COMMITTED} | asked
    records = kind(
        PLACE, MemoryRecords(raw), options["aborted"], options["start"], None, None,
        options["crcs"], options["isolation"],
    )  # fmt: skip
    state = _State(position=options["start"])
    result = fetcher.FetchResult(PLACE, assignment=state, partition_records=records, backoff=0)
    seen: list[object] = []
    while result.has_more():
        try:
            seen += [as_seen(record) for record in result.getall(most)]
        except CorruptRecordException as error:
            seen.append(str(error))
        seen.append(state.position)
    return seen


class _State:
    """An assignment of one partition, as much as a fetch asks of it."""

    active, paused = True, False

    def __init__(self, position: int) -> None:
        self.position = position

    def state_value(self, place: TopicPartition) -> "_State":
        assert place == PLACE
        return self

    def consumed_to(self, position: int) -> None:
        self.position = position


def as_seen(record: RawRecord) -> tuple[object, ...]:
    return (*(getattr(record, name) for name in SEEN), tuple(record.headers))


def assert_alike(raw: bytes, *, most: int = 1_000, **asked: Any) -> list[object]:
    ours = read_by(PlainPartitionRecords, raw, most=most, **asked)
    assert ours == read_by(AIOKAFKAS, raw, most=most, **asked)
    return ours


THREE = Batch([b"a", None, b"c"])
LOGS: dict[str, tuple[bytes, dict[str, Any], int | None]] = {
    "plain": (log_of(THREE, THREE), {}, 6),
    "gzip": (log_of(Batch([b"a", b"b"], codec=GZIP)), {}, 2),
    "snappy": (log_of(Batch([b"a", b"b"], codec=SNAPPY)), {}, 2),
    "lz4": (log_of(Batch([b"a", b"b"], codec=LZ4)), {}, 2),
    "from the middle of a batch": (log_of(THREE, THREE), {"start": 1}, 5),
    "end taken away by compaction": (log_of(Batch([b"a"], compacted=5), THREE), {}, 4),
    "nothing but compaction": (log_of(Batch([], compacted=5)), {}, 0),
    "committed transaction": (
        log_of(
            Batch(producer=9, transactional=True),
            Batch([b"m"], producer=9, transactional=True, marker=COMMIT),
        ),
        {}, 1,
    ),
    "aborted transaction": (
        log_of(
            THREE,
            Batch(producer=9, transactional=True),
            Batch(producer=8, transactional=True),
            Batch([b"m"], producer=9, transactional=True, marker=ABORT),
            Batch(producer=9, transactional=True),
        ),
        {"aborted": [(9, 3)]}, 5,
    ),
    "aborted transaction, read uncommitted": (
        log_of(
            Batch(producer=9, transactional=True),
            Batch([b"m"], producer=9, transactional=True, marker=ABORT),
        ),
        {"aborted": [(9, 0)], "isolation": fetcher.READ_UNCOMMITTED}, 1,
    ),
    "damaged": (log_of(THREE, Batch(damaged=True), THREE), {}, None),
    "damaged, unchecked": (log_of(Batch(damaged=True)), {"crcs": False}, 1),
}  # fmt: skip


@pytest.mark.parametrize("most", [1, 2, 1_000])
@pytest.mark.parametrize("what", LOGS)
def test_fetch_reads_as_aiokafka_reads_it(what: str, most: int) -> None:
    raw, asked, records = LOGS[what]
    seen = assert_alike(raw, most=most, **asked)
    assert records is None or sum(isinstance(one, tuple) for one in seen) == records
    assert any(isinstance(one, str) for one in seen) == (what == "damaged")


@pytest.mark.parametrize("magic", [0, 1])
def test_fetch_reads_batches_of_old_brokers(magic: int) -> None:
    builder = LegacyRecordBatchBuilder(magic=magic, compression_type=NONE, batch_size=1 << 16)
    for number in range(3):
        builder.append(number, timestamp=5, key=b"k", value=b"v")
    assert len([one for one in assert_alike(bytes(builder.build()), start=1) if isinstance(one, tuple)]) == 2


batches = st.builds(
    Batch,
    values=st.lists(st.none() | st.binary(max_size=20), min_size=1, max_size=5),
    codec=st.sampled_from([NONE, GZIP, SNAPPY, LZ4]),
    producer=st.sampled_from([-1, 8, 9]),
    transactional=st.booleans(),
    marker=st.sampled_from([b"", b"", b"", ABORT, COMMIT]),
    compacted=st.integers(0, 3),
    damaged=st.sampled_from([False] * 9 + [True]),
)


@given(
    log=st.lists(batches, max_size=6),
    first=st.integers(0, 3),
    start=st.integers(0, 12),
    aborted=st.lists(st.tuples(st.sampled_from([8, 9]), st.integers(0, 12)), max_size=3),
    most=st.integers(1, 7),
    crcs=st.booleans(),
    isolation=st.sampled_from([fetcher.READ_COMMITTED, fetcher.READ_UNCOMMITTED]),
)
def test_any_log_reads_as_aiokafka_reads_it(log: list[Batch], first: int, most: int, **asked: Any) -> None:
    assert_alike(log_of(*log, first=first), most=most, **asked)


def test_single_records_come_as_from_the_whole() -> None:
    (first, second) = (
        PlainPartitionRecords(PLACE, MemoryRecords(LOGS["plain"][0]), [], 0, None, None, True, 1)
        for _ in "12"
    )
    assert [next(first) for _ in range(6)] == list(second)
    assert next(first, None) is None


@pytest.mark.parametrize(
    "make", [lambda: make_broker(SETTINGS, client_id="test"), lambda: make_reader(SETTINGS)]
)
async def test_whoever_gets_a_consumer_from_the_kit_gets_these_records(make: Any) -> None:
    fetcher.PartitionRecords = AIOKAFKAS
    make()
    assert fetcher.PartitionRecords is PlainPartitionRecords


def test_aiokafka_looks_the_class_up_by_the_name_that_is_set() -> None:
    answered = fetcher.Fetcher._proc_fetch_request
    assert "PartitionRecords" in answered.__code__.co_names, "aiokafka reads otherwise now: see fetched.py"
    assert answered.__globals__ is vars(fetcher), "aiokafka reads elsewhere now: see fetched.py"


def test_nothing_of_aiokafka_s_reading_changed_unseen() -> None:
    reading = inspect.getsource(AIOKAFKAS) + inspect.getsource(fetcher.FetchResult)
    assert hashlib.sha256(reading.encode()).hexdigest()[:16] == "9e6e0c97799fbd8d", (
        "aiokafka's PartitionRecords or FetchResult changed: "
        "read what changed, bring shared/messaging/fetched.py in line, and note the new hash here"
    )
