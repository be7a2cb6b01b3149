"""``/letters/<id>/<step>``: what people do to a letter on its page; who may, the use cases say."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from services.notify import repository
from services.notify.handlers import acknowledge, approving, letters, rendering, signing
from services.notify.handlers.second_factor import second_factors
from services.notify.pages.common import (
    PAGES,
    VOID_WORDS,
    Registry,
    Staff,
    check_letter,
    check_typed,
    may_void,
    of_staff,
)
from services.notify.pages.letters import show_letter
from shared.contracts.intake import Role
from shared.errors import DomainError, Forbidden, Invalid, NotFound
from shared.service import Resources
from shared.thai.dates import parse_date
from shared.thai.digits import arabic_digits
from shared.web.pages import redirect
from shared.web.sessions import Account

DONE = {
    "review": ("ส่งตรวจร่างแล้ว", "It is in review."),
    "return": ("ส่งกลับให้แก้ไขแล้ว", "It is returned."),
    "approval": ("อนุมัติร่างแล้ว", "The draft is approved."),
    "signing": ("ลงนามแล้ว", "It is signed."),
    "number": ("ออกเลขทะเบียนแล้ว", "It has its number."),
    "dispatch": ("ส่งออกแล้ว", "It is on its way."),
}
"""What a step says when it is done."""
OF_STAFF = ("review", "approval")
"""Steps of the contest's staff; the others are open to a clerk whom the agency appointed."""


def router(resources: Resources) -> APIRouter:
    """Each step of a letter's life, and what is told of its addressees."""
    pages = APIRouter()
    database, clock, site = resources.database, resources.clock, resources.settings.public_url
    factors = second_factors(resources)

    @pages.post("/letters/{letter_id}/void")
    async def void(request: Request, letter_id: str, account: Staff) -> Response:
        form = await PAGES.form(request)
        try:
            async with database.transaction() as session:
                letter = await repository.letters.letter(session, letter_id, lock=True)
                may_void(letter, account)
                check_typed(str(form.get("confirm", "")), VOID_WORDS)
                await letters.void_letter(
                    session, clock, letter_id, account.contact_id, str(form.get("reason", ""))
                )
        except DomainError as error:
            return await show_letter(request, resources, letter_id, error=error)
        return redirect(
            f"/letters/{letter_id}",
            th="ยกเลิกหนังสือแล้ว เลขที่ไม่นำกลับมาใช้",
            en="The letter is void; its number stays taken.",
        )

    @pages.post("/letters/{letter_id}/dispatches/{dispatch_id}")
    async def received(request: Request, letter_id: str, dispatch_id: str, account: Staff) -> Response:
        form = await PAGES.form(request)
        async with database.transaction() as session:
            row = await repository.letters.dispatch(session, dispatch_id, lock=True)
            await acknowledge.acknowledge(
                session, clock, row, str(form.get("receive_number", "")), by=account.contact_id
            )
        return redirect(
            f"/letters/{letter_id}#dispatches", th="บันทึกเลขรับแล้ว", en="The receive number is kept."
        )

    async def take(step: str, letter_id: str, account: Account, form: Mapping[str, Any]) -> None:
        """One step of the letter's way, as the form says."""
        by, staff = account.contact_id, of_staff(account)

        def text(name: str) -> str:
            return str(form.get(name, ""))

        if step == "approval":
            await rendering.preview(database, clock, letter_id, site)
            await approving.approve_letter(database, clock, letter_id, by, site)
            return
        confirmed = None
        if step == "signing":
            async with database.transaction() as session:
                contest_id = (await repository.letters.letter(session, letter_id)).contest_id
            confirmed = await factors.confirm(contest_id, by, text("code"))
        async with database.transaction() as session:
            if step == "review":
                await letters.submit_letter(session, clock, letter_id, by)
            elif step == "return":
                await letters.return_letter(session, clock, letter_id, by, text("return_reason"), staff=staff)
            elif confirmed is not None:
                approver = account.may(Role.APPROVER)
                await signing.sign_letter(session, clock, letter_id, confirmed, approver=approver)
            elif step == "number":
                given = given_number(text("number"), text("dated"), text("elsewhere"))
                await signing.number_letter(session, clock, letter_id, by, given, staff=staff)
            else:
                await letters.dispatch_letter(session, clock, letter_id, by, staff=staff)
        if step in ("signing", "number"):
            await rendering.finish_letter(database, letter_id)

    @pages.post("/letters/{letter_id}/{step}")
    async def advance(request: Request, letter_id: str, step: str, account: Registry) -> Response:
        form = await PAGES.form(request)
        if step not in DONE:
            raise NotFound("ไม่มีขั้นตอนนี้", "There is no such step.")
        await check_letter(resources, letter_id, account)
        try:
            _check_role(step, account)
            await take(step, letter_id, account, form)
        except DomainError as error:
            return await show_letter(request, resources, letter_id, error=error)
        th, en = DONE[step]
        return redirect(f"/letters/{letter_id}", th=th, en=en)

    return pages


def _check_role(step: str, account: Account) -> None:
    """Who may try a step at all.

    Raises:
        Forbidden: a clerk drafts nothing here, and only who can hold a second factor signs.
    """
    if step in OF_STAFF and not of_staff(account):
        raise Forbidden(
            "การร่างและตรวจร่างเป็นของเจ้าหน้าที่การประกวด", "Drafting and review are the contest's staff's."
        )
    if step == "signing" and not account.may(Role.APPROVER, Role.CLERK):
        raise Forbidden(
            "เฉพาะผู้มีอำนาจลงนามของหน่วยงานลงนามได้ ให้ผู้ดูแลระบบแต่งตั้งในหน้า ตราและผู้ลงนาม",
            "Only a signer of the agency signs; an administrator appoints one under Letterhead.",
        )


def given_number(number: str, dated: str, reason: str) -> signing.GivenNumber:
    """What the registry typed; empty = the next number, today.

    Raises:
        Invalid: no number, or no day.
    """
    digits = arabic_digits(number.strip())
    if digits and not (digits.isdecimal() and len(digits) <= 6 and int(digits) > 0):
        raise Invalid("เลขทะเบียนเป็นตัวเลขไม่เกิน 6 หลัก", "A number has at most 6 digits.", field="number")
    try:
        day = parse_date(dated) if dated.strip() else None
    except ValueError as error:
        raise Invalid(
            "อ่านวันที่ไม่ออก เช่น 1/7/2565", "That is no day, e.g. 2022-07-01.", field="dated"
        ) from error
    return signing.GivenNumber(int(digits) if digits else None, day, reason)
