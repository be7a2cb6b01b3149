"""Every question that identity asks of the database; what the vault holds is asked there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting.domain.waiting import Queue
from services.voting.identity.tables import AccountSubject, BallotCode, OutgoingCode


async def real_time(session: AsyncSession) -> datetime:
    """The database's clock: mail is sent in real time, whatever the contest's clock says."""
    now: datetime = (await session.execute(text("SELECT clock_timestamp()"))).scalar_one()
    return now


_TAKE_TURNS = text("SELECT pg_advisory_xact_lock(hashtextextended(:who, 0))")


async def recent_codes(
    session: AsyncSession, contest_id: str, subject: bytes, since: datetime
) -> Sequence[BallotCode]:
    """The codes that a voter asked for since then, the newest first. Whoever asks for the same voter
    waits until this transaction ends, also where there is no row yet."""
    await session.execute(_TAKE_TURNS, {"who": f"{contest_id} {subject.hex()}"})
    found = await session.execute(
        select(BallotCode)
        .where(
            col(BallotCode.contest_id) == contest_id,
            col(BallotCode.subject) == subject,
            col(BallotCode.asked_at) > since,
        )
        .order_by(col(BallotCode.asked_at).desc(), col(BallotCode.code_id).desc())
        .with_for_update()
    )
    return found.scalars().all()


_ENQUEUE = text(
    """
    INSERT INTO outgoing_code
        (contest_id, code_id, subject, channel, provider, language, attempts, queued_at, due_at)
    SELECT :contest_id, :code_id, :subject, :channel, :provider, :language, 0, now, now + :delay
    FROM clock_timestamp() AS now
    RETURNING due_at
    """
)
_SOONER = text(
    """
    UPDATE outgoing_code SET due_at = least(due_at, clock_timestamp() + :delay)
    WHERE contest_id = :contest_id AND code_id = :code_id RETURNING due_at
    """
)
_WAITING = text(
    """
    SELECT code_id FROM outgoing_code
    WHERE contest_id = :contest_id AND code_id = ANY(:code_ids) AND claimed_until IS NULL LIMIT 1
    """
)
_SPEND = text(
    """
    INSERT INTO spent_puzzle (contest_id, nonce, expires_at) VALUES (:contest_id, :nonce, :expires_at)
    ON CONFLICT DO NOTHING RETURNING nonce
    """
)
_FORGET_SPENT = text(
    """
    DELETE FROM spent_puzzle WHERE (contest_id, nonce) IN (
        SELECT contest_id, nonce FROM spent_puzzle WHERE expires_at < clock_timestamp() - interval '1 hour'
        ORDER BY expires_at LIMIT 5 FOR UPDATE SKIP LOCKED)
    """
)


async def enqueue(session: AsyncSession, values: dict[str, object]) -> datetime:
    """Put a code into the queue; the instant at which it is due."""
    due_at: datetime = (await session.execute(_ENQUEUE, values)).scalar_one()
    return due_at


async def bring_forward(session: AsyncSession, values: dict[str, object]) -> None:
    """Let a waiting code be due no later than ``delay`` from now."""
    await session.execute(_SOONER, values)


async def waiting_among(session: AsyncSession, contest_id: str, code_ids: Iterable[str]) -> str | None:
    """Which of the codes still waits for a courier."""
    values = {"contest_id": contest_id, "code_ids": list(code_ids)}
    found: str | None = (await session.execute(_WAITING, values)).scalar_one_or_none()
    return found


async def keep_account(session: AsyncSession, contest_id: str, subject: bytes) -> None:
    """Remember that this voter came by an account elsewhere."""
    values = {"contest_id": contest_id, "subject": subject}
    await session.execute(insert(AccountSubject).values(values).on_conflict_do_nothing())


async def spend_puzzle(session: AsyncSession, contest_id: str, nonce: str, expires_at: datetime) -> bool:
    """Whether the puzzle was not spent before; from here on it is. Each use forgets up to five old ones."""
    values = {"contest_id": contest_id, "nonce": nonce, "expires_at": expires_at}
    fresh = (await session.execute(_SPEND, values)).first() is not None
    await session.execute(_FORGET_SPENT)
    return fresh


async def code(session: AsyncSession, contest_id: str, code_id: str) -> BallotCode | None:
    """The code with that id."""
    return await session.get(BallotCode, (contest_id, code_id))


async def outgoing(session: AsyncSession, contest_id: str, code_id: str) -> OutgoingCode | None:
    """Its place in the queue; None once it is sent."""
    return await session.get(OutgoingCode, (contest_id, code_id))


_QUEUE = text(
    """
    SELECT date_trunc('second', due_at) + interval '1 second' AS due, provider, count(*) AS codes
    FROM outgoing_code GROUP BY due, provider ORDER BY due
    """
)


async def queue(session: AsyncSession) -> Queue:
    """Everything that waits, by second and provider. Codes are due somewhere in their second: those of
    one's own are not counted as ahead."""
    rows = (await session.execute(_QUEUE)).all()
    everything: dict[datetime, int] = {}
    providers: dict[str, tuple[list[datetime], list[int]]] = {}
    for row in rows:
        everything[row.due] = everything.get(row.due, 0) + row.codes
        instants, counts = providers.setdefault(row.provider, ([], []))
        instants.append(row.due)
        counts.append(row.codes)
    return Queue(
        tuple(everything),
        tuple(everything.values()),
        {name: Queue(tuple(instants), tuple(counts)) for name, (instants, counts) in providers.items()},
    )


