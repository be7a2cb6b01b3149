"""Shortlist, winners and results: proposed by one person, completed by another."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, Field
from sqlmodel.ext.asyncio.session import AsyncSession

from services.scoring.domain.signing import Signer
from services.scoring.handlers.results import ProposeResults, approve_results, propose_results
from services.scoring.handlers.shortlist import (
    ProposeShortlist,
    Sign,
    approve_shortlist,
    propose_shortlist,
)
from services.scoring.handlers.winners import (
    ProposeWinners,
    RecordCommitteeDecision,
    certify_winners,
    propose_winners,
    record_committee_decision,
)
from services.scoring.http.fields import PREFIX, ContestPath, Note, Reason
from services.scoring.repository import decisions
from services.scoring.tables import CommitteeDecision, Decision, DecisionKind, DecisionState
from shared import known
from shared.contracts.ids import ContactId, ContestId, EntryId
from shared.contracts.intake import Role
from shared.contracts.scoring import AwardGiven, Finalist
from shared.errors import NotFound
from shared.service import Resources
from shared.web.problems import PROBLEMS
from shared.web.sessions import Account, require

Staff = Annotated[Account, Depends(require(Role.STAFF))]
Approver = Annotated[Account, Depends(require(Role.APPROVER))]
StaffOrApprover = Annotated[Account, Depends(require(Role.STAFF, Role.APPROVER))]


class Proposal(BaseModel):
    note: Note = ""


class RankedProposal(Proposal):
    accept_missing: bool = Field(
        default=False, description="go on without the scorecards that judges still owe; `note` says why"
    )


class DecisionView(BaseModel):
    number: int
    state: DecisionState
    note: str
    proposed_by: ContactId
    proposed_at: AwareDatetime
    signed_by: list[ContactId]
    published_at: AwareDatetime | None = None


class ShortlistDecision(DecisionView):
    finalists: list[Finalist]
    not_selected: list[EntryId]


class AwardsDecision(DecisionView):
    awards: list[AwardGiven]


class CommitteeInput(BaseModel):
    scope: str = Field(
        max_length=110,
        description="first/<category>, second/<category> or popular",
        pattern=r"^[a-z0-9/_-]+$",
    )
    entry_ids: list[EntryId] = Field(description="the committee's order, best first", max_length=500)
    reason: Reason


class CommitteeView(BaseModel):
    scope: str
    entry_ids: list[EntryId]
    reason: str
    recorded_by: ContactId
    recorded_at: AwareDatetime

    @classmethod
    def of(cls, row: CommitteeDecision) -> "CommitteeView":
        """The committee's decision as the API shows it."""
        return cls.model_validate(row.model_dump())


def signer(account: Account) -> Signer:
    """The account as it signs."""
    return Signer(account.contact_id, account.may(Role.APPROVER))


async def _view(session: AsyncSession, decision: Decision) -> dict[str, object]:
    kind = DecisionKind(decision.kind)
    signed = await decisions.signatures(session, decision.contest_id, kind, decision.number)
    people = [signature.contact_id for signature in signed]
    return {**decision.model_dump(), **decision.content, "signed_by": people}


async def _newest(session: AsyncSession, contest_id: str, kind: DecisionKind) -> dict[str, object]:
    """The published decision of that kind, else the open proposal.

    Raises:
        NotFound: neither is there.
    """
    await known.rulebook(session, contest_id)
    for state in (DecisionState.PUBLISHED, DecisionState.PROPOSED):
        found = await decisions.decision(session, contest_id, kind, state)
        if found is not None:
            return await _view(session, found)
    raise NotFound("ยังไม่มีข้อเสนอเรื่องนี้", "Nothing was proposed yet.")


