"""One look of the detectors at a contest: what they find, the votes that it concerns, and the cases.

It runs in the elected leader of the worker and is one transaction: a crash leaves all of a look or
nothing. A look reads everything that is known of the contest's votes, so a group that grows past a
threshold takes its first votes with it. The next look waits forty times as long as the last one took,
so that a large vote costs no more than a fortieth of one core.
"""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting import repository
from services.voting.domain.detectors import (
    Detector,
    Finding,
    Thresholds,
    essential,
    holding_sets,
    named,
    read_names,
)
from services.voting.domain.disclosure import VoteState
from services.voting.fraud import cases, evidence
from services.voting.fraud import repository as ledger
from services.voting.fraud.holding import Voter
from services.voting.tables import FraudPass
from shared import known
from shared.clock import Clock
from shared.db import Database

_LEAST_PAUSE = 2.0
_PAUSE_FACTOR = 40

_SUSPECTS = text(
    """
    SELECT signal.slot, signal.voter_id, signal.entry_id,
           string_agg(DISTINCT finding.detector, '+' ORDER BY finding.detector) AS detectors
    FROM vote_signal AS signal
    JOIN vote USING (contest_id, slot, voter_id)
    CROSS JOIN LATERAL (VALUES
        ('agent', signal.agent || '|' || signal.agent_class),
        ('domain', signal.domain),
        ('domain', signal.domain || '|' || to_char(
            (signal.cast_at - make_interval(secs => signal.age)) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24')),
        ('look_alike', signal.shape),
        ('row', signal.shape),
        ('network', signal.network || '|' || signal.agent),
        ('rate', to_char(date_bin('10 minutes', signal.cast_at, 'epoch') AT TIME ZONE 'UTC',
                         'YYYY-MM-DD"T"HH24.MI')),
        ('timing', CASE WHEN signal.age < :fast_seconds THEN 'network:' || signal.network END),
        ('timing', CASE WHEN signal.age < :fast_seconds THEN 'domain:' || signal.domain END),
        ('timing', CASE WHEN signal.age < :fast_seconds THEN 'agent:' || signal.agent || '|' || to_char(
            date_bin('10 minutes', signal.cast_at, 'epoch') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24.MI') END)
    ) AS trait (detector, value)
    JOIN unnest(CAST(:detectors AS text[]), CAST(:entries AS text[]), CAST(:values AS text[]))
        AS finding (detector, entry_id, value)
        ON finding.detector = trait.detector AND finding.value = trait.value
        AND finding.entry_id IN ('', signal.entry_id)
    WHERE signal.contest_id = :contest_id AND vote.state = 'counted' AND NOT EXISTS (
        SELECT FROM held_vote AS decided
        WHERE decided.contest_id = signal.contest_id AND decided.slot = signal.slot
          AND decided.voter_id = signal.voter_id)
    GROUP BY signal.slot, signal.voter_id, signal.entry_id
    HAVING string_agg(DISTINCT finding.detector, '+' ORDER BY finding.detector)
        = ANY(CAST(:holding_sets AS text[]))
    ORDER BY signal.entry_id, signal.slot, signal.voter_id
    """
)


@dataclass(frozen=True, slots=True)
class Look:
    """What one look came to."""

    findings: tuple[Finding, ...] = ()
    held: int = 0


async def look(session: AsyncSession, clock: Clock, contest_id: str) -> Look:
    """Hold every vote that the rulebook's detectors agree on, and remember how far they had read.

    Nothing is held before the vote opens, after it is certified, or by a rulebook without detectors.
    """
    rulebook = await known.rulebook(session, contest_id)
    if rulebook.fraud is None or await repository.window(session, contest_id) is None:
        return Look()
    rules = Thresholds.of(rulebook.fraud)
    read = await ledger.looked_up_to(session)
    found = await evidence.findings(session, contest_id, rules)
    suspects = await _suspects(session, contest_id, found, rules)
    window = await repository.window(session, contest_id, lock=True)  # from here on nobody can certify
    if window is None or window.state == VoteState.CERTIFIED:
        return Look(tuple(found))
    held = 0
    now = await clock.now(session, contest_id)
    for (entry_id, detectors), voters in sorted(suspects.items()):
        about = [finding for finding in found if _concerns(finding, entry_id, detectors)]
        suspicion = cases.Suspicion(contest_id, entry_id, read_names(detectors), rules, about)
        held += await cases.set_aside(session, suspicion, voters, now)
    await _remember(session, FraudPass(contest_id=contest_id, read_up_to=_as_json(read), passed_at=now))
    return Look(tuple(found), held)


def _concerns(finding: Finding, entry_id: str, detectors: str) -> bool:
    return finding.detector in read_names(detectors) and finding.entry_id in ("", entry_id)


async def _suspects(
    session: AsyncSession, contest_id: str, found: Sequence[Finding], rules: Thresholds
) -> dict[tuple[str, str], list[Voter]]:
    """The voters to hold, by entry and by the detectors that their case is named after."""
    if not found:
        return {}
    rows = await session.execute(
        _SUSPECTS,
        {
            "contest_id": contest_id,
            "fast_seconds": rules.fast_seconds,
            "detectors": [finding.detector.value for finding in found],
            "entries": [finding.entry_id for finding in found],
            "values": [finding.value for finding in found],
            "holding_sets": sorted(holding_sets(rules.hold_at)),
        },
    )
    suspects: dict[tuple[str, str], list[Voter]] = defaultdict(list)
    for slot, voter_id, entry_id, text_of_detectors in rows:
        agreed: tuple[Detector, ...] = essential(read_names(text_of_detectors), rules.hold_at)
        suspects[entry_id, named(agreed)].append(Voter(slot, voter_id))
    return suspects


def _as_json(offsets: dict[int, int]) -> dict[str, int]:
    return {str(partition): offset for partition, offset in sorted(offsets.items())}


async def _remember(session: AsyncSession, fraud_pass: FraudPass) -> None:
    statement = insert(FraudPass).values(**fraud_pass.model_dump())
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["contest_id"],
            set_={"read_up_to": statement.excluded.read_up_to, "passed_at": statement.excluded.passed_at},
        )
    )


@dataclass(slots=True)
class Watch:
    """Looks again whenever something was read or counted since, but never too often."""

    clock: Clock
    _seen: dict[str, object] = field(default_factory=dict)
    _not_before: float = 0.0

    async def run(self, database: Database) -> None:
        """One turn of the timer."""
        if time.monotonic() < self._not_before:
            return
        async with database.transaction() as session:
            progress = await ledger.progress(session)
            contests = [w.contest_id for w in await repository.windows(session) if w.state != "certified"]
        began = time.monotonic()
        for contest_id in contests:
            if self._seen.get(contest_id) == progress:
                continue
            async with database.transaction() as session:
                await look(session, self.clock, contest_id)
            self._seen[contest_id] = progress
        took = time.monotonic() - began
        self._not_before = time.monotonic() + max(_LEAST_PAUSE, _PAUSE_FACTOR * took)
