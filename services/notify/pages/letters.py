"""``/letters``: the register, and each letter's way."""

import asyncio
import base64
from collections.abc import Mapping
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain.letters import KIND_NAMES, STATE_NAMES, STEP_NAMES, DispatchState, Step, step_note
from services.notify.fonts import typeface
from services.notify.handlers import acknowledge, approving, composing, letters, rendering, signing
from services.notify.handlers.agencies import agency_of
from services.notify.handlers.second_factor import second_factors
from services.notify.pages.common import (
    PAGES,
    Staff,
    check_typed,
    contest_of,
    dispatch_badge,
    letter_badge,
    may_sign,
    may_void,
    names_of,
)
from services.notify.tables import Letter
from shared import known
from shared.contracts.notify import LetterKind
from shared.errors import DomainError, Invalid, NotFound
from shared.service import Resources
from shared.thai.dates import parse_date
from shared.thai.digits import arabic_digits, thai_digits
from shared.web.pages import field_errors, language_of, redirect
from shared.web.sessions import Account
from shared.web.tables import Column, Filter, csv_response, table_view, wants_csv

REGISTER = (
    Column("number", "เลขที่", "Number"),
    Column("issued", "ลงวันที่", "Date"),
    Column("kind", "ชนิด", "Kind"),
    Column("subject", "เรื่อง", "Subject"),
    Column("addressee", "ผู้รับ", "Addressee"),
    Column("state", "สถานะ", "State"),
    Column("received", "ลงรับ", "Received", numeric=True),
)
DISPATCHES = (
    Column("post", "ผู้รับ", "Addressee"),
    Column("state", "สถานะ", "State"),
    Column("sent", "ส่งเมื่อ", "Sent"),
    Column("opened", "เปิดเมื่อ", "Opened"),
    Column("acknowledged", "ลงรับเมื่อ", "Received"),
    Column("receive_number", "เลขรับ", "Receive no."),
    Column("passed_on", "ส่งต่อ", "Passed on"),
)
NO_NUMBER = ("ยังไม่ออกเลข", "no number yet")
DONE = {
    "review": ("ส่งตรวจร่างแล้ว", "It is in review."),
    "return": ("ส่งกลับให้แก้ไขแล้ว", "It is returned."),
    "approval": ("อนุมัติร่างแล้ว", "The draft is approved."),
    "signing": ("ลงนามแล้ว", "It is signed."),
    "number": ("ออกเลขทะเบียนแล้ว", "It has its number."),
    "dispatch": ("ส่งออกแล้ว", "It is on its way."),
}
"""What a step says when it is done."""


def _kind(letter: Letter, language: str) -> str:
    return KIND_NAMES[LetterKind(letter.kind)][1 if language == "en" else 0]


def router(resources: Resources) -> APIRouter:
    """The pages of letters."""
    pages = APIRouter()
    database, clock, site = resources.database, resources.clock, resources.settings.public_url
    factors = second_factors(resources)

    @pages.get("/letters")
    async def register(request: Request, account: Staff) -> Response:
        language = language_of(request)
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
            counts = await repository.letters.dispatch_counts(session, contest_id)
            rows = await repository.letters.letters(session, contest_id)
        position = 1 if language == "en" else 0
        table = [
            {
                "number": thai_digits(letter.number_text) or NO_NUMBER[position],
                "issued": letter.issued_at,
                "kind": _kind(letter, language),
                "subject": letter.subject,
                "addressee": letter.addressee,
                "state": letter_badge(request, letter.state),
                "received": repository.letters.progress(counts.get(letter.letter_id, {}))[0]
                if letter.letter_id in counts
                else None,
                "_href": f"/letters/{letter.letter_id}",
                "_state": letter.state,
            }
            for letter in rows
        ]
        states = Filter(
            "state",
            "สถานะ",
            "State",
            [(state.value, name[position]) for state, name in STATE_NAMES.items()],
            value_of=lambda row: row["_state"],
        )
        view = table_view(
            request, REGISTER, table, filters=[states], search=["number", "subject", "addressee"]
        )
        if wants_csv(request):
            return csv_response("register", view, language)
        return await PAGES.render(request, "letters.html", {"view": view})

    @pages.get("/letters/{letter_id}")
    async def show(request: Request, letter_id: str, account: Staff) -> Response:
        return await show_letter(request, resources, letter_id)

    @pages.post("/letters/{letter_id}/void")
    async def void(request: Request, letter_id: str, account: Staff) -> Response:
        form = await PAGES.form(request)
        try:
            async with database.transaction() as session:
                letter = await repository.letters.letter(session, letter_id)
                may_void(letter, account)
                check_typed(str(form.get("confirm", "")), "VOID")
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
        by = account.contact_id

        def text(name: str) -> str:
            return str(form.get(name, ""))

        if step == "approval":
            await rendering.preview(database, clock, letter_id, site)
            await approving.approve_letter(database, clock, letter_id, by, site)
            return
        async with database.transaction() as session:
            contest_id = (await repository.letters.letter(session, letter_id)).contest_id
        confirmed = None
        if step == "signing":
            may_sign(account)
            confirmed = await factors.confirm(contest_id, by, text("code"))
        async with database.transaction() as session:
            if step == "review":
                await letters.submit_letter(session, clock, letter_id, by)
            elif step == "return":
                await letters.return_letter(session, clock, letter_id, by, text("return_reason"))
            elif confirmed is not None:
                await signing.sign_letter(session, clock, letter_id, confirmed, approver=True)
            elif step == "number":
                given = given_number(text("number"), text("dated"), text("elsewhere"))
                await signing.number_letter(session, clock, letter_id, by, given, staff=True)
            else:
                await letters.dispatch_letter(session, clock, letter_id, by)
        if step in ("signing", "number"):
            await rendering.finish_letter(database, letter_id)

    @pages.post("/letters/{letter_id}/{step}")
    async def advance(request: Request, letter_id: str, step: str, account: Staff) -> Response:
        form = await PAGES.form(request)
        if step not in DONE:
            raise NotFound("ไม่มีขั้นตอนนี้", "There is no such step.")
        try:
            await take(step, letter_id, account, form)
        except DomainError as error:
            return await show_letter(request, resources, letter_id, error=error)
        th, en = DONE[step]
        return redirect(f"/letters/{letter_id}", th=th, en=en)

    return pages


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


