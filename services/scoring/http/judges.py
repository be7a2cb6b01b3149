"""Judges, their conflicts and their assignments."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, Field

from services.scoring.domain.assignment import Plan
from services.scoring.handlers.assignments import AssignJudges, ReopenScore, assign_judges, reopen_score
from services.scoring.handlers.judges import (
    DeclareConflicts,
    DeclaredConflict,
    InviteJudge,
    accept_invitation,
    invite_judge,
    recuse_judge,
)
from services.scoring.http.fields import PREFIX, ContestPath, EntryPath, JudgePath, Reason, RoundQuery
from services.scoring.repository import judges
from services.scoring.tables import Assignment, Judge
from shared.contracts.ids import CategoryId, ContactId, ContestId, EntryId, JudgeId
from shared.contracts.intake import Role
from shared.contracts.scoring import ConflictKind, Round
from shared.service import Resources
from shared.web.problems import PROBLEMS
from shared.web.sessions import Account, require

Staff = Annotated[Account, Depends(require(Role.STAFF))]
JudgeOrStaff = Annotated[Account, Depends(require(Role.JUDGE, Role.STAFF))]


class Invitation(BaseModel):
    contact_id: ContactId
    category_ids: list[CategoryId] = Field(default=[], description="expertise; empty = every category")


class JudgeView(BaseModel):
    judge_id: JudgeId
    contact_id: ContactId
    category_ids: list[CategoryId]
    invited_at: AwareDatetime
    accepted_at: AwareDatetime | None = None
    recused_from: list[EntryId] = []

    @classmethod
    def of(cls, judge: Judge, recused: list[str]) -> "JudgeView":
        """The judge as the API shows it."""
        return cls.model_validate({**judge.model_dump(), "recused_from": recused})


class ConflictDeclaration(BaseModel):
    entry_id: EntryId
    conflict: ConflictKind
    reason: Reason = ""
    everywhere: bool = Field(
        default=False, description="also for every other entry of the same agency, province or vendor"
    )

    def declared(self) -> DeclaredConflict:
        """As the use case takes it."""
        return DeclaredConflict(self.entry_id, self.conflict, self.reason.strip(), self.everywhere)


class Acceptance(BaseModel):
    """Conflicts first: what is not named here is declared free of conflict."""

    conflicts: list[ConflictDeclaration] = []


class AssignmentOrder(BaseModel):
    round: Round = Round.FIRST
    due_at: AwareDatetime
    rebalance: bool = Field(default=False, description="take back what no judge has begun and spread it anew")


class JudgeLoad(BaseModel):
    judge_id: JudgeId
    entry_ids: list[EntryId]


class AssignmentPlan(BaseModel):
    round: Round
    judges: list[JudgeLoad]
    short: dict[EntryId, int] = Field(
        description="judges that an entry still lacks, because too few are free"
    )

    @classmethod
    def of(cls, scoring_round: Round, plan: Plan) -> "AssignmentPlan":
        """The plan as the API shows it."""
        loads = [
            JudgeLoad(judge_id=judge_id, entry_ids=sorted(plan.of(judge_id)))
            for judge_id in sorted({judge_id for judge_id, _ in plan.pairs})
        ]
        return cls(round=scoring_round, judges=loads, short=dict(plan.short))


class AssignmentView(BaseModel):
    judge_id: JudgeId
    entry_id: EntryId
    round: Round
    due_at: AwareDatetime
    assigned_at: AwareDatetime
    reopened_until: AwareDatetime | None = None
    reopened_reason: str = ""

    @classmethod
    def of(cls, row: Assignment) -> "AssignmentView":
        """The assignment as the API shows it."""
        return cls.model_validate(row.model_dump())


class Reopening(BaseModel):
    round: Round
    judge_id: JudgeId
    until: AwareDatetime
    reason: Reason


def router(resources: Resources) -> APIRouter:
    """Routes about judges."""
    api = APIRouter(prefix=f"{PREFIX}/contests/{{contest_id}}", tags=["judges"], responses=PROBLEMS)

    @api.post("/judges", status_code=201)
    async def invite(contest_id: ContestPath, invitation: Invitation, account: Staff) -> JudgeView:
        """Ask a contact with the role of a judge to judge."""
        async with resources.database.transaction() as session:
            command = InviteJudge(
                ContestId(contest_id), invitation.contact_id, tuple(invitation.category_ids)
            )
            return JudgeView.of(await invite_judge(session, resources.clock, command), [])

    @api.get("/judges")
    async def list_judges(contest_id: ContestPath, account: Staff) -> list[JudgeView]:
        """Everyone who was invited."""
        async with resources.database.transaction() as session:
            recusals = await judges.recusals(session, contest_id)
            return [
                JudgeView.of(judge, [r.entry_id for r in recusals if r.judge_id == judge.judge_id])
                for judge in await judges.judges(session, contest_id)
            ]

    @api.post("/judges/{judge_id}/acceptance")
    async def accept(
        contest_id: ContestPath,
        judge_id: JudgePath,
        account: JudgeOrStaff,
        acceptance: Acceptance | None = None,
    ) -> JudgeView:
        """The judge names every conflict there is, and accepts."""
        declared = tuple(each.declared() for each in acceptance.conflicts) if acceptance else ()
        command = DeclareConflicts(
            ContestId(contest_id), JudgeId(judge_id), account.contact_id, declared, complete=True
        )
        async with resources.database.transaction() as session:
            judge = await accept_invitation(session, resources.clock, command)
            recusals = await judges.recusals(session, contest_id, judge_id)
            return JudgeView.of(judge, [recusal.entry_id for recusal in recusals])

    @api.post("/judges/{judge_id}/recusals", status_code=201)
    async def recuse(
        contest_id: ContestPath, judge_id: JudgePath, declaration: ConflictDeclaration, account: JudgeOrStaff
    ) -> JudgeView:
        """A conflict that the judge, or staff, learnt of: the entry goes to another judge."""
        command = DeclareConflicts(
            ContestId(contest_id),
            JudgeId(judge_id),
            account.contact_id,
            (declaration.declared(),),
            by_staff=account.may(Role.STAFF),
        )
        async with resources.database.transaction() as session:
            judge = await recuse_judge(session, resources.clock, command)
            recusals = await judges.recusals(session, contest_id, judge_id)
            return JudgeView.of(judge, [recusal.entry_id for recusal in recusals])

    @api.post("/assignments", status_code=201)
    async def assign(contest_id: ContestPath, order: AssignmentOrder, account: Staff) -> AssignmentPlan:
        """Give every entry of the round its judges, balanced, without conflicts."""
        command = AssignJudges(ContestId(contest_id), order.round, order.due_at, order.rebalance)
        async with resources.database.transaction() as session:
            plan = await assign_judges(session, resources.clock, command)
        return AssignmentPlan.of(order.round, plan)

    @api.get("/assignments")
    async def list_assignments(
        contest_id: ContestPath,
        account: Staff,
        scoring_round: RoundQuery = Round.FIRST,
    ) -> list[AssignmentView]:
        """Who has which entry."""
        async with resources.database.transaction() as session:
            rows = await judges.assignments(session, contest_id, scoring_round=scoring_round.value)
        return [AssignmentView.of(row) for row in rows]

    @api.post("/entries/{entry_id}/reopenings", status_code=201)
    async def reopen(
        contest_id: ContestPath, entry_id: EntryPath, reopening: Reopening, account: Staff
    ) -> AssignmentView:
        """Let one judge score one entry after the lock, with a reason."""
        command = ReopenScore(
            ContestId(contest_id),
            reopening.round,
            reopening.judge_id,
            EntryId(entry_id),
            reopening.until,
            reopening.reason,
            account.contact_id,
        )
        async with resources.database.transaction() as session:
            return AssignmentView.of(await reopen_score(session, resources.clock, command))

    return api
