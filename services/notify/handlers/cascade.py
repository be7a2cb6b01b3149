"""Passing a letter on: whom to, under which cover letter, and the signed letter of the office's own system.

A link alone never issues a letter: the office numbers and signs in its own system, and its clerk records it.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain import cascade as rules
from services.notify.domain.letters import Addressee, DispatchState
from services.notify.domain.recipients import MAX_RECIPIENTS, addressees_of
from services.notify.domain.uploads import Upload, media_type_of
from services.notify.handlers import books
from services.notify.register_rules import register_rules
from services.notify.register_tables import Passing, StoredFile
from services.notify.tables import Dispatch, Letter
from shared.clock import Clock
from shared.contracts.ids import new_id
from shared.errors import Conflict, Invalid, as_one
from shared.thai.dates import letter_date
from shared.thai.digits import thai_digits
from shared.thai.districts import districts

LINK = "link"
"""Who acted, where a one-time link did."""


@dataclass(frozen=True, slots=True)
class SignedCover:
    """The cover letter as the office issued it."""

    number: str
    issued_on: date | None
    """None where no date was given."""
    signer_post: str
    file: Upload


def may_pass_on(dispatch: Dispatch) -> bool:
    """Whether an office of this level passes letters on; Bangkok's districts are outside the cascade."""
    found = register_rules(dispatch.contest_id)
    outside = dispatch.level == 1 and dispatch.code in found.outside_cascade
    return found.level_of(dispatch.level).passes_on and not outside


async def passing_for_change(session: AsyncSession, clock: Clock, dispatch: Dispatch) -> Passing:
    """The office's cover letter to write on, locked; begun with words that fit.

    Raises:
        Conflict: it is not acknowledged yet, was sent already, or this office passes nothing on.
    """
    if not may_pass_on(dispatch):
        raise Conflict(
            "หน่วยงานระดับนี้ไม่ต้องส่งต่อในระบบนี้", "Offices of this level pass nothing on in this system."
        )
    if dispatch.acknowledged_at is None:
        raise Conflict("โปรดลงรับก่อนส่งต่อ", "Acknowledge the letter before you pass it on.")
    found = await repository.cascade.passing(session, dispatch, lock=True)
    if found is not None and found.sent_at is not None:
        raise Conflict(f"ส่งต่อแล้ว ที่ {found.number} แก้ไขไม่ได้", f"It was passed on with number {found.number}.")
    if found is None:
        letter = await repository.letters.letter(session, dispatch.letter_id)
        found = Passing(
            contest_id=dispatch.contest_id,
            passing_id=new_id(),
            dispatch_id=dispatch.dispatch_id,
            letter_id=dispatch.letter_id,
            subject=letter.subject,
            paragraphs=first_words(dispatch, letter),
            recipients=[],
            changed_at=await clock.now(session, dispatch.contest_id),
        )
        session.add(found)
    found.changed_at = await clock.now(session, dispatch.contest_id)
    return found


def first_words(dispatch: Dispatch, letter: Letter) -> list[str]:
    """A cover letter to begin with: cause, purpose, end."""
    sender = contest_files(letter.contest_id).profile(letter.agency).name
    dated = letter_date(letter.issued_at) if letter.issued_at else ""
    number = thai_digits(letter.number_text)
    end = "จึงเรียนมาเพื่อทราบ และพิจารณาดำเนินการในส่วนที่เกี่ยวข้อง"
    if dispatch.level == 1:
        end += " สำหรับอำเภอขอให้แจ้งองค์กรปกครองส่วนท้องถิ่นต่อไป"
    return [
        f"ด้วย {dispatch.place} ได้รับหนังสือ{sender} ที่ {number} ลงวันที่ {dated} เรื่อง {letter.subject}",
        "ในการนี้ จึงขอให้ท่านพิจารณาดำเนินการตามหนังสือดังกล่าว รายละเอียดปรากฏตามสิ่งที่ส่งมาด้วย",
        end,
    ]


