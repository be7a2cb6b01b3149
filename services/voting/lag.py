"""How far the tally is behind the log, for the board: the log's ends less the tally's fence."""

import asyncio
import contextlib
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from shared.contracts.catalogue import TOPICS
from shared.contracts.voting import VoteCast
from shared.messaging.broker import make_reader
from shared.settings import BrokerKind, Settings

_PLACES = [TopicPartition(VoteCast.TOPIC, p) for p in range(TOPICS[VoteCast.TOPIC].partitions)]
_FRESH_SECONDS = 1.0
_PATIENCE_SECONDS = 2.0


class LogEnds:
    """Asks the broker for the ends of the vote log, at most once a second for all readers of the board."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._reader: AIOKafkaConsumer | None = None
        self._lock = asyncio.Lock()
        self._asked_at = float("-inf")
        self._ends: dict[int, int] | None = None

    async def behind(self, folded: Mapping[int, int]) -> int | None:
        """How many records of the log a reader at ``folded`` has not read; None where nobody can say
        (no broker answers, or it is the memory broker, whose ends are not true)."""
        if self._settings.broker is not BrokerKind.KAFKA:
            return None
        async with self._lock:
            if asyncio.get_running_loop().time() - self._asked_at > _FRESH_SECONDS:
                self._ends = await self._ask()
                self._asked_at = asyncio.get_running_loop().time()
        if self._ends is None:
            return None
        return sum(max(0, end - folded.get(partition, 0)) for partition, end in self._ends.items())

    async def close(self) -> None:
        """Let the broker go."""
        reader, self._reader = self._reader, None
        if reader is not None:
            with contextlib.suppress(KafkaError, OSError):
                await reader.stop()

    async def _ask(self) -> dict[int, int] | None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                if self._reader is None:
                    reader = make_reader(self._settings, client_id="voting-board")
                    try:
                        await reader.start()
                    except BaseException:
                        await reader.stop()
                        raise
                    self._reader = reader
                found = await self._reader.end_offsets(_PLACES)
        except (KafkaError, OSError, TimeoutError):
            await self.close()
            return None
        return {place.partition: end for place, end in found.items()}
