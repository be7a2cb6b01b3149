"""The briefing's pages: signing up, one's own place, joining."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from services.intake import repository
from services.intake.domain.calendar_file import calendar
from services.intake.handlers import briefing
from services.intake.http.briefing import may_touch
from services.intake.http.values import network_of
from services.intake.pages.common import PAGES, email_of, here, province_options, text_of
from services.intake.tables import Registration
from shared.contracts.intake import Attendance
from shared.contracts.rulebook import MilestoneKind
from shared.errors import DomainError, Invalid
from shared.service import Resources
from shared.web.pages import field_errors, language_of, redirect
from shared.web.sessions import Account, account_or_none, current_account

SignedIn = Annotated[Account, Depends(current_account)]
_NAMES = ("attends_as", "organisation", "province_code", "email", "name", "representative")


def _checked(given: dict[str, str], *, signed_in: bool) -> Attendance:
    """How the person attends.

    Raises:
        Invalid: something is missing; every field is named, in the order of the form.
    """
    found = []
    if given["attends_as"] not in set(Attendance):
        found.append(Invalid("เลือกว่าเข้าเองหรือส่งผู้แทน", "Choose who comes.", field="attends_as"))
    if not given["organisation"]:
        found.append(Invalid("ระบุหน่วยงาน", "Give the organisation.", field="organisation"))
    if not signed_in:
        if not given["name"]:
            found.append(Invalid("ระบุชื่อ", "Give your name.", field="name"))
        try:
            given["email"] = email_of(given["email"])
        except Invalid as error:
            found.append(error)
    representing = given["attends_as"] == Attendance.REPRESENTATIVE
    if representing and not given["representative"]:
        found.append(Invalid("ระบุชื่อผู้แทน", "Give the representative's name.", field="representative"))
    if found:
        raise Invalid("โปรดกรอกให้ครบ", "Please fill in what is missing.", errors=tuple(found))
    return Attendance(given["attends_as"])


def router(resources: Resources) -> APIRouter:
    """``/briefing``."""
    pages = APIRouter(prefix="/briefing")

    async def form_page(
        request: Request, given: dict[str, str], errors: dict[str, str], status_code: int = 200
    ) -> Response:
        account = await account_or_none(request)
        async with resources.database.transaction() as session:
            found = await here(request, resources, session)
            mine: Registration | None = None
            if account is not None:
                mine = await repository.registration_of(session, found.contest_id, account.contact_id)
        context = {
            **found.context(),
            "given": given,
            "errors": errors,
            "mine": mine,
            "provinces": province_options(language_of(request)),
            "room_open": found.now
            >= found.rulebook.milestone(MilestoneKind.BRIEFING).starts_at - briefing.EARLY,
        }
        return await PAGES.render(request, "briefing.html", context, status_code=status_code)

    @pages.get("")
    async def sign_up_form(request: Request) -> Response:
        return await form_page(request, dict.fromkeys(_NAMES, ""), {})

    @pages.post("")
    async def sign_up(request: Request) -> Response:
        form = await PAGES.form(request)
        given = {name: text_of(form, name, limit=300) for name in _NAMES}
        account = await account_or_none(request)
        try:
            attends_as = _checked(given, signed_in=account is not None)
            async with resources.database.transaction() as session:
                found = await here(request, resources, session)
                command = briefing.RegisterForBriefing(
                    contest_id=found.contest_id,
                    organisation=given["organisation"],
                    attends_as=attends_as,
                    contact_id=account.contact_id if account else "",
                    email="" if account else given["email"],
                    name=given["name"],
                    representative=given["representative"],
                    province_code=given["province_code"],
                    language=language_of(request),
                    network=network_of(request),
                )
                await briefing.register(session, resources.clock, command)
        except Invalid as error:
            return await form_page(request, given, field_errors(error, language_of(request)), 422)
        if account is not None:
            return redirect("/briefing", th="ลงทะเบียนแล้ว", en="You are signed up.")
        context = {**found.context(), "email": given["email"]}
        return await PAGES.render(request, "briefing_done.html", context)

    @pages.get("/calendar.ics")
    async def ics(request: Request) -> Response:
        async with resources.database.transaction() as session:
            found = await here(request, resources, session)
            versions = await repository.versions(session, found.contest_id)
        content = calendar(
            found.rulebook,
            [found.rulebook.milestone(MilestoneKind.BRIEFING)],
            language_of(request),
            origin=resources.settings.public_url,
            stamp=versions[0].made_at,
        )
        headers = {"Content-Disposition": f'attachment; filename="{found.contest_id}-briefing.ics"'}
        return Response(content, media_type="text/calendar; charset=utf-8", headers=headers)

    @pages.post("/{registration_id}/cancellation")
    async def cancel(request: Request, registration_id: str, account: SignedIn) -> Response:
        await PAGES.form(request)
        async with resources.database.transaction() as session:
            found = await here(request, resources, session)
            may_touch(account, await repository.registration(session, found.contest_id, registration_id))
            await briefing.cancel(session, resources.clock, found.contest_id, registration_id)
        return redirect("/briefing", th="ยกเลิกแล้ว", en="Your place is cancelled.")

    @pages.post("/{registration_id}/attendance")
    async def join(request: Request, registration_id: str, account: SignedIn) -> Response:
        await PAGES.form(request)
        try:
            async with resources.database.transaction() as session:
                found = await here(request, resources, session)
                may_touch(account, await repository.registration(session, found.contest_id, registration_id))
                await briefing.attend(session, resources.clock, found.contest_id, registration_id)
        except DomainError as error:
            return redirect("/briefing", th=error.th, en=error.en, kind="late")
        return redirect("/briefing#room", th="บันทึกการเข้าร่วมแล้ว", en="Your attendance is noted.")

    return pages
