"""The vote's way into the log, against a broker that answers, refuses, keeps silent or hangs up."""

import asyncio
import random
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError
from aiokafka.partitioner import murmur2
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from services.voting.domain.errors import TooBusy
from services.voting.produce import ProduceAnswer, ProduceVotes, new_batch, partition_of
from services.voting.sender import Unconfirmed, VoteSender

PARTITIONS = 6


@dataclass
class Broker:
    """As much of an ``AIOKafkaClient`` as the sender uses, with two brokers behind it."""

    how: list[Any] = field(default_factory=list)
    """What to do with the next requests: an error code for every partition, an exception, a future."""
    leaders: dict[int, int | None] = field(default_factory=lambda: {p: p % 2 for p in range(PARTITIONS)})
    requests: list[tuple[int, dict[int, bytes]]] = field(default_factory=list)
    reachable: bool = True
    closed: bool = False

    @property
    def cluster(self) -> "Broker":
        return self

    def leader_for_partition(self, place: Any) -> int | None:
        return self.leaders[place.partition]

    def partitions_for_topic(self, topic: str) -> set[int]:
        return set(self.leaders)

    def set_topics(self, topics: list[str]) -> None: ...

    async def _updated(self) -> bool:
        return True

    def force_metadata_update(self) -> Any:
        return asyncio.ensure_future(self._updated())

    async def ready(self, node: int) -> bool:
        return self.reachable

    async def send(self, node: int, request: ProduceVotes) -> dict[int, int]:
        batches = unpacked(request.encode())
        self.requests.append((node, batches))
        await asyncio.sleep(0.001)
        what = self.how.pop(0) if self.how else 0
        if isinstance(what, asyncio.Future):
            what = await what
        if isinstance(what, Exception):
            raise what
        return dict.fromkeys(batches, what)

    async def close(self) -> None:
        self.closed = True


def unpacked(message: bytes) -> dict[int, bytes]:
    """Partition → records of a request, read by the protocol's description and not by our structs."""
    data = BytesIO(message)
    assert struct.unpack(">hhi", data.read(8))[:2] == (-1, -1)
    assert struct.unpack(">i", data.read(4)) == (1,)
    (length,) = struct.unpack(">h", data.read(2))
    assert data.read(length) == b"votes"
    (count,) = struct.unpack(">i", data.read(4))
    found = {}
    for _ in range(count):
        number, size = struct.unpack(">ii", data.read(8))
        found[number] = data.read(size)
    assert not data.read()
    return found


def records_of(broker: Broker) -> dict[int, list[bytes]]:
    """The values on the log, by partition."""
    found: dict[int, list[bytes]] = {}
    for _node, batches in broker.requests:
        for partition, raw in batches.items():
            batch = MemoryRecords(raw).next_batch()
            assert batch.validate_crc()
            found.setdefault(partition, []).extend(record.value for record in batch)
    return found


@asynccontextmanager
async def sending(broker: Broker, **options: Any) -> AsyncIterator[VoteSender]:
    async def connect() -> Broker:
        return broker

    sender = VoteSender(connect, "votes", PARTITIONS, **options)
    await sender.start()
    async with asyncio.timeout(5):
        while not sender.ready:  # noqa: ASYNC110 - it connects in the background
            await asyncio.sleep(0.005)
    try:
        yield sender
    finally:
        await sender.stop()


def key(number: int) -> bytes:
    return b"%020d" % number


async def test_each_vote_is_one_record_of_its_partition_in_the_order_of_its_coming() -> None:
    broker = Broker()
    async with sending(broker, wait=5.0) as sender:
        await asyncio.gather(*(sender.send(key(n % 50), b"%d" % n, [("a", b"b")]) for n in range(300)))
        assert sender.unconfirmed == 0
    expected: dict[int, list[bytes]] = {}
    for n in range(300):
        expected.setdefault(partition_of(key(n % 50), PARTITIONS), []).append(b"%d" % n)
    assert records_of(broker) == expected
    assert all(broker.leaders[p] == node for node, batches in broker.requests for p in batches)
    assert len(broker.requests) < 12, "many votes, few requests"


