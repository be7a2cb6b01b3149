"""FastAPI that publishes each vote with FastStream and answers when Kafka has it.

Settings: FastStream's Kafka broker in the application's lifespan, ``acks="all"`` and the idempotent
producer, a confirmed ``publish`` keyed by voter; aiokafka's linger of 2 ms, which lets concurrent
requests share a batch (with 0, each is a request of its own); uvicorn with uvloop and httptools.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException
from faststream.kafka import KafkaBroker
from pydantic import BaseModel

ENTRIES = frozenset(f"entry-{number:02d}" for number in range(12))
TOPIC = "spike.faststream"
broker = KafkaBroker(
    os.environ["KAFKA"],
    acks="all",
    enable_idempotence=True,
    linger_ms=int(os.environ.get("LINGER_MS", "2")),
    logger=None,
)


class CastVote(BaseModel):
    poll: str
    voter_id: str
    entry_id: str
    key: str


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    await broker.start()
    yield
    await broker.stop()


app = FastAPI(lifespan=lifespan)


@app.post("/votes", status_code=202)
async def cast(vote: CastVote) -> dict[str, str]:
    if vote.entry_id not in ENTRIES:
        raise HTTPException(422, "not on the ballot")
    await broker.publish(vote, topic=TOPIC, key=vote.voter_id.encode(), no_confirm=False)
    return {"status": "accepted"}
