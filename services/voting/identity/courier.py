"""The courier hands codes over, as fast as the providers like it and no faster.

It runs in the elected leader of voting's worker, so the pace holds over all processes. A code is claimed
for a minute before it is sent and leaves the queue afterwards: a courier that dies loses nothing, and at
worst a person gets the same message twice.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import groupby

import structlog

from services.voting.domain.codes import code_for
from services.voting.domain.waiting import Rates
from services.voting.identity import metrics, records, vault
from services.voting.identity.channels import CannotDeliver, Channel, DeliveryAway
from services.voting.identity.letters import Letter, letter
from services.voting.identity.records import Claimed
from services.voting.window import LiveWindow
from shared import known
from shared.clock import Clock
from shared.contracts.rulebook import VoterIdentity
from shared.db import Database
from shared.settings import Settings

log = structlog.get_logger(__name__)

EVERY = timedelta(seconds=0.2)
"""How often the queue is looked at."""
_BURST_SECONDS = 1.0
"""What was not sent within a second may not be made up for."""
_LOOKS = 4
"""How often a turn looks on for others when a provider at the front has had enough."""
_PATIENCE = (timedelta(seconds=5), timedelta(minutes=2))
_LOOK_FOR_DESTROYED_SECONDS = 2.0
_COUNT_EVERY_SECONDS = 1.0
_GIVE_UP_AFTER = 30
"""Attempts, nearly an hour of them; whoever still waits is told to ask again."""


class Pace:
    """A bucket of permissions that fills at ``rate`` a second, up to one second's worth."""

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._most = max(1.0, rate * _BURST_SECONDS)
        self._level = min(1.0, self._most)
        self._at = now

    def allowance(self, now: float) -> int:
        """How many may go now."""
        self._level = min(self._most, self._level + (now - self._at) * self._rate)
        self._at = now
        return int(self._level)

    def take(self, number: int) -> None:
        """So many go."""
        self._level -= number


class Courier:
    """One turn after the other: claim what is due, hand it over, forget it."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        window: LiveWindow,
        channels: Mapping[VoterIdentity, Channel],
    ) -> None:
        self._rates = Rates(settings.codes_per_second, settings.codes_per_second_and_provider)
        self._in_flight = settings.codes_in_flight
        self._clock = clock
        self._window = window
        self._channels = channels
        self._total: Pace | None = None
        self._providers: dict[str, Pace] = {}
        self._looked_for_destroyed = float("-inf")
        self._counted = float("-inf")

    async def run(self, database: Database) -> int:
        """One turn; how many codes left."""
        claimed, letters = await self._claim(database)
        if not claimed:
            return 0
        gate = asyncio.Semaphore(self._in_flight)

        async def one(code: Claimed) -> Exception | None:
            async with gate:
                return await self._deliver(code, letters.get(code.code_id))

        outcomes = await asyncio.gather(*(one(code) for code in claimed))
        return await self._settle(database, list(zip(claimed, outcomes, strict=True)))

    async def _claim(self, database: Database) -> tuple[list[Claimed], dict[str, tuple[str, Letter]]]:
        """What goes out in this turn, with its address and words, by code id."""
        async with database.transaction() as session:
            chosen: list[Claimed] = []
            spared: set[str] = set()
            now = asyncio.get_running_loop().time()
            self._total = self._total or Pace(self._rates.total, now)
            if now - self._looked_for_destroyed > _LOOK_FOR_DESTROYED_SECONDS:
                self._looked_for_destroyed = now
                await self._window.forget_destroyed(session)
            if now - self._counted > _COUNT_EVERY_SECONDS:
                self._counted = now
                metrics.tell_waiting(await records.waiting_by_provider(session))
            room = self._total.allowance(now)
            for _ in range(_LOOKS if room else 0):
                left = room - len(chosen)
                found = await records.due(session, left, spared) if left else []
                taken = self._within_pace(found, spared, now)
                await records.claim(session, taken)
                chosen += taken
                if len(taken) == len(found):
                    break
            self._total.take(len(chosen))
            letters: dict[str, tuple[str, Letter]] = {}
            for contest_id, group in groupby(
                sorted(chosen, key=lambda code: code.contest_id), key=lambda code: code.contest_id
            ):
                own = list(group)
                rulebook = await known.rulebook(session, contest_id)
                keys = await self._window.keys_for(session, contest_id)
                where = await vault.addresses(session, keys, [code.subject for code in own])
                for code in own:
                    if code.subject in where:
                        digits = code_for(keys, code.subject, code.code_id)
                        words = letter(rulebook, digits, code.language)
                        letters[code.code_id] = (where[code.subject], words)
                contest_time = await self._clock.now(session, contest_id)
                await records.handed_over(session, contest_id, [c.code_id for c in own], contest_time)
        return chosen, letters

    def _within_pace(self, found: Sequence[Claimed], spared: set[str], now: float) -> list[Claimed]:
        """The codes whose provider has room; the others' providers are ``spared`` from here on."""
        taken: list[Claimed] = []
        counts: defaultdict[str, int] = defaultdict(int)
        for code in found:
            pace = self._providers.setdefault(code.provider, Pace(self._rates.provider, now))
            if counts[code.provider] < pace.allowance(now):
                counts[code.provider] += 1
                taken.append(code)
            else:
                spared.add(code.provider)
        for provider, number in counts.items():
            self._providers[provider].take(number)
        return taken

    async def _deliver(self, code: Claimed, found: tuple[str, Letter] | None) -> Exception | None:
        if found is None:
            return CannotDeliver("no address")
        channel = self._channels[VoterIdentity(code.channel)]
        address, words = found
        try:
            await channel.deliver(address, words, key=code.code_id, language=code.language)
        except (CannotDeliver, DeliveryAway) as error:
            return error
        except Exception as error:  # one code's fault: what left beside it must not be sent once more
            log.error("a channel failed at a code", channel=code.channel, error=type(error).__name__)
            return error
        return None

    async def _settle(self, database: Database, outcomes: Sequence[tuple[Claimed, Exception | None]]) -> int:
        """Forget what left and what never will; put back the rest."""
        gone = [code for code, error in outcomes if error is None]
        refused = [code for code, error in outcomes if isinstance(error, CannotDeliver)]
        put_off = [code for code, error in outcomes if error and not isinstance(error, CannotDeliver)]
        unsent = [code for code in put_off if code.attempts >= _GIVE_UP_AFTER]
        back = [code for code in put_off if code.attempts < _GIVE_UP_AFTER]
        async with database.transaction() as session:
            await records.done(session, [*gone, *refused, *unsent])
            for codes, tell in ((refused, records.refused), (unsent, records.unsent)):
                for code in codes:
                    await tell(session, code, await self._clock.now(session, code.contest_id))
            for code in back:
                await records.later(session, code, min(_PATIENCE[0] * 2**code.attempts, _PATIENCE[1]))
            now = await records.real_time(session)
        for code in gone:
            metrics.WAITED.labels(code.channel).observe((now - code.due_at).total_seconds())
        for outcome, codes in (
            ("sent", gone),
            ("refused", refused),
            ("unsent", unsent),
            ("later", back),
        ):
            for code in codes:
                metrics.SENT.labels(code.channel, outcome, metrics.provider_label(code.provider)).inc()
        if unsent:
            log.error("codes were given up: nobody took them for too long", codes=len(unsent))
        if back:
            log.warning("codes could not be handed over; they are tried again", codes=len(back))
        return len(gone)
