"""Leaky buckets in PostgreSQL, so that a limit holds over all processes of a service."""

import hashlib
import math
from collections.abc import Mapping

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.errors import TooMany

_POUR = text(
    """
    INSERT INTO rate_bucket AS bucket (contest_id, bucket, level, filled_at)
    VALUES (:contest_id, :bucket, 1, clock_timestamp())
    ON CONFLICT (contest_id, bucket) DO UPDATE SET
        level = greatest(0, bucket.level
            - extract(epoch FROM clock_timestamp() - bucket.filled_at) * :leak) + 1,
        filled_at = clock_timestamp()
    WHERE greatest(0, bucket.level
            - extract(epoch FROM clock_timestamp() - bucket.filled_at) * :leak) + 1 <= :capacity
    RETURNING level
    """
)
_LEVEL = text(
    """
    SELECT level - extract(epoch FROM clock_timestamp() - filled_at) * :leak
    FROM rate_bucket WHERE contest_id = :contest_id AND bucket = :bucket
    """
)

_SWEEP = text(
    """
    DELETE FROM rate_bucket WHERE (contest_id, bucket) IN (
        SELECT contest_id, bucket FROM rate_bucket
        WHERE filled_at < clock_timestamp() - interval '1 day'
        ORDER BY filled_at LIMIT 5 FOR UPDATE SKIP LOCKED)
    """
)
"""Each use forgets up to five buckets that are surely empty, so the table does not grow."""


async def limit(
    session: AsyncSession,
    purpose: str,
    key: str,
    *,
    capacity: int,
    per_seconds: float,
    contest_id: str = "",
) -> None:
    """Count one use of ``key`` (an e-mail address, a network) for ``purpose``.

    ``capacity`` uses are free at once; then one more every ``per_seconds / capacity``. The key is
    kept as a hash only. Real time counts, not the contest's. A refused use is not counted. A bucket
    must leak empty within a day.

    Raises:
        TooMany: the bucket is full; ``retry_after`` says when it is not.
    """
    values = {
        "contest_id": contest_id,
        "bucket": _bucket(purpose, key),
        "leak": capacity / per_seconds,
        "capacity": capacity,
    }
    if (await session.execute(_POUR, values)).first() is not None:
        await session.execute(_SWEEP)
        return
    level = float((await session.execute(_LEVEL, values)).scalar_one())
    wait = max(1, round((level + 1 - capacity) * per_seconds / capacity + 0.5))
    raise TooMany(
        f"ขอบ่อยเกินไป โปรดรอ {wait} วินาทีแล้วลองใหม่",
        f"Too many requests; wait {wait} seconds and try again.",
        retry_after=wait,
    )


_FILL = text(
    """
    INSERT INTO rate_bucket AS bucket (contest_id, bucket, level, filled_at)
    SELECT :contest_id, name, 1, clock_timestamp()
    FROM unnest(CAST(:buckets AS text[])) AS name ORDER BY name
    ON CONFLICT (contest_id, bucket) DO UPDATE SET
        level = bucket.level * exp(least(0, extract(epoch FROM bucket.filled_at - clock_timestamp()))
            * :leak) + 1,
        filled_at = clock_timestamp()
    RETURNING bucket, level
    """
)


async def fill(
    session: AsyncSession, keys: Mapping[str, str], *, half_life_seconds: float, contest_id: str = ""
) -> dict[str, float]:
    """Count one use of each key, by purpose, and refuse nothing: how busy each has been lately.

    The level of a bucket leaks in proportion to what is in it, half of it every ``half_life_seconds``,
    so a burst is forgotten soon. Rows are locked in one order until the transaction ends: call it late.

    Returns:
        The level of each purpose's bucket, this use included.
    """
    names = {_bucket(purpose, key): purpose for purpose, key in keys.items()}
    values = {"contest_id": contest_id, "buckets": sorted(names), "leak": math.log(2) / half_life_seconds}
    rows = (await session.execute(_FILL, values)).all()
    await session.execute(_SWEEP)
    return {names[row.bucket]: float(row.level) for row in rows}


_LOOK = text(
    """
    SELECT bucket, level * exp(least(0, extract(epoch FROM filled_at - clock_timestamp())) * :leak) AS level
    FROM rate_bucket WHERE contest_id = :contest_id AND bucket = ANY(:buckets)
    """
)


async def look(
    session: AsyncSession, keys: Mapping[str, str], *, half_life_seconds: float, contest_id: str = ""
) -> dict[str, float]:
    """What :func:`fill` would find there now, without counting a use; 0 for what was never used."""
    names = {_bucket(purpose, key): purpose for purpose, key in keys.items()}
    values = {"contest_id": contest_id, "buckets": sorted(names), "leak": math.log(2) / half_life_seconds}
    rows = (await session.execute(_LOOK, values)).all()
    return dict.fromkeys(keys, 0.0) | {names[row.bucket]: float(row.level) for row in rows}


def _bucket(purpose: str, key: str) -> str:
    return hashlib.sha256(f"{purpose}\0{key.casefold()}".encode()).hexdigest()
