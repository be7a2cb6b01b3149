"""The window and the ballot in memory: what the vote path knows without asking anybody.

It follows VotingOpened and VotingClosed on the decision topic, not a clock. At the start, and every
few seconds besides, it reads voting's own database: withdrawn entries, rehearsal time and keys come
from there, and a process that missed an event catches up. A closed vote never opens again.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from aiokafka.errors import KafkaError
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting import repository
from services.voting.domain import signals
from services.voting.domain.disclosure import VoteState
from services.voting.domain.errors import EntryLeft, NotOnBallot, VoteClosed, VoteNotOpen
from services.voting.domain.keys import ContestKeys, derive_keys
from services.voting.domain.outcomes import slot_of
from services.voting.tables import VoteWindow
from shared import known
from shared.clock import Clock
from shared.contracts.rulebook import VoteScope
from shared.contracts.voting import VotingClosed, VotingOpened
from shared.db import Database
from shared.messaging.broker import BrokerUnavailable, make_reader
from shared.settings import Settings

log = logging.getLogger(__name__)

REFRESH_SECONDS = 2.0
_CLOSED = frozenset({VoteState.CLOSED, VoteState.CERTIFIED})


@dataclass(frozen=True, slots=True)
class OpenVote:
    """One contest's vote as the door sees it."""

    contest_id: str
    state: VoteState
    ballot: Mapping[str, str]
    """Entry → category of everything that was on the ballot at the opening."""
    withdrawn: frozenset[str]
    scope: VoteScope
    shift: timedelta
    """Contest time less this machine's."""

    def now(self) -> datetime:
        """Contest time, near enough for a timestamp and for the day of a daily vote."""
        return datetime.now(UTC) + self.shift

    def slot_for(self, entry_id: str, now: datetime) -> str:
        """What "once" means for a vote for ``entry_id``.

        Raises:
            VoteNotOpen, VoteClosed, NotOnBallot, EntryLeft: why there is no such vote now.
        """
        if self.state in _CLOSED:
            raise VoteClosed
        if self.state is VoteState.NOT_OPEN:
            raise VoteNotOpen
        category_id = self.ballot.get(entry_id)
        if category_id is None:
            raise NotOnBallot
        if entry_id in self.withdrawn:
            raise EntryLeft
        return slot_of(self.scope, category_id, now)


class LiveWindow:
    """Every contest's vote and keys, kept up to date while the process serves."""

    def __init__(self, settings: Settings, database: Database, clock: Clock, root: bytes) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._root = root
        self._votes: dict[str, OpenVote] = {}
        self._keys: dict[str, ContestKeys] = {}
        self._stale = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.following = False
        """Whether the decision topic is being read."""
        self.learnt = False
        """Whether the database was read once: from then on votes are taken without it."""

    def vote(self, contest_id: str) -> OpenVote | None:
        """The contest's vote; None where it was not opened."""
        return self._votes.get(contest_id)

    def keys(self, contest_id: str) -> ContestKeys | None:
        """The contest's keys, once it is known here."""
        return self._keys.get(contest_id)

    async def keys_for(self, session: AsyncSession, contest_id: str) -> ContestKeys:
        """The contest's keys, made on first use. The caller has checked that the contest exists."""
        if contest_id not in self._keys:
            pepper = await repository.pepper(session, contest_id)
            self._keys[contest_id] = derive_keys(self._root, contest_id, pepper)
        return self._keys[contest_id]

    async def forget_destroyed(self, session: AsyncSession) -> None:
        """Let go of identity keys that were destroyed: no process goes on with a copy in its memory."""
        for contest_id in await repository.destroyed_peppers(session):
            if contest_id in self._keys and not self._keys[contest_id].destroyed:
                self._keys[contest_id] = derive_keys(self._root, contest_id, b"")
                signals.forget()

    async def start(self) -> None:
        """Read the present state, then follow."""
        with contextlib.suppress(OSError, SQLAlchemyError):
            await self.refresh()
        self._tasks = [asyncio.create_task(self._follow()), asyncio.create_task(self._refresh_forever())]

    async def stop(self) -> None:
        """Follow no longer."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def refresh(self) -> None:
        """Take over what the database says, but never reopen what an event closed."""
        async with self._database.transaction() as session:
            await self.forget_destroyed(session)
            for contest_id in await known.contests(session):
                await self.keys_for(session, contest_id)
            for row in await repository.windows(session):
                await self.keys_for(session, row.contest_id)
                vote = await self._read(session, row)
                before = self._votes.get(row.contest_id)
                if before and before.state in _CLOSED and vote.state not in _CLOSED:
                    vote = replace(vote, state=before.state)
                self._votes[row.contest_id] = vote
        self.learnt = True

    def apply(self, event: VotingOpened | VotingClosed) -> None:
        """Take one decision from the log."""
        vote = self._votes.get(event.contest_id)
        if isinstance(event, VotingClosed) and vote is not None:
            self._votes[event.contest_id] = replace(vote, state=VoteState.CLOSED)
        self._stale.set()

    async def _read(self, session: AsyncSession, row: VoteWindow) -> OpenVote:
        categories = {f.entry_id: f.category_id for f in await repository.finalists(session, row.contest_id)}
        now = await self._clock.now(session, row.contest_id)
        return OpenVote(
            contest_id=row.contest_id,
            state=VoteState(row.state),
            ballot={entry_id: categories.get(entry_id, "") for entry_id in row.ballot},
            withdrawn=await repository.withdrawn(session, row.contest_id),
            scope=VoteScope(row.scope),
            shift=now - datetime.now(UTC),
        )

    async def _refresh_forever(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REFRESH_SECONDS):
                    await self._stale.wait()
            self._stale.clear()
            try:
                await self.refresh()
            except (OSError, SQLAlchemyError) as error:
                log.warning("the window could not be refreshed", extra={"error": repr(error)})

    async def _follow(self) -> None:
        while True:
            try:
                await self._follow_once()
            except (BrokerUnavailable, KafkaError, OSError) as error:
                self.following = False
                log.warning("the decision topic cannot be followed", extra={"error": repr(error)})
                await asyncio.sleep(0.5)

    async def _follow_once(self) -> None:
        reader = make_reader(self._settings, VotingOpened.TOPIC, client_id="voting-window")
        await reader.start()
        self.following = True
        self._stale.set()
        types = {event.event_type().encode(): event for event in (VotingOpened, VotingClosed)}
        try:
            async for record in reader:
                event_type = types.get(dict(record.headers).get("ce_type", b""))
                if event_type is not None and record.value:
                    self.apply(event_type.model_validate_json(record.value))
        finally:
            self.following = False
            await reader.stop()