def router(resources: Resources) -> APIRouter:
    """Routes about decisions."""
    api = APIRouter(prefix=f"{PREFIX}/contests/{{contest_id}}", tags=["decisions"], responses=PROBLEMS)

    @api.post("/shortlist", status_code=201, tags=["shortlist"])
    async def propose_finalists(
        contest_id: ContestPath, account: Staff, proposal: RankedProposal | None = None
    ) -> ShortlistDecision:
        """Propose the rulebook's number of entries per category from the first round's ranking."""
        given = proposal or RankedProposal()
        command = ProposeShortlist(
            ContestId(contest_id), account.contact_id, given.accept_missing, given.note
        )
        async with resources.database.transaction() as session:
            decision = await propose_shortlist(session, resources.clock, command)
            return ShortlistDecision.model_validate(await _view(session, decision))

    @api.post("/shortlist/approval", tags=["shortlist"])
    async def approve_finalists(contest_id: ContestPath, account: Approver) -> ShortlistDecision:
        """An approver other than the proposer publishes the shortlist."""
        async with resources.database.transaction() as session:
            decision = await approve_shortlist(
                session, resources.clock, Sign(ContestId(contest_id), signer(account))
            )
            return ShortlistDecision.model_validate(await _view(session, decision))

    @api.get("/shortlist/decision", tags=["shortlist"])
    async def read_shortlist(contest_id: ContestPath, account: StaffOrApprover) -> ShortlistDecision:
        """The open proposal, or what was published, with its signatures."""
        async with resources.database.transaction() as session:
            return ShortlistDecision.model_validate(
                await _newest(session, contest_id, DecisionKind.SHORTLIST)
            )

    @api.post("/committee-decisions", status_code=201)
    async def record_committee(
        contest_id: ContestPath, given: CommitteeInput, account: Staff
    ) -> CommitteeView:
        """Record how the committee parted a tie that no rule parts."""
        command = RecordCommitteeDecision(
            ContestId(contest_id), given.scope, tuple(given.entry_ids), given.reason, account.contact_id
        )
        async with resources.database.transaction() as session:
            return CommitteeView.of(await record_committee_decision(session, resources.clock, command))

    @api.get("/committee-decisions")
    async def list_committee(contest_id: ContestPath, account: StaffOrApprover) -> list[CommitteeView]:
        """What the committee decided."""
        async with resources.database.transaction() as session:
            await known.rulebook(session, contest_id)
            return [CommitteeView.of(row) for row in await decisions.committee_decisions(session, contest_id)]

    @api.post("/winners", status_code=201, tags=["winners"])
    async def propose_judged(
        contest_id: ContestPath, account: Staff, proposal: RankedProposal | None = None
    ) -> AwardsDecision:
        """Propose the winner of every category from the deciding round."""
        given = proposal or RankedProposal()
        command = ProposeWinners(ContestId(contest_id), account.contact_id, given.accept_missing, given.note)
        async with resources.database.transaction() as session:
            decision = await propose_winners(session, resources.clock, command)
            return AwardsDecision.model_validate(await _view(session, decision))

    @api.post("/winners/certification", tags=["winners"])
    async def certify_judged(contest_id: ContestPath, account: StaffOrApprover) -> AwardsDecision:
        """One of two different people certifies; with the second, an approver, it is final."""
        async with resources.database.transaction() as session:
            decision = await certify_winners(
                session, resources.clock, Sign(ContestId(contest_id), signer(account))
            )
            return AwardsDecision.model_validate(await _view(session, decision))

    @api.get("/winners", tags=["winners"])
    async def read_winners(contest_id: ContestPath, account: StaffOrApprover) -> AwardsDecision:
        """The open proposal, or what was certified. Secret until the results are published."""
        async with resources.database.transaction() as session:
            return AwardsDecision.model_validate(await _newest(session, contest_id, DecisionKind.WINNERS))

    @api.post("/results", status_code=201, tags=["results"])
    async def propose_all(
        contest_id: ContestPath, account: Staff, proposal: Proposal | None = None
    ) -> AwardsDecision:
        """Propose all awards; the winners and the public vote must be certified."""
        command = ProposeResults(ContestId(contest_id), account.contact_id, proposal.note if proposal else "")
        async with resources.database.transaction() as session:
            decision = await propose_results(session, resources.clock, command)
            return AwardsDecision.model_validate(await _view(session, decision))

    @api.post("/results/approval", tags=["results"])
    async def approve_all(contest_id: ContestPath, account: Approver) -> AwardsDecision:
        """An approver other than the proposer publishes the results."""
        async with resources.database.transaction() as session:
            decision = await approve_results(
                session, resources.clock, Sign(ContestId(contest_id), signer(account))
            )
            return AwardsDecision.model_validate(await _view(session, decision))

    @api.get("/results/decision", tags=["results"])
    async def read_results_decision(contest_id: ContestPath, account: StaffOrApprover) -> AwardsDecision:
        """The open proposal, or what was published, with its signatures."""
        async with resources.database.transaction() as session:
            return AwardsDecision.model_validate(await _newest(session, contest_id, DecisionKind.RESULTS))

    return api
