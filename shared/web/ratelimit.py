"""Leaky buckets in PostgreSQL, so that a limit holds over all processes of a service."""

import hashlib

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
        "bucket": hashlib.sha256(f"{purpose}\0{key.casefold()}".encode()).hexdigest(),
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
