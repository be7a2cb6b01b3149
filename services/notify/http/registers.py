"""The heads of the registers over JSON, for anyone."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from services.notify.domain.register import Book
from services.notify.handlers import register_heads
from services.notify.http.common import PREFIX, ContestPath
from shared.service import Resources
from shared.web.problems import PROBLEMS


class EarlierHeadView(BaseModel):
    agency: str
    book: Book
    position: int = Field(description="entries up to this one")
    sha256: str = Field(description="of the entry there, and so of everything before it")


class RegisterHeadView(EarlierHeadView):
    at: datetime = Field(description="of the newest entry; of earlier ones it is not told")


def router(resources: Resources) -> APIRouter:
    """What an auditor keeps today and compares later."""
    api = APIRouter(prefix=PREFIX, responses=PROBLEMS, tags=["registers"])
    database = resources.database

    @api.get("/contests/{contest_id}/register-heads")
    async def list_heads(contest_id: ContestPath) -> list[RegisterHeadView]:
        """The end of each book's hash chain: how many entries it has, and the hash over all of them."""
        async with database.transaction() as session:
            found = await register_heads.published_heads(session, contest_id)
            return [RegisterHeadView.model_validate(head, from_attributes=True) for head in found]

    @api.get("/contests/{contest_id}/register-heads/{agency}/{book}/{position}")
    async def earlier_head(
        contest_id: ContestPath,
        agency: Annotated[str, Path(max_length=100)],
        book: Book,
        position: Annotated[int, Path(ge=1, le=2_000_000_000)],
    ) -> EarlierHeadView:
        """The head as it was when the book had so many entries: it must equal the one that was kept then."""
        async with database.transaction() as session:
            found = await register_heads.head_at(session, contest_id, agency, book, position)
            return EarlierHeadView.model_validate(found, from_attributes=True)

    return api
