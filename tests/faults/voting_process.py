"""Roles of voting in processes of their own, as ``python -m services.voting`` runs them, to be killed.

A nursery: it has everything imported, and forks a process for each line of JSON on its standard input,
``{"arguments": [...], "environment": {...}, "log": "..."}``, whose id it prints. So a killed process is
back in half a second instead of five, and ends with the test run, however that ends.

Two things differ, both by the environment. FAULTS_CLOCK moves this process's idea of the time by so
many seconds. FAULTS_PLANT plants bugs, so that the tests can show that their oracle sees them; the
product has no such switch. A dead member is noticed after 2 s instead of 10.
"""

import asyncio
import ctypes
import json
import os
import signal
import sys
import traceback
from datetime import datetime, timedelta, tzinfo
from typing import Any

from services.voting import app, sender
from shared.messaging import assignment, broker, consume, fence
from shared.messaging.effects import Effects, Outcome, Records
from shared.runtime import main

broker.SESSION_TIMEOUT_MS = 2_000
_DIE_WITH_PARENT = 1
EXPOSED_SECONDS = 0.3


def plant_ack_before_the_broker() -> None:
    """The door answers when the vote is in the buffer, not when the log has it."""
    submit = sender.VoteSender.submit

    def hasty(self: sender.VoteSender, key: bytes, value: bytes, headers: Any, done: sender.Done) -> None:
        submit(self, key, value, headers, lambda _: None)
        asyncio.get_running_loop().call_soon(done, True)

    sender.VoteSender.submit = hasty  # type: ignore[method-assign]


def plant_offsets_first() -> None:
    """The fence moves, and is committed, before the effect is."""
    commit = consume.Member._commit

    async def offsets_first(self: consume.Member, effects: Effects, records: Records) -> Outcome:
        topic = effects.subscription.topic
        numbers = [partition.partition for partition in records]
        steps = {part.partition: fence.identity_step(its[-1]) for part, its in records.items()}
        async with self._database.transaction() as session:
            await fence.lock_fences(session, self._group, topic, numbers, self._assignment.incarnation)
            await fence.advance_fences(session, self._group, topic, steps)
        await asyncio.sleep(EXPOSED_SECONDS)
        return await commit(self, effects, records)

    _hold_nothing_back()  # the effect still takes its records
    consume.Member._commit = offsets_first  # type: ignore[method-assign]


def plant_fence_off() -> None:
    """A group goes on from the offsets that Kafka has, and drops no record that it has had."""

    async def from_committed(self: assignment.Assignment, partitions: set[assignment.TopicPartition]) -> None:
        consumer = self._consumer
        if consumer is None:
            return
        self.incarnation = await assignment.cluster_id(self._settings)
        for partition in partitions:
            position = await consumer.committed(partition) or 0
            consumer.seek(partition, position)
            self._next[partition] = position
        self._resume(partitions)

    _hold_nothing_back()
    assignment.Assignment._place = from_committed  # type: ignore[method-assign]


def _hold_nothing_back() -> None:
    """Let a turn see fences that hold no record back."""
    lock = consume.lock_fences

    async def lock_and_forget(*arguments: Any) -> dict[int, fence.Fence]:
        fences = await lock(*arguments)
        return {number: fence.Fence(0, "", found.incarnation) for number, found in fences.items()}

    consume.lock_fences = lock_and_forget
    consume.Member._refuse_moved = lambda *_: None  # type: ignore[method-assign]


PLANTS = {
    "ack-before-the-broker": plant_ack_before_the_broker,
    "offsets-first": plant_offsets_first,
    "fence-off": plant_fence_off,
}


def move_clock(seconds: float) -> None:
    """Let every module of voting read a clock that is wrong by ``seconds``."""

    class WrongClock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(seconds=seconds)

    for name, module in list(sys.modules.items()):
        if name.startswith("services.voting") and getattr(module, "datetime", None) is datetime:
            module.datetime = WrongClock  # type: ignore[attr-defined]


def live(arguments: list[str], environment: dict[str, str], log: str) -> int:
    """The life of a forked process; returns its exit code."""
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.update(environment)
    for plant in environment["FAULTS_PLANT"].split():
        PLANTS[plant]()
    if seconds := float(environment["FAULTS_CLOCK"]):
        move_clock(seconds)
    try:
        main("voting", app.build, arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def nursery() -> None:
    """Fork until nobody asks any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        wish = json.loads(line)
        pid = os.fork()
        if pid == 0:
            os._exit(live(**wish))
        print(pid, flush=True)


if __name__ == "__main__":
    nursery()