async def show_letter(
    request: Request,
    resources: Resources,
    letter_id: str,
    *,
    error: DomainError | None = None,
    typed: dict[str, Any] | None = None,
    preview: rendering.Preview | None = None,
) -> Response:
    """One letter: its picture, its text, its history and its addressees."""
    language, site = language_of(request), resources.settings.public_url
    async with resources.database.transaction() as session:
        letter = await repository.letters.letter(session, letter_id)
        rulebook = await known.rulebook(session, letter.contest_id)
        now = await resources.clock.now(session, letter.contest_id)
        content = await composing.content_of(session, letter, site)
        findings = await composing.findings_of(session, letter, site) if letter.signed_at is None else []
        steps = await repository.letters.steps(session, letter)
        rows = await repository.letters.dispatches(session, letter.contest_id, letter_id)
        children = [
            other
            for other in await repository.letters.letters(session, letter.contest_id)
            if other.parent_id == letter_id
        ]
        parent = await repository.letters.letter(session, letter.parent_id) if letter.parent_id else None
        names = await names_of(session, [step.by for step in steps])
        public = await repository.links.public_letter(session, letter)
        agency = await agency_of(session, letter.contest_id, letter.agency, now)
        next_number = await signing.proposed_number(session, letter, agency, now)
    if preview is not None:
        findings = list(preview.findings)
        addresses = [picture_address(picture) for picture in preview.pictures]
    else:
        pictures, unprintable = await _pictures(resources, letter_id)
        error = error or unprintable
        addresses = [f"/letters/{letter_id}/page-{number}.png" for number in range(1, len(pictures) + 1)]
    template = contest_files(letter.contest_id).template(letter.template)
    table = [
        {
            "post": row.post,
            "state": dispatch_badge(request, row.state),
            "sent": row.sent_at,
            "opened": row.opened_at,
            "acknowledged": row.acknowledged_at,
            "receive_number": row.receive_number,
            "passed_on": (row.passed_on or {}).get("number", ""),
            "_state": row.state,
        }
        for row in rows
    ]
    position = 1 if language == "en" else 0
    states = Filter(
        "state",
        "สถานะ",
        "State",
        [(state.value, dispatch_badge(request, state)["badge"]) for state in DispatchState],
        value_of=lambda row: row["_state"],
    )
    view = table_view(
        request,
        DISPATCHES,
        table,
        filters=[states],
        search=["post", "receive_number"],
        sort="-acknowledged",
        page_size=40,
    )
    if wants_csv(request):
        return csv_response("dispatches", view, language)
    profile = contest_files(letter.contest_id).profile(letter.agency)
    shown = {**content, **{name: value for name, value in (typed or {}).items() if value is not None}}
    context = {
        "letter": letter,
        "rulebook": rulebook,
        "now": now,
        "content": shown,
        "typed": typed,
        "enclosure_lines": "\n".join(
            " | ".join(filter(None, (each["text"], each["copies"]))) for each in shown["enclosures"]
        ),
        "template": template,
        "profile": profile,
        "agency": agency,
        "public": public,
        "next_number": next_number,
        "number": thai_digits(letter.number_text),
        "kind": _kind(letter, language),
        "badge": letter_badge(request, letter.state),
        "findings": findings,
        "steps": steps,
        "step_names": {step.value: STEP_NAMES[step][position] for step in Step},
        "step_note": partial(step_note, language=language),
        "names": names,
        "pictures": addresses,
        "view": view,
        "rows": rows,
        "received": sum(row.acknowledged_at is not None for row in rows),
        "children": children,
        "parent": parent,
        "thai_digits": thai_digits,
        "official_face": await asyncio.to_thread(lambda: typeface().official),
        "errors": field_errors(error, language) if error else {},
    }
    return await PAGES.render(request, "letter.html", context, status_code=error.status if error else 200)


def picture_address(picture: bytes) -> str:
    """A picture that is kept nowhere, as an address."""
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


async def _pictures(resources: Resources, letter_id: str) -> tuple[list[bytes], DomainError | None]:
    """The letter's pages; where a character cannot be printed none, and what is wrong."""
    try:
        site = resources.settings.public_url
        return await rendering.preview(resources.database, resources.clock, letter_id, site), None
    except Invalid as error:
        return [], error