async def test_vote_is_answered_only_after_the_broker() -> None:
    answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    broker = Broker(how=[answer])
    async with sending(broker) as sender:
        vote = asyncio.create_task(sender.send(key(1), b"v", []))
        await asyncio.sleep(0.05)
        assert not vote.done()
        answer.set_result(0)
        await vote


@pytest.mark.parametrize("code", [3, 6, 19])
async def test_what_a_broker_did_not_write_goes_to_the_next_leader(code: int) -> None:
    broker = Broker(how=[code, code])
    async with sending(broker) as sender:
        await sender.send(key(1), b"v", [])
    assert len(broker.requests) == 3
    assert len({raw for _, batches in broker.requests for raw in batches.values()}) == 1


@pytest.mark.parametrize("code", [20, 2, 29, -1])
async def test_any_other_error_is_unknown_and_never_a_success(code: int) -> None:
    broker = Broker(how=[code])
    async with sending(broker) as sender:
        with pytest.raises(Unconfirmed):
            await sender.send(key(1), b"v", [])
        assert len(broker.requests) == 1


async def test_silent_broker_gives_up_in_time_and_what_was_not_sent_is_not_sent_later() -> None:
    silent: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    broker = Broker(how=[silent], leaders=dict.fromkeys(range(PARTITIONS), 0))
    async with sending(broker, patience=0.3, limit=3, flights=1) as sender:
        first = asyncio.create_task(sender.send(key(1), b"sent", []))
        await asyncio.sleep(0.05)
        second = asyncio.create_task(sender.send(key(1), b"built", []))
        results = await asyncio.gather(first, second, return_exceptions=True)
        assert [type(result) for result in results] == [Unconfirmed, Unconfirmed]
        assert sender.unconfirmed == 1, "the one that is on its way"
        silent.set_result(0)
        await sender.send(key(2), b"later", [])
    assert sorted(value for values in records_of(broker).values() for value in values) == [b"later", b"sent"]


async def test_a_crowd_is_let_in_only_while_the_broker_keeps_up() -> None:
    silent: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    broker = Broker(how=[silent], leaders=dict.fromkeys(range(PARTITIONS), 0))
    async with sending(broker, crowd=2, wait=0.05) as sender:
        crowd = [asyncio.create_task(sender.send(key(n), b"v", [])) for n in range(5)]
        await asyncio.sleep(0.02)
        assert sender.unconfirmed == 5, "they wait for a moment only"
        await asyncio.sleep(0.1)
        with pytest.raises(TooBusy):
            await sender.send(key(9), b"shed", [])
        silent.set_result(0)
        await asyncio.gather(*crowd)
        await sender.send(key(9), b"later", [])
    assert b"shed" not in [value for values in records_of(broker).values() for value in values]


async def test_a_crowd_is_shed_in_the_midst_of_a_turn_that_takes_too_long() -> None:
    async with sending(Broker(), crowd=2, wait=0.05) as sender:
        told: list[bool] = []
        sender.submit(key(1), b"v", [], told.append)
        sender.submit(key(2), b"v", [], told.append)
        time.sleep(0.1)  # noqa: ASYNC251 - the loop has other work
        with pytest.raises(TooBusy):
            sender.submit(key(3), b"v", [], told.append)
        await asyncio.sleep(0.1)
        assert told == [True, True]
        await sender.send(key(3), b"v", [])


async def test_few_votes_are_never_shed_for_being_slow() -> None:
    silent: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    async with sending(Broker(how=[silent], leaders=dict.fromkeys(range(PARTITIONS), 0))) as sender:
        first = asyncio.create_task(sender.send(key(1), b"v", []))
        await asyncio.sleep(0.1)
        second = asyncio.create_task(sender.send(key(2), b"v", []))
        await asyncio.sleep(0)
        silent.set_result(0)
        await asyncio.gather(first, second)


