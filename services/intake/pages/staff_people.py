"""People and roles, and who comes to the briefing."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from starlette.datastructures import FormData

from services.intake import repository
from services.intake.domain.sign_in import derived_key, normal_email
from services.intake.handlers import briefing, contacts
from services.intake.handlers.contacts import DEPLOYMENT, Person
from services.intake.pages.common import PAGES, email_of, here, province_name, province_options, text_of
from services.intake.tables import Contact
from shared import known
from shared.contracts.intake import Attendance, Role
from shared.errors import DomainError, Invalid
from shared.service import Resources
from shared.web.pages import field_errors, language_of, redirect
from shared.web.sessions import Account, require
from shared.web.tables import Column, Filter, csv_response, table_view, wants_csv

Staff = Annotated[Account, Depends(require(Role.STAFF))]
Admin = Annotated[Account, Depends(require(Role.ADMIN))]
MOST_ROWS = 10_000
ROLES: dict[Role, tuple[str, str]] = {
    Role.APPLICANT: ("ผู้สมัคร", "Applicant"),
    Role.JUDGE: ("กรรมการ", "Judge"),
    Role.STAFF: ("เจ้าหน้าที่", "Staff"),
    Role.ADMIN: ("ผู้ดูแลระบบ", "Administrator"),
    Role.APPROVER: ("ผู้อนุมัติ", "Approver"),
    Role.CLERK: ("สารบรรณจังหวัด", "Provincial clerk"),
    Role.AUDITOR: ("ผู้ตรวจสอบ", "Auditor"),
}
PEOPLE = (
    Column("name", "ชื่อ", "Name"),
    Column("organisation", "หน่วยงาน", "Organisation"),
    Column("position", "ตำแหน่ง", "Position"),
    Column("email", "อีเมล", "E-mail"),
    Column("roles", "สิทธิ์", "Roles"),
)
COMING = (
    Column("organisation", "หน่วยงาน", "Organisation"),
    Column("province", "จังหวัด", "Province"),
    Column("who", "ผู้เข้าร่วม", "Who comes"),
    Column("state", "สถานะ", "State"),
    Column("registered", "ลงทะเบียนเมื่อ", "Signed up"),
)


def _person(form: FormData) -> Person:
    """The form as it was typed."""
    return Person(
        email=text_of(form, "email", limit=300),
        name=text_of(form, "name", limit=300),
        phone=text_of(form, "phone", limit=300),
        organisation=text_of(form, "organisation", limit=300),
        position=text_of(form, "position", limit=300),
        province_code=text_of(form, "province_code", limit=300),
        roles=frozenset(Role(role) for role in form.getlist("roles") if role in set(Role)),
        language="en" if text_of(form, "language") == "en" else "th",
    )


def _checked(person: Person) -> Person:
    """The person with the address in one spelling.

    Raises:
        Invalid: it is no address.
    """
    return replace(person, email=email_of(person.email))


def router(resources: Resources) -> APIRouter:
    """``/staff/people``."""
    pages = APIRouter(prefix="/staff/people")
    key = derived_key(resources.settings.session_private_key.get_secret_value())

    @pages.get("")
    async def people(request: Request, account: Staff) -> Response:
        language = language_of(request)
        at = 1 if language == "en" else 0
        async with resources.database.transaction() as session:
            contest_id = (
                request.query_params.get("contest") or await known.current_contest(session) or DEPLOYMENT
            )
            rows: list[Contact] = []
            for each in dict.fromkeys((contest_id, DEPLOYMENT)):
                found, _ = await repository.people(session, each, repository.PeopleFilter(), limit=MOST_ROWS)
                rows += found
        view = table_view(
            request,
            PEOPLE,
            [
                {
                    "_href": f"/staff/people/{row.contact_id}",
                    "_roles": row.roles,
                    "name": row.name or row.email,
                    "organisation": row.organisation,
                    "position": row.position,
                    "email": row.email,
                    "roles": ", ".join(ROLES[Role(role)][at] for role in row.roles),
                }
                for row in rows
            ],
            filters=(
                Filter(
                    "role",
                    "สิทธิ์",
                    "Role",
                    [(role.value, words[at]) for role, words in ROLES.items()],
                    lambda row: (
                        request.query_params.get("role")
                        if request.query_params.get("role") in row["_roles"]
                        else ""
                    ),
                ),
            ),
            search=("name", "organisation", "position", "email"),
            sort="name",
        )
        if wants_csv(request):
            return csv_response("people", view, language)
        return await PAGES.render(request, "staff_people.html", {"view": view})

    async def person_page(
        request: Request,
        contact: Contact | None,
        given: Person | None,
        errors: dict[str, str],
        status_code: int = 200,
    ) -> Response:
        language = language_of(request)
        at = 1 if language == "en" else 0
        context = {
            "contact": contact,
            "given": given or contact,
            "chosen": [role.value for role in given.roles] if given else contact.roles if contact else [],
            "roles": [(role.value, words[at]) for role, words in ROLES.items()],
            "provinces": province_options(language),
            "errors": errors,
        }
        return await PAGES.render(request, "staff_person.html", context, status_code=status_code)

    @pages.get("/new")
    async def new_person(request: Request, account: Admin) -> Response:
        return await person_page(request, None, None, {})

    @pages.post("/new")
    async def add_person(request: Request, account: Admin) -> Response:
        typed = _person(await PAGES.form(request))
        try:
            person = _checked(typed)
            async with resources.database.transaction() as session:
                contest_id = await known.current_contest(session) or DEPLOYMENT
                found = await repository.contact_by_email(
                    session, normal_email(person.email), prefer=contest_id
                )
                if found is not None:
                    return redirect(
                        f"/staff/people/{found.contact_id}",
                        th="มีผู้ใช้อีเมลนี้อยู่แล้ว ยังไม่ได้เปลี่ยนอะไร แก้ข้อมูลหรือเพิ่มสิทธิ์ได้ที่หน้านี้",
                        en="Somebody has this address already; nothing was changed. Change the person here.",
                        kind="note",
                    )
                await contacts.add_person(session, contest_id, person)
        except Invalid as error:
            return await person_page(request, None, typed, field_errors(error, language_of(request)), 422)
        return redirect("/staff/people", th="เพิ่มบุคคลแล้ว", en="The person is added.")

    @pages.get("/briefing")
    async def coming(request: Request, account: Staff) -> Response:
        language = language_of(request)
        at = 1 if language == "en" else 0
        states = {
            "registered": ("ลงทะเบียน", "Signed up", ""),
            "attended": ("เข้าร่วมแล้ว", "Attended", "good"),
            "cancelled": ("ยกเลิก", "Cancelled", "note"),
        }
        async with resources.database.transaction() as session:
            found = await here(request, resources, session)
            rows = await repository.registrations(session, found.contest_id)
        listed = []
        for row in rows:
            state = "attended" if row.attended_at and row.state == "registered" else row.state
            representing = row.attends_as == Attendance.REPRESENTATIVE
            own, other = ("ด้วยตนเอง", "In person"), ("ผู้แทน", "Representative")
            who = (other if representing else own)[at]
            listed.append(
                {
                    "_id": row.registration_id,
                    "_state": state,
                    "organisation": row.organisation,
                    "province": province_name(row.province_code, language),
                    "who": f"{who}: {row.representative}" if row.representative else who,
                    "state": {"badge": states[state][at], "kind": states[state][2], "sort": state},
                    "registered": row.registered_at,
                }
            )
        options = [(name, words[at]) for name, words in states.items()]
        view = table_view(
            request,
            COMING,
            listed,
            filters=(Filter("status", "สถานะ", "State", options, lambda row: row["_state"]),),
            search=("organisation", "province", "who"),
            sort="registered",
        )
        if wants_csv(request):
            return csv_response(f"{found.contest_id}-briefing", view, language)
        counts = {name: sum(row["_state"] == name for row in listed) for name in states}
        context = {**found.context(), "view": view, "counts": counts}
        return await PAGES.render(request, "staff_briefing.html", context)

    @pages.post("/briefing/{registration_id}")
    async def note_attendance(request: Request, registration_id: str, account: Staff) -> Response:
        await PAGES.form(request)
        async with resources.database.transaction() as session:
            found = await here(request, resources, session)
            await briefing.attend(session, resources.clock, found.contest_id, registration_id)
        return redirect("/staff/people/briefing", th="บันทึกแล้ว", en="Noted.")

    @pages.get("/{contact_id}")
    async def person(request: Request, contact_id: str, account: Admin) -> Response:
        async with resources.database.transaction() as session:
            contact = await repository.contact(session, contact_id)
        return await person_page(request, contact, None, {})

    @pages.post("/{contact_id}")
    async def change(request: Request, contact_id: str, account: Admin) -> Response:
        typed = _person(await PAGES.form(request))
        async with resources.database.transaction() as session:
            contact = await repository.contact(session, contact_id)
        try:
            person = _checked(typed)
            async with resources.database.transaction() as session:
                await contacts.change_person(session, contact_id, person)
        except DomainError as error:
            if not error.field and not getattr(error, "errors", ()):
                raise
            found = field_errors(error, language_of(request))
            return await person_page(request, contact, typed, found, error.status)
        return redirect("/staff/people", th="บันทึกแล้ว", en="Saved.")

    @pages.post("/{contact_id}/sessions")
    async def revoke(request: Request, contact_id: str, account: Admin) -> Response:
        await PAGES.form(request)
        async with resources.database.transaction() as session:
            await contacts.revoke_sessions(session, contact_id)
        return redirect(
            f"/staff/people/{contact_id}", th="ออกจากระบบทุกเครื่องแล้ว", en="Every session has ended."
        )

    @pages.post("/{contact_id}/erasure")
    async def erase(request: Request, contact_id: str, account: Admin) -> Response:
        form = await PAGES.form(request)
        async with resources.database.transaction() as session:
            contact = await repository.contact(session, contact_id)
            if text_of(form, "confirm") != contact.email:
                return redirect(
                    f"/staff/people/{contact_id}",
                    th="ยังไม่ได้ลบ พิมพ์อีเมลให้ตรงเพื่อยืนยัน",
                    en="Nothing was erased: type the e-mail address exactly to confirm.",
                    kind="late",
                )
            await contacts.erase_person(session, contact_id, code_key=key)
        return redirect(
            "/staff/people", th="ลบข้อมูลส่วนบุคคลแล้วทุกบริการ", en="The person is erased, in every service."
        )

    return pages
