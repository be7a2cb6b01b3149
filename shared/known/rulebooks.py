"""Rulebooks: the newest of each contest."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.contracts.ids import ContestId
from shared.contracts.rulebook import Rulebook
from shared.errors import NotFound
from shared.known.tables import KNOWN_RULEBOOK

_CACHE_SIZE = 32
_parsed: dict[tuple[str, int, str], Rulebook] = {}
"""Parsed rulebooks by contest, number and hash; a sealed rulebook never changes under its number."""


async def keep_rulebook(session: AsyncSession, rulebook: Rulebook, published_at: datetime) -> bool:
    """Keep ``rulebook`` unless a higher number of the same contest is known.

    Returns:
        Whether it was new.
    """
    row = {
        "contest_id": rulebook.contest_id,
        "number": rulebook.number,
        "rulebook": rulebook.model_dump(mode="json"),
        "sha256": rulebook.sha256(),
        "published_at": published_at,
    }
    statement = insert(KNOWN_RULEBOOK).values(row)
    statement = statement.on_conflict_do_update(
        index_elements=["contest_id"],
        set_={name: statement.excluded[name] for name in ("number", "rulebook", "sha256")},
        where=KNOWN_RULEBOOK.c.number < statement.excluded.number,
    )
    kept = await session.execute(statement.returning(KNOWN_RULEBOOK.c.number))
    return kept.first() is not None


async def rulebook(session: AsyncSession, contest_id: str) -> Rulebook:
    """The binding rulebook of the contest.

    Raises:
        NotFound: no such contest is published, or this service has not heard of it yet.
    """
    table = KNOWN_RULEBOOK.c
    row = (
        await session.execute(select(table.number, table.sha256).where(table.contest_id == contest_id))
    ).first()
    if row is None:
        raise NotFound(
            "ไม่พบการประกวดนี้ หรือยังไม่ได้ประกาศ",
            "There is no such contest, or it is not published yet.",
            field="contest_id",
        )
    key = (contest_id, row.number, row.sha256)
    if key not in _parsed:
        newest = (
            await session.execute(
                select(table.number, table.sha256, table.rulebook).where(table.contest_id == contest_id)
            )
        ).one()
        if len(_parsed) >= _CACHE_SIZE:
            _parsed.clear()
        key = (contest_id, newest.number, newest.sha256)
        _parsed[key] = Rulebook.model_validate(newest.rulebook)
    return _parsed[key]


async def current_contest(session: AsyncSession) -> ContestId | None:
    """The contest that was published last; None before the first."""
    table = KNOWN_RULEBOOK.c
    found = await session.execute(
        select(table.contest_id).order_by(table.published_at.desc(), table.contest_id).limit(1)
    )
    contest_id = found.scalar_one_or_none()
    return ContestId(contest_id) if contest_id is not None else None


async def contests(session: AsyncSession) -> tuple[ContestId, ...]:
    """Every published contest, the newest first."""
    table = KNOWN_RULEBOOK.c
    found = await session.execute(
        select(table.contest_id).order_by(table.published_at.desc(), table.contest_id)
    )
    return tuple(ContestId(contest_id) for contest_id in found.scalars())
