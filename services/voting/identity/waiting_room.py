"""Where people wait for their code: the queue as each process sees it, at most a second old.

One look at the database serves everybody who asks within that second, so a hundred thousand waiting
pages cost it no more than one.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting.domain.waiting import Place, Queue, Rates, place_in
from services.voting.identity import records
from shared.settings import Settings

LOOK_EVERY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class CodeStatus:
    """What somebody who asked for a code should know."""

    sent: bool
    refused: bool
    """The address takes no messages."""
    unsent: bool
    """Nobody took messages for so long that the code was given up."""
    place: Place
    """In the queue; nobody ahead and no seconds once it is sent."""


class WaitingRoom:
    """Answers how long."""

    def __init__(self, settings: Settings) -> None:
        self.rates = Rates(settings.codes_per_second, settings.codes_per_second_and_provider)
        self._most = settings.codes_waiting
        self._queue = Queue()
        self._looked_at = float("-inf")

    async def full(self, session: AsyncSession) -> bool:
        """Whether the queue takes nobody more."""
        return (await self._look(session)).length >= self._most

    async def status(self, session: AsyncSession, contest_id: str, code_id: str) -> CodeStatus | None:
        """What became of a code; None where there is none with that id."""
        code = await records.code(session, contest_id, code_id)
        if code is None:
            return None
        waiting = await records.outgoing(session, contest_id, code_id)
        in_hand = waiting is None or waiting.claimed_until is not None
        refused, unsent = code.refused_at is not None, code.unsent_at is not None
        if refused or unsent or in_hand or waiting is None:
            return CodeStatus(not refused and not unsent, refused, unsent, Place(0, 0))
        now: datetime = await records.real_time(session)
        queue = await self._look(session)
        return CodeStatus(
            False, False, False, place_in(queue, waiting.provider, waiting.due_at, now, self.rates)
        )

    async def _look(self, session: AsyncSession) -> Queue:
        now = asyncio.get_running_loop().time()
        if now - self._looked_at > LOOK_EVERY_SECONDS:
            self._looked_at = now
            self._queue = await records.queue(session)
        return self._queue
