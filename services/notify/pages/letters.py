"""``/letters``: the register, and each letter as a page. Staff see all, a clerk those of his agency."""

import asyncio
import base64
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain.letters import (
    KIND_NAMES,
    STATE_NAMES,
    STEP_NAMES,
    DispatchState,
    LetterState,
    Step,
    step_note,
)
from services.notify.fonts import typeface
from services.notify.handlers import composing, rendering, signing
from services.notify.handlers.agencies import agency_of
from services.notify.pages.common import (
    PAGES,
    VOID_WORDS,
    Registry,
    Rights,
    check_letter,
    contest_of,
    dispatch_badge,
    letter_badge,
    names_of,
    readable_agencies,
)
from services.notify.tables import Letter
from shared import known
from shared.contracts.notify import LetterKind
from shared.errors import DomainError, Invalid
from shared.service import Resources
from shared.thai.digits import thai_digits
from shared.web.pages import field_errors, language_of
from shared.web.sessions import Account, account_or_none, current_account
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
NEXT_STEPS = {
    "sign": ("รอท่านลงนาม", "Waits for your signature"),
    "number": ("รอท่านออกเลข", "Waits for its number"),
    "dispatch": ("รอท่านส่งออก", "Waits to be dispatched"),
}
"""What a clerk's list calls what waits for him."""
NO_NUMBER = ("ยังไม่ออกเลข", "no number yet")


def _kind(letter: Letter, language: str) -> str:
    return KIND_NAMES[LetterKind(letter.kind)][1 if language == "en" else 0]


def router(resources: Resources) -> APIRouter:
    """The pages of letters."""
    pages = APIRouter()
    database, clock = resources.database, resources.clock

    @pages.get("/letters")
    async def register(request: Request, account: Registry) -> Response:
        language = language_of(request)
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
            counts = await repository.letters.dispatch_counts(session, contest_id)
            now = await clock.now(session, contest_id)
            own = await readable_agencies(session, contest_id, account, now)
            rows = [
                row
                for row in await repository.letters.letters(session, contest_id)
                if own is None or row.agency in own
            ]
            waiting = [] if own is None else await _waiting(session, rows, account, now)
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
        agencies = contest_files(contest_id).agency_names()
        context = {
            "view": view,
            "waiting": waiting,
            "own": None if own is None else [agencies[name].in_language(language) for name in sorted(own)],
            "next_steps": NEXT_STEPS,
        }
        return await PAGES.render(request, "letters.html", context)

    @pages.get("/letters/{letter_id}")
    async def show(request: Request, letter_id: str, account: Registry) -> Response:
        await check_letter(resources, letter_id, account)
        return await show_letter(request, resources, letter_id)

    return pages


async def _waiting(
    session: AsyncSession, letters: Sequence[Letter], account: Account, now: datetime
) -> list[tuple[Letter, str]]:
    """What waits for a clerk himself, and for which of his duties; see :data:`NEXT_STEPS`."""
    found = []
    rights: dict[str, Rights] = {}
    for letter in letters:
        if letter.agency not in rights:
            agency = await agency_of(session, letter.contest_id, letter.agency, now)
            rights[letter.agency] = Rights.of(account, agency)
        may = rights[letter.agency]
        if letter.state == LetterState.APPROVED and may.signs:
            found.append((letter, "sign"))
        elif letter.state == LetterState.SIGNED and not letter.number_text and may.numbers:
            found.append((letter, "number"))
        elif letter.state == LetterState.SIGNED and letter.recipients and letter.number_text and may.sends:
            found.append((letter, "dispatch"))
    return found


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
    account = await current_account(await account_or_none(request))
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
        "confirm_word": VOID_WORDS,
        "enclosure_lines": "\n".join(
            " | ".join(filter(None, (each["text"], each["copies"]))) for each in shown["enclosures"]
        ),
        "template": template,
        "profile": profile,
        "agency": agency,
        "may": Rights.of(account, agency),
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
        "to_print": sum(row.state == DispatchState.PRINT for row in rows),
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
