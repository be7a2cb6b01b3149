"""An applicant's entry: draft, submit, amend, withdraw. The door closes for everyone at one instant.

Submitting locks the contest's row before it reads the clock: whoever waits for the lock past the
closing instant is refused, and references are given in the order of submission without gaps.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake import repository
from services.intake.domain.contest_file import Section
from services.intake.domain.eligibility import faults, same_applicant
from services.intake.domain.entry import EDITABLE, SENT, Door, EntryContent, EntryState, door, reference
from services.intake.handlers.contests import contest_file
from services.intake.tables import Attachment, Contest, Entry, EntryVersion
from shared import known
from shared.clock import Clock
from shared.contracts import intake as events
from shared.contracts.event import LocalizedText
from shared.contracts.ids import CategoryId, ContactId, ContestId, EntryId, new_id
from shared.contracts.rulebook import MilestoneKind, Rulebook
from shared.errors import Conflict, Forbidden, Gone, Invalid
from shared.messaging import publish
from shared.thai.dates import page_instant

DRAFTS_PER_PERSON = 20


class EntryWindowNotOpen(Conflict):
    """Applications have not opened."""


class EntryWindowClosed(Gone):
    """Applications are closed, for everyone."""


class EntryIncomplete(Invalid):
    """Something is missing or breaks a rule; every field is listed."""


class StaleRevision(Conflict):
    """Someone changed the entry in the meantime."""


class NotYourEntry(Forbidden):
    """The entry belongs to someone else."""


async def require_open(session: AsyncSession, clock: Clock, contest_id: str) -> tuple[Rulebook, datetime]:
    """The rulebook and the contest's time, while applications are taken.

    Raises:
        NotFound: no such contest is published.
        EntryWindowNotOpen: it is too early.
        EntryWindowClosed: it is too late.
    """
    rulebook = await known.rulebook(session, contest_id)
    now = await clock.now(session, contest_id)
    period = rulebook.milestone(MilestoneKind.APPLICATIONS)
    state = door(rulebook, now)
    if state is Door.NOT_YET:
        raise EntryWindowNotOpen(
            f"ยังไม่เปิดรับสมัคร จะเปิด {page_instant(period.starts_at, 'th')}",
            f"Applications open on {page_instant(period.starts_at, 'en')} (Bangkok).",
        )
    if state is Door.CLOSED:
        raise EntryWindowClosed(
            f"ปิดรับสมัครแล้วเมื่อ {page_instant(period.ends_at, 'th')}",
            f"Applications closed on {page_instant(period.ends_at, 'en')} (Bangkok).",
        )
    return rulebook, now


def own(entry: Entry, contact_id: str) -> Entry:
    """The entry, if it is that person's.

    Raises:
        NotYourEntry: it is not.
    """
    if entry.contact_id != contact_id:
        raise NotYourEntry("ผลงานนี้เป็นของผู้อื่น", "This entry belongs to someone else.")
    return entry


def check_revision(entry: Entry, expected: int | None) -> None:
    """Pass if the caller saw the newest state of the entry.

    Raises:
        StaleRevision: it changed in the meantime.
    """
    if expected is not None and entry.revision != expected:
        raise StaleRevision(
            "มีการแก้ไขผลงานนี้จากที่อื่น โปรดโหลดหน้าใหม่แล้วแก้ไขอีกครั้ง ข้อมูลที่บันทึกไว้ก่อนหน้ายังอยู่",
            "This entry was changed elsewhere: reload it and make your change again. What was saved is safe.",
        )


async def start_entry(
    session: AsyncSession, clock: Clock, contest_id: str, contact_id: str, content: EntryContent
) -> Entry:
    """Begin a draft. Publishes EntryStarted.

    Raises:
        EntryWindowNotOpen, EntryWindowClosed: applications are not being taken.
        Conflict: the person has very many drafts.
    """
    _, now = await require_open(session, clock, contest_id)
    mine = await repository.entries_of(session, contest_id, contact_id)
    if sum(entry.state == EntryState.DRAFT for entry in mine) >= DRAFTS_PER_PERSON:
        raise Conflict(
            f"มีร่างครบ {DRAFTS_PER_PERSON} รายการแล้ว โปรดใช้ร่างเดิมหรือยกเลิกบางรายการ",
            f"You have {DRAFTS_PER_PERSON} drafts: go on with one of them, or withdraw some.",
        )
    entry = Entry(
        contest_id=contest_id,
        entry_id=new_id(),
        contact_id=contact_id,
        revision=1,
        state=EntryState.DRAFT.value,
        content={},
        started_at=now,
        changed_at=now,
    )
    _write(entry, content)
    session.add(entry)
    _remember(session, entry, "started", contact_id, now)
    await publish(
        session,
        events.EntryStarted(
            contest_id=ContestId(contest_id),
            entry_id=EntryId(entry.entry_id),
            revision=entry.revision,
            contact_id=ContactId(contact_id),
            category_id=CategoryId(content.category_id) if content.category_id else None,
            started_at=now,
        ),
    )
    return entry


def _write(entry: Entry, content: EntryContent) -> None:
    entry.content = content.model_dump(mode="json")
    if entry.sent is None:
        _show(entry, content)


def _show(entry: Entry, content: EntryContent) -> None:
    """Let lists show what this content says."""
    entry.title = content.title_th or content.title_en
    entry.applicant_name = content.applicant_name
    entry.province_code = content.province_code
    entry.category_id = content.category_id
    entry.operating_since = content.operating_since


def _remember(
    session: AsyncSession, entry: Entry, act: str, by: str, at: datetime, *, note: str = ""
) -> None:
    session.add(
        EntryVersion(
            contest_id=entry.contest_id,
            entry_id=entry.entry_id,
            revision=entry.revision,
            act=act,
            by=by,
            at=at,
            note=note,
            content=entry.sent if act in ("submitted", "amended") else None,
        )
    )


def content_of(entry: Entry) -> EntryContent:
    """The working copy."""
    return EntryContent.model_validate(entry.content)


def sent_content(entry: Entry) -> EntryContent:
    """What was sent last; the working copy of a draft."""
    return EntryContent.model_validate(entry.sent if entry.sent is not None else entry.content)


async def editable(
    session: AsyncSession, clock: Clock, contest_id: str, entry_id: str, contact_id: str, revision: int | None
) -> tuple[Entry, Rulebook, datetime]:
    """The person's own entry, locked, in a state and at a time in which it may change.

    Raises:
        NotFound, NotYourEntry, EntryWindowNotOpen, EntryWindowClosed, StaleRevision: see there.
        Conflict: it was withdrawn or screened.
    """
    entry = own(await repository.entry(session, contest_id, entry_id, lock=True), contact_id)
    rulebook, now = await require_open(session, clock, contest_id)
    if EntryState(entry.state) not in EDITABLE:
        raise Conflict(
            "ผลงานนี้ถอนหรือตรวจคุณสมบัติแล้ว จึงแก้ไขไม่ได้",
            "This entry was withdrawn or screened, and cannot be changed.",
        )
    check_revision(entry, revision)
    return entry, rulebook, now


async def save_entry(
    session: AsyncSession,
    clock: Clock,
    contest_id: str,
    entry_id: str,
    contact_id: str,
    content: EntryContent,
    *,
    revision: int | None = None,
) -> Entry:
    """Save the working copy. What was submitted stays as it is until it is amended."""
    entry, _, now = await editable(session, clock, contest_id, entry_id, contact_id, revision)
    if entry.content == content.model_dump(mode="json"):
        return entry
    _write(entry, content)
    entry.revision += 1
    entry.changed_at = now
    entry.unsent_changes = entry.sent is not None
    session.add(entry)
    return entry


async def submit_entry(
    session: AsyncSession,
    clock: Clock,
    contest_id: str,
    entry_id: str,
    contact_id: str,
    *,
    revision: int | None = None,
) -> Entry:
    """Submit a draft, or send the changes of an entry that was submitted or returned.

    Publishes EntrySubmitted or EntryAmended with the whole entry.

    Raises:
        EntryWindowNotOpen, EntryWindowClosed: applications are not being taken; the instant at which
            the contest's row is held decides.
        EntryIncomplete: a rule of annex §1, §3 or §4 is broken; every field is named.
        Conflict: the entry cannot change any more, or nothing changed since it was sent.
    """
    contest = await repository.contest(session, contest_id, lock=True)
    entry, rulebook, now = await editable(session, clock, contest_id, entry_id, contact_id, revision)
    first = entry.sent is None
    if not first and entry.state != EntryState.RETURNED and not entry.unsent_changes:
        raise Conflict("ไม่มีการแก้ไขที่ยังไม่ได้ส่ง", "There is no change that was not sent.")
    content = content_of(entry)
    await _refuse_faults(session, entry, content, rulebook)
    files = await repository.attachments(session, contest_id, entry_id)
    entry.revision += 1
    entry.sent, entry.sent_attachments = entry.content, [file.attachment_id for file in files]
    entry.unsent_changes, entry.reasons = False, []
    entry.state, entry.changed_at = EntryState.SUBMITTED.value, now
    if first:
        _number(contest, entry, now)
        session.add(contest)
    _show(entry, content)
    session.add(entry)
    _remember(session, entry, "submitted" if first else "amended", contact_id, now)
    sections = (await contest_file(session, contest_id)).application.sections
    await publish(session, _content_event(entry, content, sections, files, now, first=first))
    return entry


def _number(contest: Contest, entry: Entry, now: datetime) -> None:
    contest.last_reference += 1
    entry.reference = reference(contest.reference_prefix, contest.last_reference)
    entry.submitted_at = now


async def _refuse_faults(
    session: AsyncSession, entry: Entry, content: EntryContent, rulebook: Rulebook
) -> None:
    sections = (await contest_file(session, entry.contest_id)).application.sections
    found = list(faults(content, sections, rulebook))
    limit = rulebook.eligibility.entries_per_applicant.value
    others = [
        other
        for other in await repository.sent_entries(session, entry.contest_id)
        if other.entry_id != entry.entry_id
        and other.province_code == content.province_code
        and same_applicant(other.applicant_name, content.applicant_name)
    ]
    if content.applicant_name and len(others) >= limit:
        found.append(
            Invalid(
                f"หน่วยงานนี้ส่งครบ {limit} ผลงานแล้ว ถอนผลงานเดิมก่อนหากต้องการเปลี่ยน",
                f"This organisation has sent {limit} entries, the most it may: withdraw one to send another.",
                field="applicant_name",
            )
        )
    if found:
        raise EntryIncomplete(
            "ใบสมัครยังไม่ครบหรือไม่เป็นไปตามกติกา โปรดแก้ตามรายการ",
            "The entry is incomplete or breaks a rule; mend what is listed.",
            errors=tuple(found),
        )


def _content_event(
    entry: Entry,
    content: EntryContent,
    sections: Sequence[Section],
    files: Sequence[Attachment],
    now: datetime,
    *,
    first: bool,
) -> events.EntrySubmitted | events.EntryAmended:
    whole = {
        "contest_id": entry.contest_id,
        "entry_id": entry.entry_id,
        "revision": entry.revision,
        "reference": entry.reference,
        "contact_id": entry.contact_id,
        "applicant": events.Applicant(
            name=content.applicant_name, kind=content.applicant_kind, province_code=content.province_code
        ),
        "category_id": content.category_id,
        "title": LocalizedText(th=content.title_th, en=content.title_en),
        "summary": LocalizedText(th=content.summary_th, en=content.summary_en),
        "operating_since": content.operating_since.isoformat() if content.operating_since else "",
        "vendor": content.vendor,
        "sections": tuple(
            events.EntrySection(
                id=section.id,
                heading=LocalizedText(**section.heading.model_dump()),
                text=content.sections.get(section.id, ""),
            )
            for section in sections
        ),
        "attachments": tuple(
            events.Attachment(
                attachment_id=file.attachment_id,
                name=file.name,
                media_type=file.media_type,
                size=file.size,
                sha256=file.sha256,
            )
            for file in files
        ),
        "submitted_at": entry.submitted_at,
    }
    if first:
        return events.EntrySubmitted.model_validate(whole)
    return events.EntryAmended.model_validate({**whole, "amended_at": now})


async def withdraw_entry(
    session: AsyncSession,
    clock: Clock,
    contest_id: str,
    entry_id: str,
    contact_id: str,
    *,
    reason: str = "",
    revision: int | None = None,
) -> Entry:
    """Take an entry back, until results are out. Publishes EntryWithdrawn.

    Raises:
        NotFound, NotYourEntry, StaleRevision: see there.
        Conflict: it was withdrawn or refused before, or results are out.
    """
    entry = own(await repository.entry(session, contest_id, entry_id, lock=True), contact_id)
    contest = await repository.contest(session, contest_id)
    allowed = {EntryState.DRAFT, *SENT} - {EntryState.REFUSED}
    if EntryState(entry.state) not in allowed or contest.results_at is not None:
        raise Conflict(
            "ถอนผลงานนี้ไม่ได้แล้ว เพราะถอนไปก่อน ไม่ผ่านคุณสมบัติ หรือประกาศผลแล้ว",
            "This entry cannot be withdrawn: it was withdrawn or refused, or results are out.",
        )
    check_revision(entry, revision)
    now = await clock.now(session, contest_id)
    entry.revision += 1
    entry.state, entry.changed_at = EntryState.WITHDRAWN.value, now
    session.add(entry)
    _remember(session, entry, "withdrawn", contact_id, now, note=reason)
    await publish(
        session,
        events.EntryWithdrawn(
            contest_id=ContestId(contest_id),
            entry_id=EntryId(entry_id),
            revision=entry.revision,
            contact_id=ContactId(contact_id),
            reason=reason,
            withdrawn_at=now,
        ),
    )
    return entry
