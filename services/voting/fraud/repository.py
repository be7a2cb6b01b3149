"""Every question of the fraud ledger to the database, apart from the detectors' own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting.fraud.signals import GROUP
from services.voting.repository import folded_up_to
from services.voting.tables import FraudCase, FraudPass
from services.voting.tally import GROUP as TALLY


async def case(
    session: AsyncSession, contest_id: str, case_id: str, *, lock: bool = False
) -> FraudCase | None:
    """One case."""
    return await session.get(FraudCase, (contest_id, case_id), with_for_update=lock or None)


async def growing_case(
    session: AsyncSession, contest_id: str, entry_id: str, detectors: str
) -> FraudCase | None:
    """The case that takes further votes of this kind: open, and nobody has chosen yet."""
    found = await session.execute(
        select(FraudCase)
        .where(
            col(FraudCase.contest_id) == contest_id,
            col(FraudCase.entry_id) == entry_id,
            col(FraudCase.detectors) == detectors,
            col(FraudCase.state) == "open",
            col(FraudCase.choice).is_(None),
        )
        .limit(1)
        .with_for_update()
    )
    return found.scalar_one_or_none()


async def cases(session: AsyncSession, contest_id: str) -> Sequence[FraudCase]:
    """All cases of a contest, those that wait for somebody first, the largest first."""
    found = await session.execute(
        select(FraudCase)
        .where(col(FraudCase.contest_id) == contest_id)
        .order_by((col(FraudCase.state) != "open"), col(FraudCase.votes).desc(), col(FraudCase.case_id))
    )
    return found.scalars().all()


async def open_cases(session: AsyncSession, contest_id: str) -> int:
    """How many cases wait for a decision."""
    found = await session.execute(
        select(func.count())
        .select_from(FraudCase)
        .where(col(FraudCase.contest_id) == contest_id, col(FraudCase.state) == "open")
    )
    return int(found.scalar_one())


async def last_pass(session: AsyncSession, contest_id: str) -> FraudPass | None:
    """When the detectors last looked, and how far they had read."""
    return await session.get(FraudPass, contest_id)


async def progress(session: AsyncSession) -> tuple[dict[int, int], dict[int, int]]:
    """How far the detectors and the tally have read: the same again means that nothing is new."""
    return await folded_up_to(session, GROUP), await folded_up_to(session, TALLY)


async def looked_up_to(session: AsyncSession) -> dict[int, int]:
    """The next offset of each partition that a look beginning now cannot hold for certain.

    Only a vote that both the detectors and the tally have read can be held, so it is the lesser of the
    two: a look while the tally lags must not let anybody certify what the tally brings afterwards.
    """
    read, counted = await progress(session)
    return {partition: min(offset, counted.get(partition, 0)) for partition, offset in read.items()}


@dataclass(frozen=True, slots=True)
class CaseShape:
    """A case at a glance."""

    networks: int
    agents: int
    domains: int
    youngest: int | None
    """The least age of a ballot when it was used, in seconds."""
    median_age: int | None
    first_at: datetime
    last_at: datetime


_SHAPE = text(
    """
    SELECT count(DISTINCT network), count(DISTINCT agent), count(DISTINCT nullif(domain, '')),
           min(age), percentile_disc(0.5) WITHIN GROUP (ORDER BY age), min(cast_at), max(cast_at)
    FROM held_vote JOIN vote_signal USING (contest_id, slot, voter_id)
    WHERE contest_id = :contest_id AND case_id = :case_id
    HAVING count(*) > 0
    """
)


async def case_shape(session: AsyncSession, contest_id: str, case_id: str) -> CaseShape | None:
    """What the votes of a case have in common."""
    row = (await session.execute(_SHAPE, {"contest_id": contest_id, "case_id": case_id})).first()
    return CaseShape(*row) if row else None


@dataclass(frozen=True, slots=True)
class Sample:
    """One held vote as a reviewer sees it."""

    receipt_id: str
    cast_at: datetime
    network: str
    agent: str
    agent_class: str
    domain: str
    mail_class: str
    age: int | None


_SAMPLES = text(
    """
    SELECT receipt_id, cast_at, network, agent, agent_class, domain, mail_class, age
    FROM held_vote JOIN vote_signal USING (contest_id, slot, voter_id)
    WHERE contest_id = :contest_id AND case_id = :case_id
    ORDER BY cast_at, receipt_id LIMIT :most
    """
)


async def samples(session: AsyncSession, contest_id: str, case_id: str, most: int = 8) -> list[Sample]:
    """The first votes of a case."""
    rows = await session.execute(_SAMPLES, {"contest_id": contest_id, "case_id": case_id, "most": most})
    return [Sample(*row) for row in rows]
