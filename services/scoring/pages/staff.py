"""Staff's overview of judging: what is late or needs someone, the judges, and the assignments."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from services.scoring.handlers.assignments import (
    AssignJudges,
    ReopenScore,
    assign_judges,
    reopen_score,
)
from services.scoring.handlers.judges import DeclareConflicts, InviteJudge, invite_judge, recuse_judge
from services.scoring.handlers.overview import JudgingOverview, overview
from services.scoring.pages.common import (
    PAGES,
    Contest,
    answer,
    contest_of,
    instant_of,
    keep_contest,
    local,
    names,
    render,
    round_of,
    text_of,
)
from services.scoring.pages.conflicts import declared_in
from services.scoring.repository import entries, judges, scores
from services.scoring.tables import Judge
from shared.contracts.ids import CategoryId, ContactId, EntryId, JudgeId
from shared.contracts.intake import Role
from shared.contracts.rulebook import ScoringRound
from shared.contracts.scoring import ConflictKind, Round
from shared.errors import DomainError, NotFound
from shared.service import Resources
from shared.web.pages import language_of
from shared.web.sessions import Account, require
from shared.web.tables import Column, Filter, csv_response, table_view, wants_csv

Reader = Annotated[Account, Depends(require(Role.STAFF, Role.APPROVER))]
Staff = Annotated[Account, Depends(require(Role.STAFF))]


def router(resources: Resources) -> APIRouter:
    """Pages under ``/staff/judging`` about judges and assignments."""
    pages = APIRouter(prefix="/staff/judging")

    @pages.get("")
    async def home(request: Request, account: Reader) -> Response:
        """What is late or needs someone, then the judges."""
        return await _show_home(request)

    async def _show_home(request: Request, problem: DomainError | None = None) -> Response:
        async with resources.database.transaction() as session:
            contest = await contest_of(request, resources, session)
            found = await overview(session, contest.rulebook, contest.now)
            candidates = await entries.judge_candidates(session, contest.id)
            name = await names(session, [judge.contact_id for judge in found.judges])
        language = language_of(request)
        view = table_view(
            request,
            _COLUMNS,
            [_judge_row(contest, found, judge.judge_id, name, language) for judge in found.judges],
            search=("name",),
            filters=[Filter("state", "ตอบรับ", "Accepted", [(text, text) for text in _states(language)])],
        )
        if wants_csv(request):
            return csv_response(f"{contest.id}-judges", view, language)
        context = {
            "overview": found,
            "view": view,
            "candidates": candidates,
            "name": name,
            "first_of": lambda judge_id: len(found.of(judge_id, Round.FIRST)),
            "second_round": contest.rulebook.judging.second_round.value is ScoringRound.SECOND_REPLACES,
            "due": {each.value: local(found.proposed_due(contest.rulebook, each)) for each in Round},
        }
        return await render(request, "staff/overview.html", contest, context, problem=problem)

    @pages.post("/judges")
    async def invite(request: Request, account: Staff) -> Response:
        """Invite a judge."""
        form = await PAGES.form(request)

        async def work() -> None:
            async with resources.database.transaction() as session:
                contest = await contest_of(request, resources, session)
                chosen = tuple(CategoryId(str(value)) for value in form.getlist("category_ids"))
                command = InviteJudge(contest.id, ContactId(text_of(form, "contact_id")), chosen)
                await invite_judge(session, resources.clock, command)

        async def again(error: DomainError) -> Response:
            return await _show_home(request, error)

        target = keep_contest(request, "/staff/judging")
        return await answer(
            work(), again, target, ("เชิญกรรมการแล้ว", "The judge is invited; an e-mail is on its way.")
        )

    @pages.post("/assignments")
    async def assign(request: Request, account: Staff) -> Response:
        """Assign a round."""
        form = await PAGES.form(request)

        async def work() -> None:
            async with resources.database.transaction() as session:
                contest = await contest_of(request, resources, session)
                command = AssignJudges(
                    contest.id,
                    round_of(text_of(form, "round")),
                    instant_of(form, "due_at"),
                    rebalance=bool(text_of(form, "rebalance")),
                )
                await assign_judges(session, resources.clock, command)

        async def again(error: DomainError) -> Response:
            return await _show_home(request, error)

        target = keep_contest(request, "/staff/judging")
        return await answer(
            work(), again, target, ("มอบหมายผลงานแล้ว กรรมการได้รับแจ้ง", "Assigned; the judges are told.")
        )

    @pages.get("/judges/{judge_id}")
    async def judge_page(request: Request, judge_id: str, account: Reader) -> Response:
        """One judge: entries, progress, conflicts."""
        return await _show_judge(request, judge_id)

    async def _show_judge(request: Request, judge_id: str, problem: DomainError | None = None) -> Response:
        async with resources.database.transaction() as session:
            contest = await contest_of(request, resources, session)
            judge = await judges.judge(session, contest.id, judge_id)
            if judge is None:
                raise NotFound("ไม่พบกรรมการท่านนี้", "There is no such judge.")
            rows = await judges.assignments(session, contest.id, judge_id=judge_id)
            recusals = await judges.recusals(session, contest.id, judge_id)
            cards = {
                (card.round, card.entry_id): card
                for card in await scores.scores(session, contest.id, judge_id=judge_id)
            }
            amendments = [
                row for row in await scores.amendments(session, contest.id) if row.judge_id == judge_id
            ]
            by_id = {entry.entry_id: entry for entry in await entries.entries(session, contest.id)}
            person = (await entries.people(session, [judge.contact_id])).get(judge.contact_id)
        language = language_of(request)
        context = {
            "judge": judge,
            "person": person,
            "field": _field(contest, judge, language),
            "rows": [(row, by_id[row.entry_id], cards.get((row.round, row.entry_id))) for row in rows],
            "recusals": [(row, by_id[row.entry_id]) for row in recusals],
            "amendments": [(row, by_id[row.entry_id]) for row in amendments],
            "open_entries": [
                entry
                for entry in by_id.values()
                if entry.entry_id not in {row.entry_id for row in recusals}
                and (not judge.category_ids or entry.category_id in judge.category_ids)
            ],
            "kinds": list(ConflictKind),
            "reopen_until": local(contest.now.replace(second=0, microsecond=0)),
        }
        return await render(request, "staff/judge.html", contest, context, problem=problem)

    @pages.post("/judges/{judge_id}/recusals")
    async def recuse(request: Request, judge_id: str, account: Staff) -> Response:
        """Staff learnt of a conflict."""
        form = await PAGES.form(request)

        async def work() -> None:
            async with resources.database.transaction() as session:
                contest = await contest_of(request, resources, session)
                entry_id = text_of(form, "entry_id")
                renamed = {
                    f"{key}-{entry_id}": text_of(form, key) for key in ("conflict", "reason", "everywhere")
                }
                command = DeclareConflicts(
                    contest.id,
                    JudgeId(judge_id),
                    account.contact_id,
                    declared_in(renamed, [entry_id]),
                    by_staff=True,
                )
                await recuse_judge(session, resources.clock, command)

        async def again(error: DomainError) -> Response:
            return await _show_judge(request, judge_id, error)

        target = keep_contest(request, f"/staff/judging/judges/{judge_id}")
        return await answer(
            work(),
            again,
            target,
            ("บันทึกแล้ว ผลงานไปยังกรรมการท่านอื่น", "Recorded; the entry goes to another judge."),
        )

    @pages.post("/judges/{judge_id}/reopenings")
    async def reopen(request: Request, judge_id: str, account: Staff) -> Response:
        """Reopen one scorecard with a reason."""
        form = await PAGES.form(request)

        async def work() -> None:
            async with resources.database.transaction() as session:
                contest = await contest_of(request, resources, session)
                scoring_round, _, entry_id = text_of(form, "card").partition("/")
                command = ReopenScore(
                    contest.id,
                    round_of(scoring_round),
                    JudgeId(judge_id),
                    EntryId(entry_id),
                    instant_of(form, "until"),
                    text_of(form, "reason"),
                    account.contact_id,
                )
                await reopen_score(session, resources.clock, command)

        async def again(error: DomainError) -> Response:
            return await _show_judge(request, judge_id, error)

        target = keep_contest(request, f"/staff/judging/judges/{judge_id}")
        return await answer(work(), again, target, ("เปิดรับคะแนนอีกครั้งแล้ว", "The scorecard is open again."))

    return pages


_COLUMNS = (
    Column("name", "กรรมการ", "Judge"),
    Column("field", "ความเชี่ยวชาญ", "Field", sortable=False),
    Column("state", "ตอบรับ", "Accepted"),
    Column("assigned", "มอบหมาย", "Assigned", numeric=True),
    Column("submitted", "ส่งแล้ว", "Submitted", numeric=True),
    Column("second", "รอบนำเสนอ", "2nd round", numeric=True),
    Column("conflicts", "ส่วนได้เสีย", "Conflicts", numeric=True),
    Column("mean", "คะแนนเฉลี่ยที่ให้", "Mean given", numeric=True),
)


def _states(language: str) -> Sequence[str]:
    return ("accepted", "awaited") if language == "en" else ("ตอบรับแล้ว", "รอตอบรับ")


def _judge_row(
    contest: Contest, found: JudgingOverview, judge_id: str, name: Any, language: str
) -> dict[str, Any]:
    judge = next(judge for judge in found.judges if judge.judge_id == judge_id)
    accepted, awaited = _states(language)
    first, second = found.of(judge_id, Round.FIRST), found.of(judge_id, Round.SECOND)
    totals = [item.total for item in (*first, *second) if item.total is not None]
    return {
        "name": name(judge.contact_id),
        "field": _field(contest, judge, language),
        "state": {"badge": accepted, "kind": "good"}
        if judge.accepted_at
        else {"badge": awaited, "kind": "now"},
        "assigned": len(first),
        "submitted": sum(item.total is not None for item in first),
        "second": f"{sum(item.total is not None for item in second)}/{len(second)}" if second else None,
        "conflicts": found.conflicts.get(judge_id, 0),
        "mean": round(sum(totals) / len(totals), 1) if totals else None,
        "_href": contest.link(f"/staff/judging/judges/{judge_id}"),
    }


def _field(contest: Contest, judge: Judge, language: str) -> str:
    """Where the judge's expertise lies, in words."""
    named = [
        category.name.in_language(language)
        for category in contest.rulebook.categories
        if category.id in judge.category_ids
    ]
    return ", ".join(named) or ("every category" if language == "en" else "ทุกประเภท")
