"""The shortlist workshop: ranking, ties, what-if, and publication by two people."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from services.scoring.handlers.proposals import published
from services.scoring.handlers.ranking import committee_scope, rank_round
from services.scoring.handlers.shortlist import (
    ProposeShortlist,
    Sign,
    approve_shortlist,
    cuts,
    propose_shortlist,
)
from services.scoring.handlers.winners import RecordCommitteeDecision, record_committee_decision
from services.scoring.http.decisions import signer
from services.scoring.pages.common import PAGES, answer, contest_of, keep_contest, names, render, text_of
from services.scoring.pages.explain import ranking_table
from services.scoring.repository import decisions
from services.scoring.tables import DecisionKind, DecisionState
from shared.contracts.ids import EntryId
from shared.contracts.intake import Role
from shared.contracts.scoring import Round
from shared.errors import DomainError
from shared.service import Resources
from shared.web.pages import language_of
from shared.web.sessions import Account, require

Reader = Annotated[Account, Depends(require(Role.STAFF, Role.APPROVER))]
Staff = Annotated[Account, Depends(require(Role.STAFF))]
Approver = Annotated[Account, Depends(require(Role.APPROVER))]
LARGEST_SIZE = 50


def router(resources: Resources) -> APIRouter:
    """Pages under ``/staff/judging/shortlist``."""
    pages = APIRouter(prefix="/staff/judging")

    @pages.get("/shortlist")
    async def workshop(request: Request, account: Reader) -> Response:
        """The ranking with its cut; ``?size=`` asks what another size would give."""
        return await _show(request)

    async def _show(request: Request, problem: DomainError | None = None) -> Response:
        async with resources.database.transaction() as session:
            contest = await contest_of(request, resources, session)
            rules = contest.rulebook.judging
            size = _size(request.query_params.get("size"), rules.shortlist_per_category.value)
            ranking = await rank_round(session, contest.rulebook, Round.FIRST)
            proposal = await decisions.decision(
                session, contest.id, DecisionKind.SHORTLIST, DecisionState.PROPOSED
            )
            done = await published(session, contest.id, DecisionKind.SHORTLIST)
            signed = (
                await decisions.signatures(session, contest.id, DecisionKind.SHORTLIST, done.number)
                if done
                else []
            )
            committee = await decisions.committee_decisions(session, contest.id)
            people = {each.contact_id for each in signed} | {row.recorded_by for row in committee}
            people |= {each.proposed_by for each in (proposal, done) if each}
            name = await names(session, people)
        lines = cuts(contest.rulebook, ranking, size)
        language = language_of(request)
        tables = [
            ranking_table(ranking, category, lines[category.category_id], contest.rulebook.rubric, language)
            for category in ranking.categories
        ]
        context = {
            "ranking": ranking,
            "tables": tables,
            "size": size,
            "rule_size": rules.shortlist_per_category.value,
            "chosen": sum(len(table.cut.selected) for table in tables),
            "ties": sum(bool(table.cut.undecided) for table in tables),
            "proposal": proposal,
            "done": done,
            "signed": signed,
            "committee": {row.scope: row for row in committee},
            "scope": lambda category_id: committee_scope(Round.FIRST, category_id),
            "name": name,
        }
        return await render(request, "staff/shortlist.html", contest, context, problem=problem)

    @pages.post("/shortlist")
    async def propose(request: Request, account: Staff) -> Response:
        """Propose the shortlist."""
        form = await PAGES.form(request)

        async def work() -> None:
            async with resources.database.transaction() as session:
                contest = await contest_of(request, resources, session)
                command = ProposeShortlist(
                    contest.id,
                    account.contact_id,
                    accept_missing=bool(text_of(form, "accept_missing")),
                    note=text_of(form, "note")[:2_000],
                )
                await propose_shortlist(session, resources.clock, command)

        async def again(error: DomainError) -> Response:
            return await _show(request, error)

        target = keep_contest(request, "/staff/judging/shortlist")
        done = ("เสนอรายชื่อแล้ว รอผู้อนุมัติอีกคนหนึ่ง", "Proposed; another person approves it.")
        return await answer(work(), again, target, done)

    @pages.post("/shortlist/approval")
    async def approve(request: Request, account: Approver) -> Response:
        """Publish the shortlist."""
        await PAGES.form(request)

        async def work() -> None:
            async with resources.database.transaction() as session:
                contest = await contest_of(request, resources, session)
                await approve_shortlist(session, resources.clock, Sign(contest.id, signer(account)))

        async def again(error: DomainError) -> Response:
            return await _show(request, error)

        target = keep_contest(request, "/staff/judging/shortlist")
        return await answer(work(), again, target, ("ประกาศรายชื่อแล้ว", "The shortlist is published."))

    @pages.post("/committee")
    async def committee(request: Request, account: Staff) -> Response:
        """Record the committee's decision about a tie."""
        form = await PAGES.form(request)
        scope = text_of(form, "scope")

        async def work() -> None:
            async with resources.database.transaction() as session:
                contest = await contest_of(request, resources, session)
                command = RecordCommitteeDecision(
                    contest.id,
                    scope,
                    tuple(EntryId(str(value)) for value in form.getlist("entry_ids") if value),
                    text_of(form, "reason")[:2_000],
                    account.contact_id,
                )
                await record_committee_decision(session, resources.clock, command)

        async def again(error: DomainError) -> Response:
            return await _show(request, error)

        back = text_of(form, "back")
        path = back if back in ("shortlist", "winners", "results") else "shortlist"
        target = keep_contest(request, f"/staff/judging/{path}")
        return await answer(
            work(), again, target, ("บันทึกมติคณะกรรมการแล้ว", "The committee's decision is recorded.")
        )

    return pages


def _size(given: str | None, rule: int) -> int:
    if given and given.isascii() and given.isdecimal() and len(given) < 4:
        return min(max(int(given), 1), LARGEST_SIZE)
    return rule
