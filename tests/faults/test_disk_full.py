"""No space left: under Kafka's data, and under PostgreSQL's. Freed again, the vote goes on, exact.

The disk is a small tmpfs where this process may mount one; elsewhere the server is forbidden to write
files beyond a size, which fails the same calls with another number.
"""

import asyncio
import contextlib
import os
import random
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.faults.clients import Crowd
from tests.faults.history import Answer
from tests.faults.holdings import verdict
from tests.faults.house import House, a_house

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
FULL_SECONDS = 6.0
_NO_BYTES = 4_096
_AS_BEFORE = resource.RLIM_INFINITY


class SmallDisk:
    """A folder that can run out of space."""

    def __init__(self, folder: Path, *, mounted: bool) -> None:
        self.folder = folder
        self.mounted = mounted

    def fill(self, server: int) -> None:
        """Leave no byte; where nothing is mounted, forbid ``server`` and its processes to write."""
        if not self.mounted:
            self._limit(server, _NO_BYTES)
            return
        with contextlib.suppress(OSError), (self.folder / "ballast").open("wb", buffering=0) as ballast:
            while True:
                ballast.write(bytes(64 * 1024))
        with contextlib.suppress(OSError), (self.folder / "ballast").open("ab", buffering=0) as ballast:
            while True:
                ballast.write(bytes(512))

    def free(self, server: int) -> None:
        """Space again."""
        if not self.mounted:
            self._limit(server, _AS_BEFORE)
        (self.folder / "ballast").unlink(missing_ok=True)

    def _limit(self, server: int, size: int) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in (psutil.Process(server), *psutil.Process(server).children()):
                process.rlimit(psutil.RLIMIT_FSIZE, (size, _AS_BEFORE))


@contextmanager
def a_small_disk(folder: Path, megabytes: int) -> Iterator[SmallDisk]:
    """A tmpfs of that size on ``folder``, or the folder itself."""
    folder.mkdir(parents=True)
    options = ["-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(["mount", *options], check=False).returncode == 0
    print("a full tmpfs" if mounted else "RLIMIT_FSIZE stands for a full disk: nothing can be mounted here")
    try:
        yield SmallDisk(folder, mounted=mounted)
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=False)


async def vote_on_while_full(
    house: House, chance: random.Random, fill: Callable[[], None], free: Callable[[], None]
) -> None:
    """Voters before, while the disk is full, and for a good while after."""
    vote = await house.new_vote(3_000)
    async with Crowd(vote, house.ports, chance, pause=0.05) as crowd:
        await crowd.takes(100)
        await asyncio.to_thread(fill)
        await asyncio.sleep(FULL_SECONDS)
        await asyncio.to_thread(free)
        await crowd.takes(100)
    await house.everyone_ready()
    print(vote.history)
    assert await verdict(house, vote) == []
    assert vote.history.count(Answer.OK) > 200


async def test_full_disk_under_kafka_loses_nothing(folder: Path, chance: random.Random) -> None:
    with a_small_disk(folder / "kafka-disk", 96) as disk:
        async with a_house(folder, kafka_folder=disk.folder / "kafka") as house:

            def free() -> None:
                """A broker whose only disk failed ends itself; a supervisor starts it again."""
                disk.free(house.kafka.pid)
                house.kafka.kill()
                house.kafka.start()

            await vote_on_while_full(house, chance, lambda: disk.fill(house.kafka.pid), free)


async def test_full_disk_under_postgres_loses_nothing(folder: Path, chance: random.Random) -> None:
    with a_small_disk(folder / "pg-disk", 192) as disk:
        async with a_house(folder, postgres_folder=disk.folder / "pg") as house:

            def free() -> None:
                """A server that could not write its log has ended, or ends now."""
                disk.free(house.postgres.pid)
                house.postgres.kill()
                house.postgres.start()

            await vote_on_while_full(house, chance, lambda: disk.fill(house.postgres.pid), free)
