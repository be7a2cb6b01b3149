"""One Kafka request that carries batches of votes for many partitions: API key 0, version 3.

aiokafka keeps the connections, the cluster's metadata and the encoding of record batches; its own
producer, however, spends more on each batch (a future, a retry handler, a generic encoder) than a
vote costs in all. This is that part alone, for the one route that needs it (ADR 0012).
"""

import struct
from collections.abc import Mapping
from io import BytesIO
from typing import Any

from aiokafka.errors import IncompatibleBrokerVersion
from aiokafka.partitioner import murmur2
from aiokafka.protocol.api import RequestHeader_v1, ResponseHeader_v0
from aiokafka.record.default_records import DefaultRecordBatchBuilder

Headers = list[tuple[str, bytes]]
_ALL_REPLICAS = -1
_MAGIC = 2
_SNAPPY = 2
"""Of batches this small it costs a third of what LZ4 does, whose tables are cleared for each."""
_MOST_BYTES = 512 * 1024
_HEAD = struct.Struct(">hhi")  # transactional id (null), acks, timeout in ms
_COUNT = struct.Struct(">i")
_PARTITION = struct.Struct(">ii")  # number, bytes of records
_FIVE_WORDS = struct.Struct("<5I")
_RESULT = struct.Struct(">ihqq")  # number, error code, base offset, log append time


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key, as Kafka's own default partitioner chooses it (murmur2)."""
    if len(key) != _FIVE_WORDS.size:
        return int(murmur2(key) & 0x7FFFFFFF) % partitions
    mixed = 0x9747B28C ^ 20  # a voter id has 20 characters: the same hash with its loop unrolled
    for word in _FIVE_WORDS.unpack(key):
        word = (word * 0x5BD1E995) & 0xFFFFFFFF
        word ^= word >> 24
        mixed = ((mixed * 0x5BD1E995) & 0xFFFFFFFF) ^ ((word * 0x5BD1E995) & 0xFFFFFFFF)
    mixed ^= mixed >> 13
    mixed = (mixed * 0x5BD1E995) & 0xFFFFFFFF
    return ((mixed ^ mixed >> 15) & 0x7FFFFFFF) % partitions


def new_batch(*, compressed: bool) -> Any:
    """An empty record batch; its ``append`` returns None when it is full. It belongs to no producer
    id: a retry may stand on the log twice, with one receipt, and counts once."""
    return DefaultRecordBatchBuilder(
        magic=_MAGIC,
        compression_type=_SNAPPY if compressed else 0,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=_MOST_BYTES,
    )


class ProduceAnswer:
    """What the broker says of each partition."""

    @staticmethod
    def decode(answer: BytesIO) -> dict[int, int]:
        """Partition → error code; 0 means that every in-sync replica has the batch."""
        data = answer.read()
        (topics,) = _COUNT.unpack_from(data, 0)
        position = 4
        found: dict[int, int] = {}
        for _ in range(topics):
            position += 2 + int.from_bytes(data[position : position + 2], "big")
            (partitions,) = _COUNT.unpack_from(data, position)
            position += 4
            for _ in range(partitions):
                number, error, _offset, _time = _RESULT.unpack_from(data, position)
                found[number] = error
                position += _RESULT.size
        return found


class ProduceVotes:
    """The request, as ``AIOKafkaClient.send`` takes one."""

    API_KEY = 0
    API_VERSION = 3
    RESPONSE_TYPE = ProduceAnswer

    def __init__(self, topic: bytes, batches: Mapping[int, bytes], *, timeout_ms: int) -> None:
        parts = [
            _HEAD.pack(-1, _ALL_REPLICAS, timeout_ms),
            _COUNT.pack(1),
            len(topic).to_bytes(2, "big"),
            topic,
            _COUNT.pack(len(batches)),
        ]
        for partition, records in batches.items():
            parts += (_PARTITION.pack(partition, len(records)), records)
        self._message = b"".join(parts)

    def prepare(self, versions: Mapping[int, tuple[int, int]]) -> "ProduceVotes":
        """aiokafka asks for the form that the broker understands; there is one."""
        lowest, highest = versions[self.API_KEY]
        if not lowest <= self.API_VERSION <= highest:
            raise IncompatibleBrokerVersion(f"Produce version {self.API_VERSION} is not among the broker's")
        return self

    def build_request_header(self, correlation_id: int, client_id: str) -> Any:
        return RequestHeader_v1(self, correlation_id=correlation_id, client_id=client_id)

    def encode(self) -> bytes:
        return self._message

    def parse_response_header(self, answer: BytesIO) -> Any:
        return ResponseHeader_v0.decode(answer)
