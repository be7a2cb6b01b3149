"""Agencies with their registry and signers, over JSON."""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from services.notify.handlers import agencies, appointing
from services.notify.http.common import PREFIX, Administrator, ContestPath, IdPath, Staff
from shared.service import Resources
from shared.web.problems import PROBLEMS

AgencyPath = Annotated[str, Path(max_length=60, description="letterhead, e.g. depa")]


class OfficerBody(BaseModel):
    """An appointment; for an end, give ``valid_until``."""

    model_config = ConfigDict(extra="forbid")

    valid_from: date
    valid_until: date | None = None
    authorised_by: str = Field(default="", max_length=200, description="the order that authorises the signer")
    lines: list[str] = Field(
        default=[], max_length=4, description="posts under the name, delegation included"
    )


class NumberingBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    number_at: Literal["registry", "signing"]
    circulars: Literal["own", "ordinary"]


class OfficerView(BaseModel):
    contact_id: str
    duty: str
    authorised_by: str
    lines: list[str]
    valid_from: date
    valid_until: date | None


class AgencyView(BaseModel):
    agency: str
    name: str
    home: bool
    enrolled: bool = Field(description="whether letters of this agency may be issued here")
    official: bool = Field(description="whether they may leave without ฉบับร่าง")
    number_at: str
    circulars: str
    emblem_sha256: str
    officers: list[OfficerView]


def agency_view(found: agencies.Agency) -> AgencyView:
    """The agency for a reader of JSON."""
    return AgencyView(
        agency=found.name,
        name=found.profile.name,
        home=found.profile.home,
        enrolled=found.enrolled,
        official=found.official,
        number_at=found.number_at,
        circulars=found.circulars,
        emblem_sha256=found.emblem_sha256,
        officers=[OfficerView.model_validate(one.model_dump()) for one in found.officers],
    )


def router(resources: Resources) -> APIRouter:
    """Looking at an agency, appointing its officers, and setting how it numbers."""
    api = APIRouter(prefix=f"{PREFIX}/contests/{{contest_id}}/agencies/{{agency}}", responses=PROBLEMS)
    database, clock = resources.database, resources.clock

    async def view(contest_id: str, agency: str) -> AgencyView:
        async with database.transaction() as session:
            now = await clock.now(session, contest_id)
            return agency_view(await agencies.agency_of(session, contest_id, agency, now))

    @api.get("")
    async def get_agency(contest_id: ContestPath, agency: AgencyPath, account: Staff) -> AgencyView:
        """An agency with its registry and signers."""
        return await view(contest_id, agency)

    @api.put("/numbering")
    async def set_numbering(
        contest_id: ContestPath, agency: AgencyPath, body: NumberingBody, account: Administrator
    ) -> AgencyView:
        """Who gives numbers, and which series circulars take."""
        async with database.transaction() as session:
            await appointing.set_numbering(
                session,
                clock,
                contest_id,
                agency,
                number_at=body.number_at,
                circulars=body.circulars,
                by=account.contact_id,
            )
        return await view(contest_id, agency)

    @api.put("/officers/{duty}/{contact_id}")
    async def appoint(
        contest_id: ContestPath,
        agency: AgencyPath,
        duty: Literal["signer", "registry"],
        contact_id: IdPath,
        body: OfficerBody,
        account: Administrator,
    ) -> AgencyView:
        """Appoint someone to sign for the agency or to keep its registry."""
        appointment = appointing.Appointment(contact_id=contact_id, duty=duty, **body.model_dump())
        async with database.transaction() as session:
            await appointing.appoint(session, clock, contest_id, agency, appointment, by=account.contact_id)
        return await view(contest_id, agency)

    return api
