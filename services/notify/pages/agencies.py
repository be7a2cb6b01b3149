"""``/letters/agencies``: an agency's letterhead, how it numbers, who signs and who keeps the registry."""

from datetime import date

from fastapi import APIRouter, Request, Response

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain.uploads import Upload
from services.notify.handlers import appointing
from services.notify.handlers.agencies import agency_of
from services.notify.pages.common import PAGES, Administrator, Staff, contest_of, names_of
from services.notify.pages.uploads import read_upload
from shared.contracts.intake import Role
from shared.errors import DomainError, Invalid, NotFound
from shared.service import Resources
from shared.thai.dates import parse_date
from shared.web.pages import field_errors, language_of, redirect


def router(resources: Resources) -> APIRouter:
    """Settings of agencies; what changes them is an administrator's."""
    pages = APIRouter()
    database, clock = resources.database, resources.clock

    async def show(request: Request, agency: str, error: DomainError | None = None) -> Response:
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
            now = await clock.now(session, contest_id)
            found = await agency_of(session, contest_id, agency, now)
            trail = await repository.signers.audit_trail(session, contest_id, agency)
            people = await repository.people.with_role(
                session, contest_id, Role.APPROVER, Role.CLERK, Role.STAFF
            )
            names = await names_of(
                session, [*people, *(one.contact_id for one in found.officers), *(one.by for one in trail)]
            )
        context = {
            "agency": found,
            "agencies": contest_files(contest_id).agency_names(),
            "trail": trail,
            "people": [(person, names.get(person, person[:8])) for person in people],
            "names": names,
            "errors": field_errors(error, language_of(request)) if error else {},
        }
        return await PAGES.render(request, "agency.html", context, status_code=error.status if error else 200)

    @pages.get("/letters/agencies")
    async def first(request: Request, account: Staff) -> Response:
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
        files = contest_files(contest_id)
        home = next((name for name in files.profile_names() if files.profile(name).home), "")
        return redirect(f"/letters/agencies/{home}")

    @pages.get("/letters/agencies/{agency}")
    async def look(request: Request, agency: str, account: Staff) -> Response:
        return await show(request, agency)

    @pages.post("/letters/agencies/{agency}/officers")
    async def appoint(request: Request, agency: str, account: Administrator) -> Response:
        form = await PAGES.form(request)
        try:
            appointment = appointing.Appointment(
                contact_id=str(form.get("contact_id", "")),
                duty=str(form.get("duty", "")),
                valid_from=_day(str(form.get("valid_from", "")), "valid_from"),
                valid_until=day_or_none(str(form.get("valid_until", "")), "valid_until"),
                authorised_by=str(form.get("authorised_by", "")),
                lines=str(form.get("lines", "")).splitlines(),
            )
            async with database.transaction() as session:
                contest_id = await contest_of(request, session)
                await appointing.appoint(
                    session, clock, contest_id, agency, appointment, by=account.contact_id
                )
        except DomainError as error:
            return await show(request, agency, error)
        return redirect(f"/letters/agencies/{agency}", th="บันทึกการมอบหมายแล้ว", en="The appointment is kept.")

    @pages.get("/letters/agencies/{agency}/emblem")
    async def emblem(request: Request, agency: str, account: Staff) -> Response:
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
            found = await repository.signers.setting(session, contest_id, agency)
        if found is None or found.emblem is None:
            raise NotFound("ยังไม่มีตรา", "There is no emblem yet.")
        headers = {"Content-Security-Policy": "default-src 'none'", "Cache-Control": "private, no-store"}
        return Response(found.emblem, media_type=found.emblem_type, headers=headers)

    @pages.post("/letters/agencies/{agency}/emblem")
    async def set_emblem(request: Request, agency: str, account: Administrator) -> Response:
        form = await PAGES.form(request)
        try:
            upload = await read_upload(form, "emblem") or Upload("", b"")
            async with database.transaction() as session:
                contest_id = await contest_of(request, session)
                await appointing.set_emblem(session, clock, contest_id, agency, upload, by=account.contact_id)
        except DomainError as error:
            return await show(request, agency, error)
        return redirect(f"/letters/agencies/{agency}", th="ตั้งตราแล้ว", en="The emblem is set.")

    @pages.post("/letters/agencies/{agency}/numbering")
    async def numbering(request: Request, agency: str, account: Administrator) -> Response:
        form = await PAGES.form(request)
        try:
            async with database.transaction() as session:
                contest_id = await contest_of(request, session)
                await appointing.set_numbering(
                    session,
                    clock,
                    contest_id,
                    agency,
                    number_at=str(form.get("number_at", "")),
                    circulars=str(form.get("circulars", "")),
                    by=account.contact_id,
                )
        except DomainError as error:
            return await show(request, agency, error)
        return redirect(f"/letters/agencies/{agency}", th="บันทึกการออกเลขแล้ว", en="Kept.")

    return pages


def _day(text: str, field: str) -> date:
    try:
        return parse_date(text)
    except ValueError as error:
        raise Invalid("อ่านวันที่ไม่ออก เช่น 1/7/2565", "That is no day, e.g. 2022-07-01.", field=field) from error


def day_or_none(text: str, field: str) -> date | None:
    """The day that a person typed; None where nothing. Raises Invalid."""
    return _day(text, field) if text.strip() else None
