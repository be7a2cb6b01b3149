"""Notices and the board over JSON."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.notify import repository
from services.notify.domain.notices import NoticeState
from services.notify.handlers.board import board_of
from services.notify.http.common import PREFIX, ContestPath, Someone, Staff, of_staff
from services.notify.http.views import (
    BoardView,
    CategoryView,
    CircularView,
    JudgeView,
    NoticeView,
    TodoView,
    VotesView,
    notice_view,
)
from shared.service import Resources
from shared.web.problems import PROBLEMS


def router(resources: Resources) -> APIRouter:
    """Who was told what, and the staff board."""
    api = APIRouter(prefix=PREFIX, responses=PROBLEMS)
    database, clock = resources.database, resources.clock

    @api.get("/contests/{contest_id}/notices", tags=["notices"])
    async def list_notices(
        contest_id: ContestPath,
        account: Someone,
        state: NoticeState | None = None,
        template: Annotated[str, Query(max_length=64, description="of this text only")] = "",
        limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
        offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    ) -> list[NoticeView]:
        """Notices, the newest first: staff see all, everyone else their own."""
        own = "" if of_staff(account) else account.contact_id
        async with database.transaction() as session:
            rows = await repository.notices.notices(
                session,
                contest_id,
                contact_id=own,
                template=template,
                state=state,
                limit=limit,
                offset=offset,
            )
        return [notice_view(row) for row in rows]

    @api.get("/contests/{contest_id}/board", tags=["board"])
    async def get_board(contest_id: ContestPath, account: Staff) -> BoardView:
        """What is late or needs someone, and how far everything is."""
        board = await board_of(database, clock, contest_id)
        return BoardView(
            contest_id=contest_id,
            now=board.now,
            todos=[TodoView.model_validate(row, from_attributes=True) for row in board.todos],
            categories=[CategoryView.model_validate(row, from_attributes=True) for row in board.categories],
            judges=[JudgeView.model_validate(row, from_attributes=True) for row in board.judges],
            votes=VotesView.model_validate(board.votes, from_attributes=True),
            circulars=[CircularView.model_validate(row, from_attributes=True) for row in board.circulars],
            notices=board.notices,
            briefing_guests=board.briefing_guests,
            waiting_events=board.waiting_events,
        )

    return api
