"""Held votes: the reviewers' queue and its cases, and the report that everybody reads after the close."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from services.voting import repository
from services.voting.domain.detectors import read_names
from services.voting.domain.errors import ReportTooEarly
from services.voting.domain.fraud_words import names
from services.voting.fraud import repository as ledger
from services.voting.fraud.cases import LEAST_REASON, MOST_REASON, Choice, DecideCase, decide_case, take_back
from services.voting.fraud.http import report_csv
from services.voting.fraud.report import entry_titles, fraud_report, review
from services.voting.standing import may_see_totals
from shared import known
from shared.contracts.intake import Role
from shared.errors import DomainError, Invalid, NotFound
from shared.service import Resources
from shared.web.pages import Pages, language_of, redirect
from shared.web.sessions import Account, account_or_none, require
from shared.web.tables import Column, Filter, csv_response, table_view, wants_csv

Reviewer = Annotated[Account, Depends(require(Role.STAFF, Role.APPROVER))]
Approver = Annotated[Account, Depends(require(Role.APPROVER))]
NOTHING_TYPED: Mapping[str, str] = {"choice": "", "reason": ""}
STATES = {
    "open": ("รอตัดสิน", "waiting", "now"),
    "chosen": ("รอคนที่สอง", "second person", "now"),
    "released": ("ปล่อยแล้ว", "released", "good"),
    "struck": ("ตัดออกแล้ว", "struck", "late"),
}
COLUMNS = (
    Column("name", "เครื่องตรวจที่เห็นตรงกัน", "Detectors that agreed"),
    Column("entry", "ผลงาน", "Entry"),
    Column("votes", "เสียง", "Votes", numeric=True),
    Column("state", "สถานะ", "State"),
    Column("opened", "พักเมื่อ", "Held since"),
)


def router(resources: Resources) -> APIRouter:
    """``/staff/vote/held`` and ``/vote/held``."""
    routes = APIRouter(include_in_schema=False)
    pages = Pages("services.voting")
    database, clock = resources.database, resources.clock

    async def contest_of(request: Request) -> str:
        async with database.transaction() as session:
            contest_id = request.query_params.get("contest") or await known.current_contest(session)
        if contest_id is None:
            raise NotFound("ยังไม่มีการประกวด", "There is no contest yet.")
        return contest_id

    @routes.get("/staff/vote/held")
    async def show_queue(request: Request, account: Reviewer) -> Response:
        contest_id = await contest_of(request)
        language = language_of(request)
        async with database.transaction() as session:
            report = await fraud_report(session, contest_id, insider=True)
            found = await ledger.cases(session, contest_id)
            titles = await entry_titles(session, contest_id)
            totals = await repository.totals(session, contest_id)
        words = 1 if language == "en" else 0
        rows: list[dict[str, Any]] = []
        for case in found:
            state = "chosen" if case.state == "open" and case.choice else case.state
            title = titles.get(case.entry_id)
            rows.append(
                {
                    "_href": f"/staff/vote/held/{case.case_id}?contest={contest_id}",
                    "name": names(read_names(case.detectors)).in_language(language),
                    "detectors": case.detectors,
                    "entry": title.in_language(language) if title else case.entry_id,
                    "votes": case.votes,
                    "state": {"badge": STATES[state][words], "kind": STATES[state][2]},
                    "state_key": state,
                    "opened": case.opened_at,
                }
            )
        states = [(key, texts[words]) for key, texts in STATES.items()]
        kinds = sorted({(row["detectors"], row["name"]) for row in rows})
        view = table_view(
            request,
            COLUMNS,
            rows,
            filters=(
                Filter("state_key", "สถานะ", "State", states),
                Filter("detectors", "เครื่องตรวจ", "Detectors", kinds),
            ),
            search=("entry", "name"),
        )
        if wants_csv(request):
            return csv_response("held-cases", view, language)
        context = {
            "contest_id": contest_id,
            "report": report,
            "view": view,
            "totals": totals,
            "waiting": sum(case.state == "open" for case in found),
        }
        return await pages.render(request, "staff/held.html", context)

    async def case_page(
        request: Request,
        account: Account,
        contest_id: str,
        case_id: str,
        error: DomainError | None = None,
        typed: Mapping[str, str] = NOTHING_TYPED,
    ) -> Response:
        async with database.transaction() as session:
            found = await review(session, contest_id, case_id)
        context = {
            "contest_id": contest_id,
            "review": found,
            "case": found.case,
            "me": account.contact_id,
            "approver": account.may(Role.APPROVER),
            "least": LEAST_REASON,
            "most": MOST_REASON,
            "typed": typed,
            "errors": {error.field or "choice": error.th if language_of(request) == "th" else error.en}
            if error
            else {},
        }
        return await pages.render(request, "staff/case.html", context, status_code=422 if error else 200)

    @routes.get("/staff/vote/held/{case_id}")
    async def show_case(request: Request, case_id: str, account: Reviewer) -> Response:
        return await case_page(request, account, await contest_of(request), case_id)

    @routes.post("/staff/vote/held/{case_id}/decision")
    async def decide(request: Request, case_id: str, account: Approver) -> Response:
        form = await pages.form(request)
        contest_id = await contest_of(request)
        typed = {name: str(form.get(name, "")) for name in ("choice", "reason", "votes")}
        back = f"/staff/vote/held/{case_id}?contest={contest_id}"
        try:
            command = DecideCase(
                contest_id,
                case_id,
                _choice(typed["choice"]),
                typed["reason"],
                account,
                _number(typed["votes"]),
            )
            async with database.transaction() as session:
                case = await decide_case(session, clock, command)
        except Invalid as error:
            return await case_page(request, account, contest_id, case_id, error, typed)
        except NotFound:
            raise
        except DomainError as error:
            return redirect(back, th=error.th, en=error.en, kind="late")
        if case.state == "open":
            return redirect(
                back,
                th="บันทึกการเลือกแล้ว รอผู้อนุมัติอีกคนยืนยัน",
                en="Your choice is noted. Another approver has to confirm it.",
            )
        return redirect(
            f"/staff/vote/held?contest={contest_id}",
            th=f"ตัดสินแล้ว: {'ปล่อย' if case.state == 'released' else 'ตัดออก'} {case.votes:,} เสียง",
            en=f"Decided: {case.votes:,} votes {case.state}.",
        )

    @routes.post("/staff/vote/held/{case_id}/withdrawal")
    async def withdraw(request: Request, case_id: str, account: Approver) -> Response:
        await pages.form(request)
        contest_id = await contest_of(request)
        back = f"/staff/vote/held/{case_id}?contest={contest_id}"
        try:
            async with database.transaction() as session:
                await take_back(session, contest_id, case_id, account)
        except NotFound:
            raise
        except DomainError as error:
            return redirect(back, th=error.th, en=error.en, kind="late")
        return redirect(back, th="ถอนการเลือกแล้ว", en="The choice is taken back.")

    @routes.get("/vote/held")
    async def show_report(request: Request) -> Response:
        contest_id = await contest_of(request)
        insider = may_see_totals(await account_or_none(request))
        async with database.transaction() as session:
            rulebook = await known.rulebook(session, contest_id)
            try:
                report = await fraud_report(session, contest_id, insider=insider)
            except ReportTooEarly:
                report = None
        if report is not None and wants_csv(request):
            return report_csv(report, language_of(request))
        context = {"contest_id": contest_id, "rulebook": rulebook, "report": report}
        return await pages.render(request, "vote/held.html", context)

    return routes


def _choice(text: str) -> Choice:
    try:
        return Choice(text)
    except ValueError as error:
        raise Invalid(
            "เลือกว่าจะปล่อยหรือตัดออก", "Choose whether to release or to strike the votes.", field="choice"
        ) from error


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 10 else None
