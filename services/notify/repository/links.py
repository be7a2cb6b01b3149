"""Public letters and short addresses."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify.domain.letters import LetterState
from services.notify.register_tables import PublicLetter, ShortLink
from services.notify.tables import Letter
from shared.clock import BANGKOK

_COUNT = text(
    """
    INSERT INTO short_link_day (contest_id, code, day, hits) VALUES (:contest_id, :code, :day, 1)
    ON CONFLICT (contest_id, code, day) DO UPDATE SET hits = short_link_day.hits + 1
    """
)
_HITS = text("SELECT code, sum(hits) FROM short_link_day WHERE contest_id = :contest_id GROUP BY code")


async def public_letter(session: AsyncSession, letter: Letter) -> PublicLetter | None:
    """The public page of a letter, also one that was withdrawn."""
    return await session.get(PublicLetter, (letter.contest_id, letter.letter_id))


async def by_code(session: AsyncSession, code: str) -> PublicLetter | None:
    """The public page of that code."""
    return (await session.exec(select(PublicLetter).where(PublicLetter.code == code))).first()


async def public_letters(session: AsyncSession, contest_id: str) -> Sequence[tuple[PublicLetter, Letter]]:
    """Everything that anyone may download, the newest first."""
    query = (
        select(PublicLetter, Letter)
        .join(
            Letter,
            (col(Letter.contest_id) == PublicLetter.contest_id)
            & (col(Letter.letter_id) == PublicLetter.letter_id),
        )
        .where(
            PublicLetter.contest_id == contest_id,
            col(PublicLetter.withdrawn_at).is_(None),
            Letter.state != LetterState.VOID,
        )
        .order_by(col(Letter.issued_at).desc())
    )
    return (await session.exec(query)).all()


async def short_link(session: AsyncSession, code: str) -> ShortLink | None:
    """The short address of that code."""
    return (await session.exec(select(ShortLink).where(ShortLink.code == code))).first()


async def short_links(session: AsyncSession, contest_id: str) -> Sequence[tuple[ShortLink, int]]:
    """Every short address with how often it was opened, the newest first."""
    counted = {code: int(hits) for code, hits in await session.execute(_HITS, {"contest_id": contest_id})}
    query = select(ShortLink).where(ShortLink.contest_id == contest_id)
    rows = (await session.exec(query.order_by(col(ShortLink.made_at).desc()))).all()
    return [(row, counted.get(row.code, 0)) for row in rows]


async def count(session: AsyncSession, link: ShortLink, at: datetime) -> None:
    """One more opening on that day in Bangkok."""
    day = at.astimezone(BANGKOK).date()
    await session.execute(_COUNT, {"contest_id": link.contest_id, "code": link.code, "day": day})
