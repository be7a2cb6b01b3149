"""Reads the tiles of a tree."""

from collections.abc import Collection

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting.domain.tiles import TileName, Tiles

_TILES = text(
    """
    SELECT level, number, hashes FROM tree_tile
    WHERE contest_id = :contest_id AND partition = :partition AND (level, number) IN (
        SELECT * FROM unnest(CAST(:levels AS int[]), CAST(:numbers AS bigint[])))
    """
)


async def read(session: AsyncSession, contest_id: str, partition: int, names: Collection[TileName]) -> Tiles:
    """Some tiles of one partition's tree."""
    if not names:
        return Tiles({})
    rows = await session.execute(
        _TILES,
        {
            "contest_id": contest_id,
            "partition": partition,
            "levels": [name.level for name in names],
            "numbers": [name.number for name in names],
        },
    )
    return Tiles({TileName(row.level, row.number): row.hashes for row in rows})