_BY_PROVIDER = text("SELECT provider, count(*) AS codes FROM outgoing_code GROUP BY provider")


async def waiting_by_provider(session: AsyncSession) -> dict[str, int]:
    """How many codes wait for each provider."""
    return {row.provider: row.codes for row in await session.execute(_BY_PROVIDER)}


@dataclass(frozen=True, slots=True)
class Claimed:
    """A code that this courier has in hand."""

    contest_id: str
    code_id: str
    subject: bytes
    channel: str
    provider: str
    language: str
    attempts: int
    due_at: datetime


_DUE = text(
    """
    SELECT contest_id, code_id, subject, channel, provider, language, attempts, due_at FROM outgoing_code
    WHERE due_at <= clock_timestamp() AND coalesce(claimed_until, '-infinity') < clock_timestamp()
        AND provider <> ALL(:spared)
    ORDER BY due_at, code_id LIMIT :most FOR UPDATE SKIP LOCKED
    """
)
_CLAIM = text(
    """
    UPDATE outgoing_code SET claimed_until = clock_timestamp() + interval '60 seconds',
        attempts = attempts + 1
    WHERE (contest_id, code_id) IN (SELECT * FROM unnest(CAST(:contests AS text[]), CAST(:codes AS text[])))
    """
)
_HANDED_OVER = text(
    """
    UPDATE ballot_code SET sent_at = :now WHERE contest_id = :contest_id AND code_id = ANY(:code_ids)
    """
)
_DONE = text(
    """
    DELETE FROM outgoing_code
    WHERE (contest_id, code_id) IN (SELECT * FROM unnest(CAST(:contests AS text[]), CAST(:codes AS text[])))
    """
)
_REFUSED = text(
    """
    UPDATE ballot_code SET refused_at = :now, sent_at = NULL
    WHERE contest_id = :contest_id AND code_id = :code_id
    """
)
_UNSENT = text(
    """
    UPDATE ballot_code SET unsent_at = :now, sent_at = NULL
    WHERE contest_id = :contest_id AND code_id = :code_id
    """
)
_LATER = text(
    """
    UPDATE outgoing_code SET claimed_until = NULL, due_at = clock_timestamp() + :delay
    WHERE contest_id = :contest_id AND code_id = :code_id
    """
)


async def due(session: AsyncSession, most: int, spared: Iterable[str]) -> list[Claimed]:
    """Codes that are due, the first first; not those to a provider that is to be ``spared``."""
    rows = await session.execute(_DUE, {"most": most, "spared": list(spared)})
    return [Claimed(*row) for row in rows]


async def claim(session: AsyncSession, claimed: Sequence[Claimed]) -> None:
    """Take the codes in hand for a minute."""
    await session.execute(_CLAIM, _pairs(claimed))


async def handed_over(session: AsyncSession, contest_id: str, code_ids: Iterable[str], now: datetime) -> None:
    """The codes of a contest go out now; from here on they are valid for ten minutes."""
    values = {"contest_id": contest_id, "code_ids": list(code_ids), "now": now}
    await session.execute(_HANDED_OVER, values)


async def done(session: AsyncSession, claimed: Sequence[Claimed]) -> None:
    """The codes left; the queue forgets them."""
    await session.execute(_DONE, _pairs(claimed))


async def refused(session: AsyncSession, claimed: Claimed, now: datetime) -> None:
    """Nobody will ever deliver it: the page says so."""
    values = {"contest_id": claimed.contest_id, "code_id": claimed.code_id, "now": now}
    await session.execute(_REFUSED, values)


async def unsent(session: AsyncSession, claimed: Claimed, now: datetime) -> None:
    """Nobody took it for too long: the page says so, and asking again is free."""
    values = {"contest_id": claimed.contest_id, "code_id": claimed.code_id, "now": now}
    await session.execute(_UNSENT, values)


async def later(session: AsyncSession, claimed: Claimed, delay: object) -> None:
    """It could not be handed over; try again after ``delay``."""
    values = {"contest_id": claimed.contest_id, "code_id": claimed.code_id, "delay": delay}
    await session.execute(_LATER, values)


def _pairs(claimed: Sequence[Claimed]) -> dict[str, list[str]]:
    return {
        "contests": [each.contest_id for each in claimed],
        "codes": [each.code_id for each in claimed],
    }
