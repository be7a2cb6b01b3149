"""FastAPI with asyncpg and plain SQL: the shortest way from a request to a row.

Settings: asyncpg's own pool (its documentation's example for web services), prepared statements by
its statement cache, ``INSERT … ON CONFLICT DO NOTHING`` in autocommit, uvicorn with uvloop and
httptools, no access log.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel

ENTRIES = frozenset(f"entry-{number:02d}" for number in range(12))
INSERT = "INSERT INTO vote (poll, voter_id, entry_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"


class CastVote(BaseModel):
    poll: str
    voter_id: str
    entry_id: str
    key: str


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    size = int(os.environ.get("POOL", "20"))
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=size, max_size=size) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/votes")
async def cast(vote: CastVote, request: Request) -> dict[str, str]:
    if vote.entry_id not in ENTRIES:
        raise HTTPException(422, "not on the ballot")
    done = await request.app.state.pool.execute(INSERT, vote.poll, vote.voter_id, vote.entry_id)
    return {"status": "counted" if done == "INSERT 0 1" else "voted before"}