async def write_cover(
    session: AsyncSession, clock: Clock, dispatch: Dispatch, subject: str, paragraphs: Sequence[str]
) -> Passing:
    """Keep the words of the cover letter.

    Raises:
        Invalid: no subject, no text, or too long; every fault at once.
        Conflict: see :func:`passing_for_change`.
    """
    words = [" ".join(each.split()) for each in paragraphs if each.strip()]
    title = " ".join(subject.split())
    faults = []
    if not title or len(title) > 400:
        faults.append(
            Invalid(
                "โปรดกรอกเรื่อง ไม่เกิน 400 ตัวอักษร",
                "Give the subject, at most 400 characters.",
                field="cover_subject",
            )
        )
    if not words or sum(map(len, words)) > 6_000:
        faults.append(
            Invalid(
                "โปรดกรอกเนื้อความ ไม่เกิน 6,000 ตัวอักษร",
                "Give the text, at most 6,000 characters.",
                field="cover_text",
            )
        )
    if faults:
        raise as_one(faults)
    found = await passing_for_change(session, clock, dispatch)
    found.subject, found.paragraphs = title, words
    return found


async def add_recipients(
    session: AsyncSession, clock: Clock, dispatch: Dispatch, *, csv_text: str = "", picked: Sequence[str] = ()
) -> int:
    """Add addressees from CSV and districts that were picked; what is on the list already stays as it is.

    Returns:
        How many were added.

    Raises:
        Invalid: names every faulty line; nothing of the file is kept.
        Conflict: see :func:`passing_for_change`.
    """
    found = await passing_for_change(session, clock, dispatch)
    taken = {one["code"] for one in found.recipients}
    added = [*addressees_of(csv_text)] if csv_text.strip() else []
    own = {each.code: each for each in districts(dispatch.code)} if dispatch.level == 1 else {}
    added += [Addressee(code, dispatch.place, own[code].head) for code in picked if code in own]
    fresh = {one.code: one for one in added if one.code not in taken}
    if not added:
        raise Invalid("ยังไม่ได้เลือกผู้รับ", "Choose at least one addressee.", field="recipients")
    if len(taken) + len(fresh) > MAX_RECIPIENTS:
        raise Invalid("ผู้รับเกิน 10,000 ราย", "More than 10,000 addressees.", field="recipients")
    found.recipients = [*found.recipients, *(asdict(one) for one in fresh.values())]
    return len(fresh)


async def remove_recipients(
    session: AsyncSession, clock: Clock, dispatch: Dispatch, codes: Sequence[str]
) -> None:
    """Take addressees off the list. Raises Conflict, see :func:`passing_for_change`."""
    found = await passing_for_change(session, clock, dispatch)
    found.recipients = [one for one in found.recipients if one["code"] not in codes]


async def record_cover(
    session: AsyncSession, clock: Clock, dispatch: Dispatch, cover: SignedCover
) -> Passing:
    """Record the signed cover letter and send the letter on with it: by e-mail where the office's address is
    known, the rest is printed. The sender's registry stamps the copy.

    Raises:
        Invalid: a field is missing, there are no addressees, the file is no sound PDF; every fault at once.
        Conflict: see :func:`passing_for_change`.
    """
    found = await passing_for_change(session, clock, dispatch)
    now = await clock.now(session, dispatch.contest_id)
    number, post = " ".join(cover.number.split()), " ".join(cover.signer_post.split())
    faults, issued_on = _faults(found, cover, number, post, rules.day_of(now)), cover.issued_on
    if faults or issued_on is None:
        raise as_one(faults)
    file = await books.keep_file(
        session, dispatch.contest_id, cover.file, by=dispatch.dispatch_id, now=now, scans=False
    )
    found.number, found.issued_on, found.signer_post = number, issued_on, post
    found.file_id, found.sent_at = file.file_id, now
    for addressee in found.recipients:
        row = Dispatch(
            contest_id=dispatch.contest_id,
            dispatch_id=new_id(),
            letter_id=dispatch.letter_id,
            parent_id=dispatch.dispatch_id,
            level=dispatch.level + 1,
            state=DispatchState.READY if addressee["email"] else DispatchState.PRINT,
            **addressee,
        )
        session.add(row)
        if addressee["email"]:
            await repository.notices.plan(
                session,
                contest_id=dispatch.contest_id,
                event_id=found.passing_id,
                recipient=f"dispatch:{row.dispatch_id}",
                template="letter-passed-on",
                facts={"dispatch_id": row.dispatch_id, "letter_id": dispatch.letter_id},
                now=now,
            )
    dispatch.state = DispatchState.PASSED_ON
    dispatch.passed_on_at = now
    dispatch.passed_on = {
        "number": number,
        "issued_on": issued_on.isoformat(),
        "signer_post": post,
        "recipients": len(found.recipients),
    }
    letter = await repository.letters.letter(session, dispatch.letter_id)
    if dispatch.level == 1:
        copy = books.IncomingLetter(
            sender=dispatch.post,
            subject=found.subject,
            number_text=number,
            dated=issued_on,
            addressee=contest_files(letter.contest_id).profile(letter.agency).name,
            action="สำเนาหนังสือนำส่ง",
            source="passed_on",
            dispatch_id=dispatch.dispatch_id,
            file=file,
        )
        await books.receive(session, clock, letter.contest_id, letter.agency, copy, by=LINK)
    return found


