"""The way of a vote into the log: many votes, few requests, and an answer only when the broker has it.

Votes wait in one batch per partition for a few milliseconds, and longer while two requests are on their
way to the broker; then one request carries every batch of a broker. So the batches grow with
the load, and each vote stays one record. The number of votes that are not yet confirmed is bounded,
and so is the time that a crowd's votes wait: past either, a vote is refused at once, before anything is
sent, so that those who are let in are answered soon. A broker that does not answer in time gives
:class:`Unconfirmed`, never a success.

    submit ─► batch of its partition ─► flush (one request a broker) ─► answer ─► done(True)
                     ▲                         │ not the leader         │
                     └─────────────────────────┘                        └► no answer, error ─► done(False)
"""

import asyncio
import contextlib
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from services.voting.domain.errors import TooBusy
from services.voting.produce import Headers, ProduceVotes, new_batch, partition_of
from shared.messaging.broker import BrokerUnavailable

log = logging.getLogger(__name__)

Done = Callable[[bool], None]
"""Told once: True when every in-sync replica has the vote, False when that is unknown."""
_NOT_WRITTEN = frozenset({3, 5, 6, 9, 19, 56, 74})
"""Error codes with which a broker did not write: unknown topic, no leader, not the leader, no replica,
too few replicas, storage, old epoch. The same batch may go to the leader of a moment later."""
_SWEEP_SECONDS = 0.1
_AGAIN_SECONDS = 0.05
_REVIVE_SECONDS = 0.2
_BEAT_SECONDS = 0.01
_NEW_CLIENT_AFTER = 15


class Unconfirmed(Exception):
    """The log may have the record or not."""


class _Batch:
    """Votes that travel together, and who waits for them."""

    __slots__ = ("begun", "builder", "done", "partition", "records", "resolved", "votes")

    def __init__(self, partition: int, builder: Any, begun: float) -> None:
        self.partition = partition
        self.builder = builder
        self.begun = begun
        self.done: list[Done] = []
        self.votes = 0
        self.records = b""
        self.resolved = False


