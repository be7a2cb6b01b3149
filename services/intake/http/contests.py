"""Contests over JSON: what is published, and what staff do with a contest file."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from services.intake import repository
from services.intake.domain.contest_check import only_a_rehearsal, open_findings
from services.intake.domain.contest_file import MAXIMUM_BYTES
from services.intake.domain.contest_findings import Finding, FindingKind, FindingStatus
from services.intake.handlers import contests
from services.intake.http.values import NO_NUL, PREFIX, ContestPath, body_of
from services.intake.tables import Contest
from shared import known
from shared.contracts.event import LocalizedText
from shared.contracts.intake import Role
from shared.contracts.rulebook import Rulebook
from shared.errors import NotFound
from shared.service import Resources
from shared.web.problems import PROBLEMS
from shared.web.sessions import Account, account_or_none, require

Reason = Annotated[
    str, StringConstraints(min_length=1, max_length=2_000, strip_whitespace=True, pattern=NO_NUL)
]


class ContestToml(BaseModel):
    toml: str = Field(max_length=MAXIMUM_BYTES, description="text of a `contest.toml`")


class PlaceView(BaseModel):
    source: LocalizedText
    place: str
    text: str


class FindingView(BaseModel):
    """One thing that the sources contradict, leave blank or do not rule."""

    key: str
    kind: FindingKind
    status: FindingStatus
    title: LocalizedText
    places: list[PlaceView]
    decided_by: str = ""
    reason: str = ""
    value: str = ""


class ContestDraft(BaseModel):
    contest_id: str
    state: str
    ready_to_seal: bool = Field(description="nothing is open")
    only_a_rehearsal: bool = Field(description="a decision is only assumed")
    findings: list[FindingView]


class Sealing(BaseModel):
    rehearsal: bool = False


class Amendment(BaseModel):
    toml: str = Field(max_length=MAXIMUM_BYTES)
    reason_th: Reason
    reason_en: Annotated[str, StringConstraints(max_length=2_000, pattern=NO_NUL)] = ""


class ContestSummary(BaseModel):
    contest_id: str
    state: str
    number: int
    rehearsal: bool
    sealed_at: AwareDatetime | None


class ContestList(BaseModel):
    contests: list[ContestSummary]


class ContestView(ContestSummary):
    now: AwareDatetime = Field(description="contest time")
    rulebook: Rulebook
    rulebook_sha256: str


class Amended(ContestView):
    changed: list[str] = Field(description="dotted paths into the rulebook")


def finding_view(finding: Finding) -> FindingView:
    """A finding as JSON and pages show it."""
    decision = finding.decision
    return FindingView(
        key=finding.key,
        kind=finding.kind,
        status=finding.status,
        title=finding.title,
        places=[PlaceView(source=p.source, place=p.place, text=p.text) for p in finding.places],
        decided_by=decision.decided_by if decision else "",
        reason=decision.reason if decision else "",
        value=str(decision.value) if decision else "",
    )


def _draft(contest: Contest, findings: tuple[Finding, ...]) -> ContestDraft:
    return ContestDraft(
        contest_id=contest.contest_id,
        state=contest.state,
        ready_to_seal=not open_findings(findings),
        only_a_rehearsal=only_a_rehearsal(findings),
        findings=[finding_view(finding) for finding in findings],
    )


def _summary(contest: Contest) -> ContestSummary:
    return ContestSummary(
        contest_id=contest.contest_id,
        state=contest.state,
        number=contest.number,
        rehearsal=contest.rehearsal,
        sealed_at=contest.sealed_at,
    )


def router(resources: Resources) -> APIRouter:
    """Routes of ``/contests``."""
    api = APIRouter(prefix=f"{PREFIX}/contests", tags=["contests"], responses=PROBLEMS)

    @api.get("")
    async def list_contests(
        account: Annotated[Account | None, Depends(account_or_none)],
    ) -> ContestList:
        """Published contests, the newest first; staff also see drafts."""
        staff = account is not None and account.may(Role.STAFF)
        async with resources.database.transaction() as session:
            found = await repository.contests(session)
        shown = [_summary(contest) for contest in found if staff or contest.state == "sealed"]
        return ContestList(contests=shown)

    @api.post("", status_code=201)
    async def bring_contest(
        body: ContestToml, account: Annotated[Account, Depends(require(Role.ADMIN))]
    ) -> ContestDraft:
        """Bring in a contest file as a draft, and read what it leaves open."""
        toml = body_of(body.toml, field="toml")
        contests.checked(toml)
        async with resources.database.transaction() as session:
            contest, findings = await contests.draft_contest(
                session, resources.clock, toml, account.contact_id
            )
            return _draft(contest, findings)

    @api.get("/{contest_id}")
    async def read_contest(contest_id: ContestPath) -> ContestView:
        """A published contest with its rulebook in force."""
        async with resources.database.transaction() as session:
            contest = await repository.contest(session, contest_id)
            if contest.state != "sealed":
                raise NotFound("การประกวดนี้ยังไม่ได้ประกาศ", "This contest is not published yet.")
            rulebook = await known.rulebook(session, contest_id)
            now = await resources.clock.now(session, contest_id)
        return ContestView(
            **_summary(contest).model_dump(), now=now, rulebook=rulebook, rulebook_sha256=rulebook.sha256()
        )

    @api.get("/{contest_id}/findings")
    async def read_findings(
        contest_id: ContestPath, account: Annotated[Account, Depends(require(Role.STAFF))]
    ) -> ContestDraft:
        """What the sources contradict or leave open, and who decided it."""
        async with resources.database.transaction() as session:
            contest = await repository.contest(session, contest_id)
        return _draft(contest, contests.checked(contest.toml)[1])

    @api.post("/{contest_id}/seal")
    async def seal_contest(
        contest_id: ContestPath, body: Sealing, account: Annotated[Account, Depends(require(Role.STAFF))]
    ) -> ContestView:
        """Make the draft binding and publish it; with assumed decisions only as a rehearsal."""
        async with resources.database.transaction() as session:
            contests.checked((await repository.contest(session, contest_id)).toml)
        async with resources.database.transaction() as session:
            rulebook = await contests.seal_contest(
                session, resources.clock, contest_id, account.contact_id, rehearsal=body.rehearsal
            )
            contest = await repository.contest(session, contest_id)
            now = await resources.clock.now(session, contest_id)
        return ContestView(
            **_summary(contest).model_dump(), now=now, rulebook=rulebook, rulebook_sha256=rulebook.sha256()
        )

    @api.post("/{contest_id}/amendments", status_code=201)
    async def amend_contest(
        contest_id: ContestPath, body: Amendment, account: Annotated[Account, Depends(require(Role.STAFF))]
    ) -> Amended:
        """Publish a numbered amendment: the whole new file and the reason."""
        command = contests.AmendContest(
            contest_id,
            body_of(body.toml, field="toml"),
            LocalizedText(th=body.reason_th, en=body.reason_en),
            account.contact_id,
        )
        contests.checked(command.toml)
        async with resources.database.transaction() as session:
            rulebook, changed = await contests.amend_contest(session, resources.clock, command)
            contest = await repository.contest(session, contest_id)
            now = await resources.clock.now(session, contest_id)
        return Amended(
            **_summary(contest).model_dump(),
            now=now,
            rulebook=rulebook,
            rulebook_sha256=rulebook.sha256(),
            changed=list(changed),
        )

    return api
