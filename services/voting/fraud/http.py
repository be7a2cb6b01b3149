"""The fraud ledger's JSON: the public report, and the cases for those who decide them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from services.voting.fraud import repository as ledger
from services.voting.fraud.cases import DecideCase, decide_case, take_back
from services.voting.fraud.report import FraudReport, fraud_report
from services.voting.fraud.views import CaseDecision, CasesView, CaseView, FraudReportView
from services.voting.standing import may_see_totals
from shared import known
from shared.contracts.intake import Role
from shared.service import Resources
from shared.web.pages import language_of
from shared.web.problems import PROBLEMS
from shared.web.sessions import Account, account_or_none, require
from shared.web.tables import csv_file

ContestPath = Annotated[str, Path(max_length=100, description="slug of the contest")]
CasePath = Annotated[str, Path(max_length=100)]
Anyone = Annotated[Account | None, Depends(account_or_none)]
Reviewer = Annotated[Account, Depends(require(Role.STAFF, Role.APPROVER, Role.AUDITOR))]
Approver = Annotated[Account, Depends(require(Role.APPROVER))]


def report_csv(found: FraudReport, language: str) -> Response:
    """The report for a spreadsheet."""
    english = language == "en"
    header = (
        ("Detectors", "Reason", "Cases", "Votes", "Held", "Released", "Struck", "Decision")
        if english
        else ("เครื่องตรวจ", "เหตุผล", "กลุ่ม", "เสียง", "พักไว้", "ปล่อย", "ตัดออก", "คำวินิจฉัย")
    )
    rows = [
        (
            line.detectors,
            line.reason.in_language(language),
            line.cases,
            line.votes,
            line.held,
            line.released,
            line.struck,
            "; ".join(line.decisions),
        )
        for line in found.lines
    ]
    return csv_file("held-votes", header, rows)


def router(resources: Resources) -> APIRouter:
    """The ledger's routes under ``/api/voting/v1``."""
    routes = APIRouter(prefix="/api/voting/v1", tags=["fraud ledger"], responses=PROBLEMS)
    database, clock = resources.database, resources.clock

    @routes.get(
        "/contests/{contest_id}/fraud-report",
        response_model=FraudReportView,
        responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
    )
    async def read_report(
        contest_id: ContestPath,
        account: Anyone,
        request: Request,
        format: Annotated[str, Query(pattern="^(json|csv)$")] = "json",  # noqa: A002
    ) -> FraudReportView | Response:
        """Votes held, released and struck, by detector with reasons and thresholds; for the public once
        the vote has closed."""
        async with database.transaction() as session:
            found = await fraud_report(session, contest_id, insider=may_see_totals(account))
        if format == "csv":
            return report_csv(found, language_of(request))
        return FraudReportView.model_validate(found, from_attributes=True)

    @routes.get("/contests/{contest_id}/held-cases")
    async def read_cases(contest_id: ContestPath, account: Reviewer) -> CasesView:
        """Every case of held votes."""
        async with database.transaction() as session:
            await known.rulebook(session, contest_id)
            found = await ledger.cases(session, contest_id)
        views = tuple(CaseView.model_validate(case, from_attributes=True) for case in found)
        return CasesView(contest_id=contest_id, cases=views)

    @routes.post("/contests/{contest_id}/held-cases/{case_id}/decision")
    async def decide(
        contest_id: ContestPath, case_id: CasePath, wanted: CaseDecision, account: Approver
    ) -> CaseView:
        """Release or strike a case. The first call notes your choice and its reason; the same choice by
        another approver carries it out."""
        command = DecideCase(contest_id, case_id, wanted.choice, wanted.reason, account, wanted.votes)
        async with database.transaction() as session:
            case = await decide_case(session, clock, command)
        return CaseView.model_validate(case, from_attributes=True)

    @routes.delete("/contests/{contest_id}/held-cases/{case_id}/decision")
    async def withdraw(contest_id: ContestPath, case_id: CasePath, account: Approver) -> CaseView:
        """Take the first approver's choice back."""
        async with database.transaction() as session:
            case = await take_back(session, contest_id, case_id, account)
        return CaseView.model_validate(case, from_attributes=True)

    return routes
