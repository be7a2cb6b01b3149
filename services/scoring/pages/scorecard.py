"""The one screen of judging: entry and evidence on the left, rubric on the right."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from starlette.datastructures import FormData

from services.scoring.domain.rounds import Opening
from services.scoring.domain.rubric import UNREADABLE
from services.scoring.handlers.assignments import is_decided
from services.scoring.handlers.queue import own_queue
from services.scoring.handlers.scores import RecordScore, desk_of, record_score
from services.scoring.pages.common import PAGES, contest_of, keep_contest, render, round_of, text_of
from services.scoring.repository import scores
from services.scoring.tables import Score
from shared.contracts.ids import ContactId, DimensionId, EntryId
from shared.contracts.intake import Role
from shared.contracts.rulebook import Rulebook
from shared.contracts.scoring import ConflictKind
from shared.errors import DomainError, Forbidden, NotFound
from shared.service import Resources
from shared.web.pages import redirect
from shared.web.problems import prefers_html
from shared.web.sessions import Account, require

JudgeAccount = Annotated[Account, Depends(require(Role.JUDGE))]


def router(resources: Resources) -> APIRouter:
    """The scorecard's page and its form, which also takes the autosave."""
    pages = APIRouter(prefix="/judge/entries")

    @pages.get("/{entry_id}")
    async def read(request: Request, entry_id: str, account: JudgeAccount) -> Response:
        """The entry with the judge's scorecard."""
        return await _show(request, account, entry_id)

    async def _show(
        request: Request,
        account: Account,
        entry_id: str,
        *,
        problem: DomainError | None = None,
        given: FormData | None = None,
    ) -> Response:
        scoring_round = round_of(
            request.query_params.get("round") or (text_of(given, "round") if given else "")
        )
        async with resources.database.transaction() as session:
            contest = await contest_of(request, resources, session)
            desk = await desk_of(session, contest.id, EntryId(entry_id), account.contact_id, scoring_round)
            score = await scores.score(
                session, contest.id, scoring_round.value, entry_id, desk.judge.judge_id
            )
            decided = await is_decided(session, contest.id, scoring_round)
            queue = await own_queue(session, resources.clock, contest.id, account.contact_id, scoring_round)
        places = [item.desk.entry.entry_id for item in queue.items]
        place = places.index(entry_id) if entry_id in places else 0
        context = {
            "desk": desk,
            "entry": desk.entry,
            "since": _day(desk.entry.operating_since),
            "score": score,
            "card": _card(contest.rulebook, score, given),
            "revision": score.revision if score else 0,
            "opening": Opening.LOCKED if decided else desk.door.opening(contest.now),
            "queue": queue,
            "place": place,
            "previous": places[place - 1] if place > 0 else None,
            "next": places[place + 1] if place + 1 < len(places) else None,
            "scoring_round": scoring_round,
            "kinds": list(ConflictKind),
            "total": contest.rulebook.full_score(),
        }
        return await render(request, "judge/scorecard.html", contest, context, problem=problem)

    @pages.post("/{entry_id}")
    async def save(request: Request, entry_id: str, account: JudgeAccount) -> Response:
        """Save a draft or submit; a script gets JSON, a form the next page."""
        form = await PAGES.form(request)
        submit = text_of(form, "action") == "submit"
        try:
            async with resources.database.transaction() as session:
                contest = await contest_of(request, resources, session)
                command = _command(contest.rulebook, entry_id, account.contact_id, form, submit)
                score = await record_score(session, resources.clock, command)
        except (Forbidden, NotFound):
            raise
        except DomainError as error:
            if not prefers_html(request):
                raise
            return await _show(request, account, entry_id, problem=error, given=form)
        if not prefers_html(request):
            return JSONResponse(
                {
                    "revision": score.revision,
                    "saved_at": score.saved_at.isoformat(),
                    "total": sum(score.points.values()),
                    "submitted": score.submitted_points == score.points,
                }
            )
        if submit:
            following = text_of(form, "next")
            target = f"/judge/entries/{following}?round={command.round.value}" if following else "/judge"
            return redirect(
                _join(request, target),
                th="ส่งคะแนนแล้ว แก้ไขได้จนกว่าจะปิดรับ",
                en="Submitted; you can amend it until the lock.",
            )
        return redirect(
            _join(request, f"/judge/entries/{entry_id}?round={command.round.value}"),
            th="บันทึกร่างแล้ว",
            en="Draft saved.",
        )

    return pages


def _day(iso: str) -> date | str:
    """A date where the text is one, else the text."""
    try:
        return date.fromisoformat(iso)
    except ValueError:
        return iso


def _join(request: Request, target: str) -> str:
    contest = request.query_params.get("contest")
    if not contest or "?" not in target:
        return keep_contest(request, target)
    return f"{target}&contest={contest}"


def _card(rulebook: Rulebook, score: Score | None, given: FormData | None) -> dict[str, dict[str, Any]]:
    """Points and comments by dimension: what the judge just typed, else what was saved."""
    points = score.points if score else {}
    comments = score.comments if score else {}
    return {
        dimension.id: {
            "points": text_of(given, f"scores.{dimension.id}") if given else points.get(dimension.id, ""),
            "comment": text_of(given, f"comments.{dimension.id}")
            if given
            else comments.get(dimension.id, ""),
        }
        for dimension in rulebook.rubric
    }


def _command(rulebook: Rulebook, entry_id: str, by: ContactId, form: FormData, submit: bool) -> RecordScore:
    typed = {dimension.id: text_of(form, f"scores.{dimension.id}") for dimension in rulebook.rubric}
    revision = text_of(form, "revision")
    return RecordScore(
        contest_id=rulebook.contest_id,
        entry_id=EntryId(entry_id),
        by=by,
        round=round_of(text_of(form, "round")),
        points={dimension_id: _points(text) for dimension_id, text in typed.items() if text},
        comments={
            DimensionId(dimension.id): text_of(form, f"comments.{dimension.id}").replace("\r\n", "\n")
            for dimension in rulebook.rubric
        },
        submit=submit,
        revision=int(revision) or None if revision.isascii() and revision.isdecimal() else None,
        reason=text_of(form, "reason")[:2_000],
    )


def _points(typed: str) -> int:
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 5 else UNREADABLE