async def test_bounded_in_flight_refuses_at_once_and_sends_nothing() -> None:
    silent: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    broker = Broker(how=[silent])
    async with sending(broker, limit=2) as sender:
        taken = [asyncio.create_task(sender.send(key(0), b"v", [])) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(TooBusy):
            await sender.send(key(0), b"refused", [])
        silent.set_result(0)
        await asyncio.gather(*taken)
    assert b"refused" not in [value for values in records_of(broker).values() for value in values]


async def test_lost_broker_refuses_its_partitions_until_it_is_back_and_no_others() -> None:
    broker = Broker(how=[KafkaConnectionError("gone")])
    lost = next(key(n) for n in range(99) if partition_of(key(n), PARTITIONS) % 2 == 0)
    other = next(key(n) for n in range(99) if partition_of(key(n), PARTITIONS) % 2 == 1)
    async with sending(broker) as sender:
        broker.reachable = False
        with pytest.raises(Unconfirmed):
            await sender.send(lost, b"v", [])
        assert not sender.ready
        with pytest.raises(TooBusy):
            await sender.send(lost, b"v", [])
        await sender.send(other, b"v", [])
        broker.reachable = True
        async with asyncio.timeout(5):
            while not sender.ready:  # noqa: ASYNC110 - it tries again in the background
                await asyncio.sleep(0.01)
        await sender.send(lost, b"v", [])


async def test_partition_without_a_leader_is_refused_and_waited_for() -> None:
    broker = Broker(how=[6])
    async with sending(broker, patience=1.0) as sender:
        partition = partition_of(key(1), PARTITIONS)
        vote = asyncio.create_task(sender.send(key(1), b"v", []))
        await asyncio.sleep(0)
        broker.leaders[partition] = None
        await asyncio.sleep(0.1)
        with pytest.raises(TooBusy):
            await sender.send(key(1), b"w", [])
        broker.leaders[partition] = 1
        await vote


@given(st.binary(max_size=40), st.integers(1, 100))
def test_partitions_are_those_of_every_other_producer(name: bytes, partitions: int) -> None:
    assert partition_of(name, partitions) == (murmur2(name) & 0x7FFFFFFF) % partitions


def test_twenty_bytes_have_a_short_cut_that_agrees() -> None:
    chosen = random.Random(1)
    for _ in range(2_000):
        name = chosen.randbytes(20)
        assert partition_of(name, 24) == (murmur2(name) & 0x7FFFFFFF) % 24


def test_answer_is_read_for_each_partition() -> None:
    results = b"".join(struct.pack(">ihqq", number, number * 3, 99, -1) for number in range(4))
    topic = struct.pack(">i", 1) + struct.pack(">h", 5) + b"votes" + struct.pack(">i", 4) + results
    answer = topic + struct.pack(">i", 0)
    assert ProduceAnswer.decode(BytesIO(answer)) == {0: 0, 1: 3, 2: 6, 3: 9}


def test_full_batch_takes_no_more() -> None:
    batch = new_batch(compressed=True)
    taken = 0
    while batch.append(taken, None, b"k", b"v" * 10_000, []) is not None:
        taken += 1
    assert 40 < taken < 60


async def test_two_requests_at_most_are_on_their_way_to_a_broker() -> None:
    silent = [asyncio.get_running_loop().create_future() for _ in range(2)]
    broker = Broker(how=[*silent], leaders=dict.fromkeys(range(PARTITIONS), 0))
    async with sending(broker) as sender:
        votes = []
        for number in range(3):
            votes.append(asyncio.create_task(sender.send(key(number), b"%d" % number, [])))
            await asyncio.sleep(0.02)
        assert len(broker.requests) == 2, "the second does not wait for the first's answer, the third does"
        silent[1].set_result(0)
        await asyncio.gather(votes[1], votes[2])
        assert not votes[0].done()
        silent[0].set_result(0)
        await votes[0]
