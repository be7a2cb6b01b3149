"""FastAPI with SQLModel, as both tutorials teach it: a session per request, one row per vote.

Settings: ``def`` path operations (FastAPI runs them in its thread pool of 40), psycopg 3 with its C
parts, a pool as large as the thread pool so that nobody waits for a connection (SQLAlchemy: "Using
Connection Pools with Multiprocessing": one engine per worker), uvicorn with uvloop and httptools,
no access log. The primary key decides that a voter votes once.
"""

import os
from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field, Session, SQLModel, create_engine

ENTRIES = frozenset(f"entry-{number:02d}" for number in range(12))


class Vote(SQLModel, table=True):
    poll: str = Field(primary_key=True)
    voter_id: str = Field(primary_key=True)
    entry_id: str


class CastVote(SQLModel):
    poll: str
    voter_id: str
    entry_id: str
    key: str


engine = create_engine(
    os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://", 1),
    pool_size=int(os.environ.get("POOL", "40")),
    max_overflow=0,
)
app = FastAPI()


def session() -> Iterator[Session]:
    with Session(engine) as opened:
        yield opened


@app.post("/votes")
def cast(vote: CastVote, opened: Annotated[Session, Depends(session)]) -> dict[str, str]:
    if vote.entry_id not in ENTRIES:
        raise HTTPException(422, "not on the ballot")
    opened.add(Vote(poll=vote.poll, voter_id=vote.voter_id, entry_id=vote.entry_id))
    try:
        opened.commit()
    except IntegrityError:
        opened.rollback()
        return {"status": "voted before"}
    return {"status": "counted"}