class VoteSender:
    """Sends votes to the partitions of one topic."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Any]],
        topic: str,
        partitions: int,
        *,
        compressed: bool = True,
        flush_after: float = 0.002,
        flights: int = 2,
        limit: int = 2_000,
        crowd: int = 256,
        wait: float = 0.02,
        patience: float = 1.5,
    ) -> None:
        """
        Args:
            connect: gives a connected ``AIOKafkaClient``.
            flush_after: seconds that a vote waits for company.
            flights: requests that may be on their way to one broker at once; a voter's two ballots that
                are cast at once then lie on the log in either order.
            limit: votes that may be unconfirmed at once.
            crowd: from this number on, a vote is taken only while votes wait less than ``wait``.
            wait: seconds that the oldest vote may wait for the broker, and the event loop be late.
            patience: seconds after which an unconfirmed vote is answered with :class:`Unconfirmed`.
        """
        self._connect = connect
        self._topic = topic
        self._wire_topic = topic.encode()
        self._places = [TopicPartition(topic, number) for number in range(partitions)]
        self._compressed = compressed
        self._flush_after = flush_after
        self._flights = flights
        self._limit = limit
        self._crowd = min(crowd, limit)
        self._wait = wait
        self._patience = patience
        self._beat = float("inf")
        self._client: Any = None
        self._building: dict[int, list[_Batch]] = {}
        self._flying: Counter[int] = Counter()
        self._planned: set[int] = set()
        self._down: set[int] = set()
        self._looking = False
        self._open: deque[_Batch] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self.unconfirmed = 0
        """Votes taken and not yet answered by the broker, those given up on included."""
        self.reached = False
        """Whether a broker was connected once."""

    @property
    def ready(self) -> bool:
        """Whether the topic's brokers are connected."""
        return self._client is not None and not self._down

    async def start(self) -> None:
        """Connect in the background; until then votes are refused, so a service starts without a broker."""
        self._loop = asyncio.get_running_loop()
        self._in_background(self._connect_until_done())
        self._in_background(self._sweep_forever())
        self._in_background(self._beat_forever())

    async def stop(self) -> None:
        """Send what waits, then disconnect."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                # ASYNC110: polled once, on the way out
                while self.unconfirmed and self.ready:  # noqa: ASYNC110
                    await asyncio.sleep(self._flush_after)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        client, self._client = self._client, None
        for batch in self._open:
            self._resolve(batch, confirmed=False)
        await _close(client)

    async def send(self, key: bytes, value: bytes, headers: Headers) -> None:
        """Return when every in-sync replica has the record.

        Raises:
            TooBusy: too many votes wait for the broker, or none is connected; nothing was sent.
            Unconfirmed: the broker did not confirm in time.
        """
        waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def done(confirmed: bool) -> None:
            if not waiter.done():
                waiter.set_result(confirmed)

        self.submit(key, value, headers, done)
        if not await waiter:
            raise Unconfirmed

    def submit(self, key: bytes, value: bytes, headers: Headers, done: Done) -> None:
        """Take one record; ``done`` is told, from the event loop, what became of it.

        Raises:
            TooBusy: as :meth:`send`; ``done`` is then never told.
        """
        client = self._client
        if client is None or self.overfull():
            raise TooBusy
        partition = partition_of(key, len(self._places))
        leader = client.cluster.leader_for_partition(self._places[partition])
        if leader is None or leader < 0 or leader in self._down:
            raise TooBusy
        batches = self._building.setdefault(partition, [])
        batch = batches[-1] if batches else None
        if batch is None or batch.records or batch.resolved or not _append(batch, key, value, headers):
            batch = _Batch(partition, new_batch(compressed=self._compressed), self._loop.time())
            _append(batch, key, value, headers)
            batches.append(batch)
            self._open.append(batch)
        batch.done.append(done)
        batch.votes += 1
        self.unconfirmed += 1
        if leader not in self._planned and self._may_fly(leader):
            self._plan(leader, self._flush_after)

    def overfull(self) -> bool:
        """Whether one more vote of a crowd would wait too long: too many are before it, this process is
        behind with its work, or the broker is."""
        if self.unconfirmed < self._crowd:
            return False
        if self.unconfirmed >= self._limit:
            return True
        while self._open and self._open[0].resolved:
            self._open.popleft()
        now = self._loop.time()
        late = now - self._beat
        return late > self._wait or (bool(self._open) and now - self._open[0].begun > self._wait)

    async def _beat_forever(self) -> None:
        """Say when the loop has to be back: in the midst of a long turn, what is overdue tells."""
        while True:
            self._beat = self._loop.time() + _BEAT_SECONDS
            await asyncio.sleep(_BEAT_SECONDS)

    def _may_fly(self, node: int) -> bool:
        return self._flying[node] < self._flights

    def _plan(self, node: int, seconds: float) -> None:
        self._planned.add(node)
        self._loop.call_later(seconds, self._flush, node)

    def _flush(self, node: int) -> None:
        """Send what waits for ``node`` in one request."""
        self._planned.discard(node)
        client = self._client
        if client is None or node in self._down or not self._may_fly(node):
            return
        leader_of = client.cluster.leader_for_partition
        flight: dict[int, _Batch] = {}
        for partition in list(self._building):
            if leader_of(self._places[partition]) != node:
                continue
            waiting = self._building[partition]
            while waiting and (batch := waiting.pop(0)):
                if not batch.resolved:
                    flight[partition] = batch
                    break
            if not waiting:
                del self._building[partition]
        if flight:
            self._flying[node] += 1
            self._in_background(self._fly(client, node, flight))
        else:  # somebody else leads by now, or nobody
            self._fly_again(0.0)

    async def _fly(self, client: Any, node: int, flight: dict[int, _Batch]) -> None:
        wait = 0.0
        try:
            for batch in flight.values():
                batch.records = batch.records or bytes(batch.builder.build())
            request = ProduceVotes(
                self._wire_topic,
                {partition: batch.records for partition, batch in flight.items()},
                timeout_ms=int(self._patience * 1000),
            )
            errors: dict[int, int] = await client.send(node, request)
            if self._land(flight, errors):
                client.force_metadata_update()
                wait = _AGAIN_SECONDS
        except (KafkaError, OSError, TimeoutError) as error:
            log.warning(
                "votes were not confirmed",
                extra={"error": repr(error), "votes": sum(len(batch.done) for batch in flight.values())},
            )
            self._lost(client, node, flight)
        finally:
            self._flying[node] -= 1
            for batch in flight.values():  # cancelled: nobody will bring the answer any more
                if batch.partition not in self._building or batch not in self._building[batch.partition]:
                    self._resolve(batch, confirmed=False)
        self._fly_again(wait)

    def _land(self, flight: dict[int, _Batch], errors: dict[int, int]) -> int:
        """Tell the voters; what was not written goes back to the front. Returns how many batches did."""
        again = 0
        for partition, batch in flight.items():
            error = errors.get(partition, -1)
            if error in _NOT_WRITTEN and not batch.resolved:
                self._building.setdefault(partition, []).insert(0, batch)
                again += 1
            else:
                if error:
                    log.warning("votes were refused by the broker", extra={"code": error})
                self._resolve(batch, confirmed=not error)
        return again

    def _lost(self, client: Any, node: int, flight: dict[int, _Batch]) -> None:
        """The connection broke: the log may have the votes or not. Refuse others until it stands again."""
        for batch in flight.values():
            self._resolve(batch, confirmed=False)
        if client is self._client and node not in self._down:
            self._down.add(node)
            self._in_background(self._revive(client, node))

    def _fly_again(self, wait: float) -> None:
        """See to what was built meanwhile, or waits for a leader."""
        client = self._client
        if client is None or not self._building:
            return
        leaders = {client.cluster.leader_for_partition(self._places[number]) for number in self._building}
        nobody = leaders & {None, -1}
        for leader in leaders - nobody - self._planned - self._down:
            if self._may_fly(leader):
                self._plan(leader, max(wait, self._flush_after))
        if nobody and not self._looking:
            self._looking = True
            self._loop.call_later(_AGAIN_SECONDS, self._look_again)

    def _look_again(self) -> None:
        self._looking = False
        self._fly_again(0.0)

    def _resolve(self, batch: _Batch, *, confirmed: bool) -> None:
        """Give the answer to whoever has none yet."""
        if not batch.resolved:
            batch.resolved = True
            self.unconfirmed -= batch.votes
            _tell(batch, confirmed)

    async def _sweep_forever(self) -> None:
        """Answer the voters who have waited long enough. What is not sent yet will not be; what is counts
        as unconfirmed until the broker answers or its connection ends."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            patient_since = self._loop.time() - self._patience
            while self._open and (self._open[0].resolved or self._open[0].begun <= patient_since):
                batch = self._open.popleft()
                if batch.records:
                    _tell(batch, False)
                else:
                    self._resolve(batch, confirmed=False)

    async def _revive(self, client: Any, node: int) -> None:
        """Try until the broker answers, or leads nothing any more, or another client has been made."""
        attempt = 0
        while client is self._client:
            attempt += 1
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                await client.force_metadata_update()
                leaders = {client.cluster.leader_for_partition(place) for place in self._places}
                if node not in leaders or await client.ready(node):
                    self._down.discard(node)
                    self._fly_again(0.0)
                    return
            if attempt % _NEW_CLIENT_AFTER == 0:  # its addresses may all be old: ask the bootstrap servers
                self._client = None
                await _close(client)
                self._in_background(self._connect_until_done())
                return
            await asyncio.sleep(_REVIVE_SECONDS)

    async def _connect_until_done(self) -> None:
        while True:
            client: Any = None
            try:
                async with asyncio.timeout(5):
                    client = await self._connect()
                    client.set_topics([self._topic])
                    while not client.cluster.partitions_for_topic(self._topic):
                        await client.force_metadata_update()
                        await asyncio.sleep(_AGAIN_SECONDS)
            except (BrokerUnavailable, KafkaError, OSError, TimeoutError) as error:
                log.warning("no broker for votes", extra={"error": repr(error)})
                await _close(client)
                await asyncio.sleep(0.5)
                continue
            self._down.clear()
            self._client = client
            self.reached = True
            self._fly_again(0.0)
            return

    def _in_background(self, work: Any) -> None:
        task: asyncio.Task[None] = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _close(client: Any) -> None:
    if client is not None:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(2):
                await client.close()


def _append(batch: _Batch, key: bytes, value: bytes, headers: Headers) -> bool:
    builder = batch.builder
    return builder.append(batch.votes, None, key, value, headers) is not None


def _tell(batch: _Batch, confirmed: bool) -> None:
    waiting, batch.done = batch.done, []
    for done in waiting:
        try:
            done(confirmed)
        except Exception:
            log.exception("a voter could not be answered")
