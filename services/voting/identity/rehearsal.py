"""Ballots of voters that do not exist, for load and for the demo."""

import secrets

from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting import repository
from services.voting.domain.ballots import MailClass, issue_ballot, subject_of, voter_of
from services.voting.domain.keys import ContestKeys
from services.voting.window import LiveWindow
from shared import known
from shared.clock import Clock
from shared.errors import Conflict

MAX_REHEARSAL_BALLOTS = 100_000
_AT_ONCE = 1_000
"""Ballots made between two statements: a transaction must not be idle, and others want the loop."""


async def rehearsal_ballots(
    session: AsyncSession, clock: Clock, window: LiveWindow, contest_id: str, count: int
) -> list[str]:
    """``count`` ballots of voters that do not exist.

    Raises:
        Conflict: the contest is not a rehearsal.
    """
    rulebook = await known.rulebook(session, contest_id)
    if not rulebook.rehearsal:
        raise Conflict(
            "ออกบัตรซ้อมได้เฉพาะการประกวดที่เป็นการซ้อม",
            "Ballots without voters exist in a rehearsal only; this contest is real.",
        )
    keys = await window.keys_for(session, contest_id)
    now = await clock.now(session, contest_id)
    series = secrets.token_hex(8)
    ballots: list[str] = []
    for start in range(0, count, _AT_ONCE):
        numbers = range(start, min(start + _AT_ONCE, count))
        subjects = [subject_of(keys, f"rehearsal\n{series}\n{number}") for number in numbers]
        voters = [voter_of(keys, subject) for subject in subjects]
        await repository.keep_issued_ballots(session, contest_id, voters, MailClass.REHEARSAL, now)
        ballots += [_rehearsal_ballot(keys, subject, int(now.timestamp())) for subject in subjects]
    return ballots


def _rehearsal_ballot(keys: ContestKeys, subject: bytes, issued_at: int) -> str:
    return issue_ballot(keys, subject, issued_at, MailClass.REHEARSAL)
