"""The consumer of ``faststream_app``: batches of votes become rows, each voter's first one."""

import asyncio
import os

import asyncpg
import uvloop
from faststream import FastStream
from faststream.kafka import KafkaBroker
from faststream.middlewares import AckPolicy
from pydantic import BaseModel

INSERT = """
    INSERT INTO vote (poll, voter_id, entry_id)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) ON CONFLICT DO NOTHING
"""


class CastVote(BaseModel):
    poll: str
    voter_id: str
    entry_id: str
    key: str


broker = KafkaBroker(os.environ["KAFKA"], logger=None)
app = FastStream(broker, logger=None)
pool: asyncpg.Pool | None = None


@app.on_startup
async def connect() -> None:
    global pool
    pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=1, max_size=2)


@broker.subscriber(
    "spike.faststream",
    batch=True,
    max_records=2_000,
    group_id="spike-faststream",
    auto_offset_reset="earliest",
    ack_policy=AckPolicy.NACK_ON_ERROR,
    fetch_max_wait_ms=100,
    fetch_min_bytes=1 << 20,
)
async def count(votes: list[CastVote]) -> None:
    assert pool is not None
    await pool.execute(
        INSERT,
        [vote.poll for vote in votes],
        [vote.voter_id for vote in votes],
        [vote.entry_id for vote in votes],
    )


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(app.run())
