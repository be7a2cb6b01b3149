"""Briefing registrations over JSON."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import AwareDatetime, BaseModel, Field

from services.intake import repository
from services.intake.handlers import briefing
from services.intake.http.values import PREFIX, ContestPath, Email, Id, Line, Name, ProvinceCode, network_of
from services.intake.tables import Registration
from shared.contracts.intake import Attendance, Role
from shared.errors import Forbidden
from shared.service import Resources
from shared.web.pages import language_of
from shared.web.problems import PROBLEMS
from shared.web.sessions import Account, account_or_none, current_account, require


class RegistrationBody(BaseModel):
    organisation: Name
    attends_as: Attendance = Attendance.SELF
    representative: Line = Field(default="", description="name of the representative, where one comes")
    province_code: ProvinceCode = ""
    email: Email | None = Field(default=None, description="of someone who is not signed in")
    name: Line = ""


class RegistrationView(BaseModel):
    registration_id: str
    contest_id: str
    contact_id: str
    revision: int
    state: str
    attends_as: Attendance
    organisation: str
    province_code: str
    registered_at: AwareDatetime
    cancelled_at: AwareDatetime | None
    attended_at: AwareDatetime | None


class RegistrationList(BaseModel):
    registrations: list[RegistrationView]


def view(row: Registration) -> RegistrationView:
    """A registration without the representative's name."""
    return RegistrationView.model_validate(row.model_dump(exclude={"representative"}))


def may_touch(account: Account, row: Registration) -> None:
    """Pass for the person whose registration it is, and for staff.

    Raises:
        Forbidden: for everybody else.
    """
    if row.contact_id != account.contact_id and not account.may(Role.STAFF):
        raise Forbidden("การลงทะเบียนนี้เป็นของผู้อื่น", "This registration is someone else's.")


def router(resources: Resources) -> APIRouter:
    """Routes of ``/contests/{contest_id}/briefing-registrations``."""
    api = APIRouter(
        prefix=f"{PREFIX}/contests/{{contest_id}}/briefing-registrations",
        tags=["briefing"],
        responses=PROBLEMS,
    )
    signed_in = Annotated[Account, Depends(current_account)]

    @api.post("", status_code=201)
    async def register(
        contest_id: ContestPath,
        body: RegistrationBody,
        request: Request,
        account: Annotated[Account | None, Depends(account_or_none)],
    ) -> RegistrationView:
        """Sign up oneself or a representative; whoever is not signed in gives an e-mail address."""
        command = briefing.RegisterForBriefing(
            contest_id=contest_id,
            organisation=body.organisation,
            attends_as=body.attends_as,
            contact_id=account.contact_id if account and body.email is None else "",
            email=str(body.email or ""),
            name=body.name,
            representative=body.representative,
            province_code=body.province_code,
            language=language_of(request),
            network=network_of(request),
        )
        async with resources.database.transaction() as session:
            return view(await briefing.register(session, resources.clock, command))

    @api.get("")
    async def list_registrations(
        contest_id: ContestPath, account: Annotated[Account, Depends(require(Role.STAFF))]
    ) -> RegistrationList:
        """Everyone who signed up, in order."""
        async with resources.database.transaction() as session:
            await repository.contest(session, contest_id)
            rows = await repository.registrations(session, contest_id)
        return RegistrationList(registrations=[view(row) for row in rows])

    @api.get("/{registration_id}")
    async def read_registration(
        contest_id: ContestPath, registration_id: Id, account: signed_in
    ) -> RegistrationView:
        """One's own registration; staff read all."""
        async with resources.database.transaction() as session:
            row = await repository.registration(session, contest_id, registration_id)
        may_touch(account, row)
        return view(row)

    @api.post("/{registration_id}/cancellation")
    async def cancel(contest_id: ContestPath, registration_id: Id, account: signed_in) -> RegistrationView:
        """Give up the place."""
        async with resources.database.transaction() as session:
            may_touch(account, await repository.registration(session, contest_id, registration_id))
            return view(await briefing.cancel(session, resources.clock, contest_id, registration_id))

    @api.post("/{registration_id}/attendance")
    async def attend(contest_id: ContestPath, registration_id: Id, account: signed_in) -> RegistrationView:
        """Note that the person, or the representative, came."""
        async with resources.database.transaction() as session:
            may_touch(account, await repository.registration(session, contest_id, registration_id))
            return view(await briefing.attend(session, resources.clock, contest_id, registration_id))

    return api
