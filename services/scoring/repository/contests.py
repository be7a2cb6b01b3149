"""Turns of a contest: decisions and assignments of one contest are made one after the other."""

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

_TAKE_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended('scoring/' || :contest_id, 0))")


async def take_turn(session: AsyncSession, contest_id: str) -> None:
    """Wait until no other transaction decides for this contest; the turn ends with the transaction."""
    await session.execute(_TAKE_TURN, {"contest_id": contest_id})