def _faults(found: Passing, cover: SignedCover, number: str, post: str, today: date) -> list[Invalid]:
    faults = []
    if not found.recipients:
        faults.append(Invalid("เพิ่มผู้รับก่อนบันทึก", "Add the addressees first.", field="recipients"))
    if not number or len(number) > 80:
        faults.append(Invalid("โปรดกรอกที่ของหนังสือนำส่ง", "Give the cover letter's number.", field="number"))
    if cover.issued_on is None:
        faults.append(Invalid("โปรดเลือกวันที่ของหนังสือ", "Choose the letter's date.", field="issued_on"))
    elif cover.issued_on > today:
        faults.append(
            Invalid("วันที่ของหนังสืออยู่ในอนาคต", "The letter's date is in the future.", field="issued_on")
        )
    if not post or len(post) > 120:
        faults.append(Invalid("โปรดกรอกตำแหน่งผู้ลงนาม", "Give the signer's post.", field="signer_post"))
    try:
        media_type_of(cover.file, scans=False)
    except Invalid as fault:
        faults.append(Invalid(fault.th, fault.en, field="signed_file"))
    return faults


@dataclass(frozen=True, slots=True)
class Cover:
    """The signed cover letter under which an office got the letter."""

    passing: Passing
    above: Dispatch
    file: StoredFile


async def cover_of(session: AsyncSession, dispatch: Dispatch) -> Cover | None:
    """The cover letter that an office holds; None for the letter's own addressees."""
    if not dispatch.parent_id:
        return None
    above = await repository.letters.dispatch(session, dispatch.parent_id)
    passing = await repository.cascade.passing(session, above)
    if passing is None or not passing.file_id:
        return None
    file = await repository.register.stored_file(session, dispatch.contest_id, passing.file_id)
    return Cover(passing, above, file)


async def new_link(session: AsyncSession, parent: Dispatch, dispatch_id: str) -> tuple[Dispatch, str]:
    """A fresh one-time link for an office that gets its letter on paper; an older link ends.

    Returns:
        The office and the link's token, which is kept as its hash only.

    Raises:
        Conflict: it is no office that this one passed the letter on to, or it acknowledged already.
    """
    child = await repository.letters.dispatch(session, dispatch_id, lock=True)
    if child.parent_id != parent.dispatch_id or child.acknowledged_at is not None:
        raise Conflict(
            "ออกลิงก์ให้หน่วยงานนี้ไม่ได้ อาจลงรับแล้ว",
            "No link for this office; it may have acknowledged.",
        )
    token = secrets.token_urlsafe(24)
    child.token_sha256 = hashlib.sha256(token.encode()).hexdigest()
    if child.sent_at is None:
        child.sent_at = parent.passed_on_at
        child.state = DispatchState.SENT
    return child, token


async def stops_of(session: AsyncSession, letter: Letter) -> list[rules.Stop]:
    """Every office on the letter's way, of all levels."""
    copied = set(rules.Stop.__slots__) - {"cover_number"}
    return [
        rules.Stop(**row.model_dump(include=copied), cover_number=(row.passed_on or {}).get("number", ""))
        for row in await repository.cascade.tree(session, letter.contest_id, letter.letter_id)
    ]


def tree_of(contest_id: str, stops: Sequence[rules.Stop], now: datetime) -> tuple[rules.Branch, ...]:
    """The whole way of a letter, with the branches that sleep."""
    found = register_rules(contest_id)
    levels = {stop.level for stop in stops}
    return rules.tree(stops, now, {level: found.level_of(level).asleep_after for level in levels})
