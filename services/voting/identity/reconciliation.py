"""Codes issued are reconciled with voters seen: a key holder could invent voters, and it would show here.

Every voter on the log must hold a ballot that was issued, and no kind of ballot can have more voters than
ballots. The figures say nothing of anybody's choice.
"""

import asyncio
from dataclasses import dataclass

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting.domain.ballots import MailClass

KEEP_SECONDS = 30.0
"""A million voters take the database a second or two: nobody needs it more often."""

_BY_KIND = text(
    """
    SELECT issued.mail_class, count(*) AS issued, count(seen.voter_id) AS seen FROM issued_ballot AS issued
    LEFT JOIN (SELECT DISTINCT voter_id FROM vote WHERE contest_id = :contest_id) AS seen USING (voter_id)
    WHERE issued.contest_id = :contest_id GROUP BY issued.mail_class ORDER BY issued.mail_class
    """
)
_UNKNOWN = text(
    """
    SELECT count(DISTINCT voter_id) FROM vote WHERE contest_id = :contest_id AND NOT EXISTS (
        SELECT FROM issued_ballot AS issued
        WHERE issued.contest_id = vote.contest_id AND issued.voter_id = vote.voter_id)
    """
)
_CODES = text(
    """
    SELECT count(*) AS asked, count(sent_at) AS sent, count(used_at) AS used,
        count(*) FILTER (WHERE shared_network) AS flagged
    FROM ballot_code WHERE contest_id = :contest_id
    """
)


@dataclass(frozen=True, slots=True)
class KindOfBallot:
    """Ballots of one kind of address."""

    kind: str
    issued: int
    seen: int
    """Of those: voters with a vote on the log."""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Ballots issued beside voters seen."""

    kinds: tuple[KindOfBallot, ...]
    unknown: int
    """Voters on the log who were never issued a ballot: 0, or somebody made them up."""
    codes_asked: int
    codes_sent: int
    codes_used: int
    codes_flagged: int
    """Codes asked for from busy networks."""

    @property
    def agrees(self) -> bool:
        """Whether every voter seen holds a ballot."""
        return self.unknown == 0


async def reconcile(session: AsyncSession, contest_id: str) -> Reconciliation:
    """Compare now."""
    values = {"contest_id": contest_id}
    kinds = tuple(
        KindOfBallot(MailClass(row.mail_class).name.lower(), row.issued, row.seen)
        for row in await session.execute(_BY_KIND, values)
    )
    unknown = int((await session.execute(_UNKNOWN, values)).scalar_one())
    codes = (await session.execute(_CODES, values)).one()
    return Reconciliation(kinds, unknown, codes.asked, codes.sent, codes.used, codes.flagged)


class Reconciler:
    """The comparison as a page shows it: at most half a minute old."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, Reconciliation]] = {}

    async def look(self, session: AsyncSession, contest_id: str) -> Reconciliation:
        """The comparison of ``contest_id``."""
        now = asyncio.get_running_loop().time()
        kept = self._kept.get(contest_id)
        if kept is None or now - kept[0] > KEEP_SECONDS:
            kept = self._kept[contest_id] = (now, await reconcile(session, contest_id))
        return kept[1]
