"""A judge's own scores in one table, and submitting what is complete."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from services.scoring.domain.rounds import Opening
from services.scoring.handlers.queue import Queue, QueueItem, own_queue
from services.scoring.handlers.scores import RecordScore, record_score
from services.scoring.pages.common import (
    PAGES,
    Contest,
    answer,
    chosen_queue,
    contest_of,
    keep_contest,
    render,
    round_of,
    text_of,
)
from services.scoring.repository import scores
from shared.contracts.event import LocalizedText
from shared.contracts.ids import DimensionId, EntryId
from shared.contracts.intake import Role
from shared.contracts.scoring import Round
from shared.errors import DomainError
from shared.service import Resources
from shared.web.pages import language_of
from shared.web.sessions import Account, require
from shared.web.tables import Column, csv_response, table_view, wants_csv

JudgeAccount = Annotated[Account, Depends(require(Role.JUDGE))]


def router(resources: Resources) -> APIRouter:
    """The summary page."""
    pages = APIRouter(prefix="/judge")

    @pages.get("/summary")
    async def summary(request: Request, account: JudgeAccount) -> Response:
        """The judge's own scores in a table, with what is not submitted yet."""
        return await _show_summary(request, account)

    async def _show_summary(
        request: Request, account: Account, problem: DomainError | None = None
    ) -> Response:
        async with resources.database.transaction() as session:
            contest = await contest_of(request, resources, session)
            queues = [
                await own_queue(session, resources.clock, contest.id, account.contact_id, each)
                for each in (Round.SECOND, Round.FIRST)
            ]
        queue = chosen_queue(queues, request.query_params.get("round"))
        language = language_of(request)
        view = table_view(
            request,
            [
                Column("reference", "เลขที่", "No."),
                Column("title", "ผลงาน", "Entry"),
                *(
                    Column(d.id, f"มิติที่ {place} ({d.points})", f"Dim. {place} ({d.points})", numeric=True)
                    for place, d in enumerate(contest.rulebook.rubric, start=1)
                ),
                Column("total", "รวม", "Total", numeric=True),
                Column("state", "สถานะ", "State"),
            ],
            [_summary_row(contest, item, language) for item in queue.items],
            search=("reference", "title"),
        )
        if wants_csv(request):
            return csv_response(f"{contest.id}-my-scores-{queue.round.value}", view, language)
        context = {
            "queue": queue,
            "rounds": [each for each in reversed(queues) if each.items],
            "view": view,
            "ready": _ready(contest, queue),
        }
        return await render(request, "judge/summary.html", contest, context, problem=problem)

    @pages.post("/summary")
    async def submit_all(request: Request, account: JudgeAccount) -> Response:
        """Submit every complete draft of the round at once, each on its own terms."""
        form = await PAGES.form(request)

        async def work() -> None:
            async with resources.database.transaction() as session:
                contest = await contest_of(request, resources, session)
                queue = await own_queue(
                    session, resources.clock, contest.id, account.contact_id, round_of(text_of(form, "round"))
                )
                for entry_id in _ready(contest, queue):
                    score = await scores.score(
                        session, contest.id, queue.round.value, entry_id, queue.judge.judge_id
                    )
                    if score is None:
                        continue
                    command = RecordScore(
                        contest_id=contest.id,
                        entry_id=EntryId(entry_id),
                        by=account.contact_id,
                        round=queue.round,
                        points={DimensionId(d): points for d, points in score.points.items()},
                        comments={DimensionId(d): comment for d, comment in score.comments.items()},
                        submit=True,
                        revision=score.revision,
                    )
                    await record_score(session, resources.clock, command)

        async def again(error: DomainError) -> Response:
            return await _show_summary(request, account, error)

        return await answer(
            work(),
            again,
            keep_contest(request, "/judge/summary"),
            ("ส่งคะแนนที่กรอกครบแล้ว", "Every complete scorecard is submitted."),
        )

    return pages


def _ready(contest: Contest, queue: Queue) -> Sequence[str]:
    """Entries whose draft is complete and was never submitted, and whose door is open."""
    dimensions = {dimension.id for dimension in contest.rulebook.rubric}
    return [
        item.desk.entry.entry_id
        for item in queue.items
        if item.score
        and not item.submitted
        and item.opening is Opening.OPEN
        and set(item.score.points) == dimensions
    ]


def _summary_row(contest: Contest, item: QueueItem, language: str) -> dict[str, Any]:
    score = item.score
    points = score.points if score else {}
    english = language == "en"
    if item.changed_since:
        state = {"badge": "changed, not submitted" if english else "แก้แล้ว ยังไม่ส่ง", "kind": "now"}
    elif item.submitted:
        state = {"badge": "submitted" if english else "ส่งแล้ว", "kind": "good"}
    elif score:
        state = {"badge": "draft" if english else "ร่าง", "kind": "now"}
    else:
        state = {"badge": "not begun" if english else "ยังไม่เริ่ม", "kind": "note"}
    entry = item.desk.entry
    return {
        "reference": entry.reference,
        "title": LocalizedText.model_validate(entry.title).in_language(language),
        **{dimension.id: points.get(dimension.id) for dimension in contest.rulebook.rubric},
        "total": sum(points.values()) if points else None,
        "state": state,
        "_href": contest.link(f"/judge/entries/{entry.entry_id}", round=item.desk.assignment.round),
    }
