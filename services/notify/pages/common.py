"""What the pages share: who may come, the contest that is meant, names, badges."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify.domain.letters import DISPATCH_NAMES, STATE_NAMES, DispatchState, LetterState
from services.notify.domain.notices import STATE_NAMES as NOTICE_STATES
from services.notify.domain.notices import NoticeState
from services.notify.handlers.agencies import Agency, agencies_of_clerk, agency_of
from services.notify.http.common import of_staff as of_staff
from services.notify.repository import letters, people
from services.notify.tables import Letter
from shared import known
from shared.contracts.event import LocalizedText
from shared.contracts.intake import Role
from shared.errors import Forbidden, Invalid, NotFound
from shared.service import Resources
from shared.web.pages import Pages, language_of
from shared.web.sessions import Account, current_account, require

Staff = Annotated[Account, Depends(require(Role.STAFF, Role.APPROVER))]
Signatory = Annotated[Account, Depends(require(Role.APPROVER, Role.CLERK))]
Registry = Annotated[Account, Depends(require(Role.STAFF, Role.APPROVER, Role.CLERK))]
Administrator = Annotated[Account, Depends(require(Role.ADMIN))]
Someone = Annotated[Account, Depends(current_account)]

PAGES = Pages("services.notify")
_LETTER_KINDS = {
    LetterState.DRAFT: "note",
    LetterState.REVIEW: "now",
    LetterState.APPROVED: "now",
    LetterState.SIGNED: "",
    LetterState.DISPATCHED: "",
    LetterState.ACKNOWLEDGED: "good",
    LetterState.BOUNCED: "late",
    LetterState.VOID: "late",
}
_DISPATCH_KINDS = {
    DispatchState.READY: "note",
    DispatchState.PRINT: "now",
    DispatchState.SENT: "",
    DispatchState.OPENED: "now",
    DispatchState.ACKNOWLEDGED: "good",
    DispatchState.PASSED_ON: "good",
    DispatchState.FAILED: "late",
    DispatchState.BOUNCED: "late",
}
_NOTICE_KINDS = {
    NoticeState.COLLECTED: "note",
    NoticeState.PLANNED: "note",
    NoticeState.REVIEW: "now",
    NoticeState.BUILT: "now",
    NoticeState.SENT: "good",
    NoticeState.FAILED: "late",
    NoticeState.BOUNCED: "late",
    NoticeState.CANCELLED: "note",
    NoticeState.DISCARDED: "note",
    NoticeState.DIGESTED: "good",
}


async def contest_of(request: Request, session: AsyncSession) -> str:
    """The contest that the page is about.

    Raises:
        NotFound: none is published yet.
    """
    contest_id = request.query_params.get("contest") or await known.current_contest(session)
    if contest_id is None:
        raise NotFound("ยังไม่มีการประกวดที่ประกาศ โปรดกลับมาใหม่", "No contest is published yet. Please come back.")
    return contest_id


def letter_badge(request: Request, state: str) -> dict[str, str]:
    """A letter's state as a table's badge."""
    return _badge(request, STATE_NAMES[LetterState(state)], _LETTER_KINDS[LetterState(state)])


def dispatch_badge(request: Request, state: str) -> dict[str, str]:
    """An addressee's state as a table's badge."""
    return _badge(request, DISPATCH_NAMES[DispatchState(state)], _DISPATCH_KINDS[DispatchState(state)])


def notice_badge(request: Request, state: str) -> dict[str, str]:
    """A notice's state as a table's badge."""
    return _badge(request, NOTICE_STATES[NoticeState(state)], _NOTICE_KINDS[NoticeState(state)])


def _badge(request: Request, names: tuple[str, str], kind: str) -> dict[str, str]:
    return {"badge": names[1] if language_of(request) == "en" else names[0], "kind": kind}


async def names_of(session: AsyncSession, ids: Iterable[str]) -> dict[str, Any]:
    """What staff call contacts: name, else address; ``system`` is the system itself."""
    found = await people.labels(session, list(ids))
    return {"system": "ระบบ", "": "–"} | dict(found)


@dataclass(frozen=True, slots=True)
class Rights:
    """What the reader of a letter's page may do about it, as :class:`Agency` decides."""

    staff: bool
    """Draft, review, publish, void and follow it."""
    signs: bool
    numbers: bool
    sends: bool

    @classmethod
    def of(cls, account: Account, agency: Agency) -> "Rights":
        """What the roles of ``account`` and its appointments by ``agency`` come to."""
        staff, person = of_staff(account), account.contact_id
        return cls(
            staff=staff,
            signs=account.may(Role.APPROVER, Role.CLERK)
            and agency.may_sign(person, approver=account.may(Role.APPROVER)),
            numbers=agency.keeps_registry(person, staff=staff),
            sends=agency.may_send(person, staff=staff),
        )


async def readable_agencies(
    session: AsyncSession, contest_id: str, account: Account, now: datetime
) -> frozenset[str] | None:
    """The agencies whose letters the person may see; None for all of them."""
    if of_staff(account):
        return None
    return frozenset(await agencies_of_clerk(session, contest_id, account.contact_id, now))


async def check_letter(resources: Resources, letter_id: str, account: Account) -> None:
    """Refuse a clerk whom the letter's agency has not appointed.

    Raises:
        NotFound: there is no such letter.
        Forbidden: he is of another agency.
    """
    async with resources.database.transaction() as session:
        letter = await letters.letter(session, letter_id)
        if not of_staff(account):
            now = await resources.clock.now(session, letter.contest_id)
            agency = await agency_of(session, letter.contest_id, letter.agency, now)
            agency.check_reader(account.contact_id)


def may_sign(account: Account) -> None:
    """Only an approver signs or voids for the contest's own agency.

    Raises:
        Forbidden: the account is none.
    """
    if not account.may(Role.APPROVER):
        raise Forbidden(
            "เฉพาะผู้มีอำนาจอนุมัติลงนามหรือยกเลิกหนังสือได้",
            "Only an approver may sign or void a letter.",
        )


def may_void(letter: Letter, account: Account) -> None:
    """A draft may be thrown away by staff; what has a number only by an approver."""
    if letter.number_text:
        may_sign(account)


VOID_WORDS = LocalizedText(th="ยกเลิก", en="VOID")
REMOVE_WORDS = LocalizedText(th="ลบ", en="REMOVE")
REVOKE_WORDS = LocalizedText(th="เพิกถอน", en="REVOKE")
"""What confirms a destructive step, in the page's language; either is taken."""


def check_typed(typed: str, words: LocalizedText) -> None:
    """A destructive step is confirmed by typing its word, in Thai or in English.

    Raises:
        Invalid: something else was typed.
    """
    if typed.strip() not in (words.th, words.en):
        raise Invalid(f"พิมพ์ {words.th} เพื่อยืนยัน", f"Type {words.en} to confirm.", field="confirm")
