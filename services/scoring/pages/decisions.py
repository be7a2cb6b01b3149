"""Winners and results: proposed, reviewed, and made final by two people."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from services.scoring.handlers.proposals import published
from services.scoring.handlers.ranking import POPULAR_SCOPE, committee_scope, final_round, rank_round
from services.scoring.handlers.results import (
    ProposeResults,
    approve_results,
    popular_verdicts,
    propose_results,
)
from services.scoring.handlers.shortlist import Sign
from services.scoring.handlers.winners import ProposeWinners, certify_winners, propose_winners, verdicts
from services.scoring.http.decisions import signer
from services.scoring.pages.common import (
    PAGES,
    Contest,
    answer,
    contest_of,
    keep_contest,
    names,
    render,
    text_of,
)
from services.scoring.pages.explain import ranking_table
from services.scoring.repository import decisions, entries
from services.scoring.tables import DecisionKind, DecisionState
from shared.contracts.intake import Role
from shared.errors import Conflict, DomainError
from shared.service import Resources
from shared.web.pages import language_of
from shared.web.sessions import Account, require

Reader = Annotated[Account, Depends(require(Role.STAFF, Role.APPROVER))]
Staff = Annotated[Account, Depends(require(Role.STAFF))]
Approver = Annotated[Account, Depends(require(Role.APPROVER))]


def router(resources: Resources) -> APIRouter:
    """Pages under ``/staff/judging/winners`` and ``/staff/judging/results``."""
    pages = APIRouter(prefix="/staff/judging")

    @pages.get("/winners")
    async def winners(request: Request, account: Reader) -> Response:
        """The deciding ranking, and what the rules make of it."""
        return await _show_winners(request)

    async def _show_winners(request: Request, problem: DomainError | None = None) -> Response:
        async with resources.database.transaction() as session:
            contest = await contest_of(request, resources, session)
            rulebook = contest.rulebook
            shortlist = await published(session, contest.id, DecisionKind.SHORTLIST)
            if shortlist is None:
                context = {"ready": False, **await _signing(session, contest, DecisionKind.WINNERS)}
                return await render(request, "staff/winners.html", contest, context, problem=problem)
            ranking = await rank_round(session, rulebook, final_round(rulebook), finalists_only=True)
            context = {
                "ready": True,
                "ranking": ranking,
                "verdicts": verdicts(rulebook, ranking),
                **await _signing(session, contest, DecisionKind.WINNERS),
            }
        minimum = rulebook.judging.minimum_total.value
        language = language_of(request)
        context["tables"] = {
            category.category_id: ranking_table(
                ranking, category, category.cut(1, minimum), rulebook.rubric, language
            )
            for category in ranking.categories
        }
        context["scope"] = lambda category_id: committee_scope(ranking.round, category_id)
        return await render(request, "staff/winners.html", contest, context, problem=problem)

    @pages.post("/winners")
    async def propose_judged(request: Request, account: Staff) -> Response:
        """Propose the winners."""
        form = await PAGES.form(request)

        async def work() -> None:
            async with resources.database.transaction() as session:
                contest = await contest_of(request, resources, session)
                command = ProposeWinners(
                    contest.id,
                    account.contact_id,
                    accept_missing=bool(text_of(form, "accept_missing")),
                    note=text_of(form, "note")[:2_000],
                )
                await propose_winners(session, resources.clock, command)

        done = ("เสนอผู้ชนะแล้ว รอผู้รับรองสองคน", "Proposed; two people certify it.")
        return await answer(work(), _again(request, _show_winners), _at(request, "winners"), done)

    @pages.post("/winners/certification")
    async def certify(request: Request, account: Reader) -> Response:
        """Certify the winners."""
        await PAGES.form(request)

        async def work() -> None:
            async with resources.database.transaction() as session:
                contest = await contest_of(request, resources, session)
                await certify_winners(session, resources.clock, Sign(contest.id, signer(account)))

        done = ("ลงนามรับรองแล้ว", "Your certification is recorded.")
        return await answer(work(), _again(request, _show_winners), _at(request, "winners"), done)

    @pages.get("/results")
    async def results(request: Request, account: Reader) -> Response:
        """All awards together, before and after publication."""
        return await _show_results(request)

    async def _show_results(request: Request, problem: DomainError | None = None) -> Response:
        async with resources.database.transaction() as session:
            contest = await contest_of(request, resources, session)
            judged = await published(session, contest.id, DecisionKind.WINNERS)
            vote = await decisions.popular_vote(session, contest.id)
            tied: tuple[str, ...] = ()
            if judged is not None:
                by_award = {award["award_id"]: award for award in judged.content["awards"]}
                try:
                    found = await popular_verdicts(session, contest.rulebook, by_award)
                    tied = tuple(entry_id for verdict in found for entry_id in verdict.undecided)
                except Conflict:
                    tied = ()
            context = {
                "judged": judged,
                "vote": vote,
                "tied": await entries.entries(session, contest.id, tied) if tied else [],
                "popular_scope": POPULAR_SCOPE,
                **await _signing(session, contest, DecisionKind.RESULTS),
            }
        return await render(request, "staff/results.html", contest, context, problem=problem)

    @pages.post("/results")
    async def propose_all(request: Request, account: Staff) -> Response:
        """Propose the results."""
        form = await PAGES.form(request)

        async def work() -> None:
            async with resources.database.transaction() as session:
                contest = await contest_of(request, resources, session)
                command = ProposeResults(contest.id, account.contact_id, text_of(form, "note")[:2_000])
                await propose_results(session, resources.clock, command)

        done = ("เสนอผลแล้ว รอผู้อนุมัติอีกคนหนึ่ง", "Proposed; another person approves it.")
        return await answer(work(), _again(request, _show_results), _at(request, "results"), done)

    @pages.post("/results/approval")
    async def approve(request: Request, account: Approver) -> Response:
        """Publish the results."""
        await PAGES.form(request)

        async def work() -> None:
            async with resources.database.transaction() as session:
                contest = await contest_of(request, resources, session)
                await approve_results(session, resources.clock, Sign(contest.id, signer(account)))

        done = ("ประกาศผลแล้ว", "The results are published.")
        return await answer(work(), _again(request, _show_results), _at(request, "results"), done)

    return pages


async def _signing(session: AsyncSession, contest: Contest, kind: DecisionKind) -> dict[str, object]:
    """The open proposal or the published decision, who signed, and whose names these are."""
    proposal = await decisions.decision(session, contest.id, kind, DecisionState.PROPOSED)
    done = await published(session, contest.id, kind)
    current = done or proposal
    signed = (
        await decisions.signatures(session, contest.id, kind, current.number) if current is not None else []
    )
    committee = await decisions.committee_decisions(session, contest.id)
    people = {each.contact_id for each in signed} | {row.recorded_by for row in committee}
    people |= {each.proposed_by for each in (proposal, done) if each}
    everyone = await entries.entries(session, contest.id)
    return {
        "proposal": proposal,
        "done": done,
        "signed": signed,
        "committee": {row.scope: row for row in committee},
        "name": await names(session, people),
        "entries_by_id": {entry.entry_id: entry for entry in everyone},
    }


def _again(
    request: Request, show: Callable[[Request, DomainError], Awaitable[Response]]
) -> Callable[[DomainError], Awaitable[Response]]:
    async def again(error: DomainError) -> Response:
        return await show(request, error)

    return again


def _at(request: Request, page: str) -> str:
    return keep_contest(request, f"/staff/judging/{page}")
