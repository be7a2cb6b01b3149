"""What staff decide on an entry: return it for a correction, accept it, or refuse it, with reasons."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake import repository
from services.intake.domain.entry import EntryState
from services.intake.domain.screening import REASONS, ScreeningCode
from services.intake.handlers.entries import check_revision, require_open
from services.intake.tables import Entry, EntryVersion
from shared import known
from shared.clock import Clock
from shared.contracts.event import LocalizedText
from shared.contracts.ids import ContactId, ContestId, EntryId
from shared.contracts.intake import EntryReason, EntryReturned, EntryScreened
from shared.contracts.rulebook import MilestoneKind
from shared.errors import Conflict, Invalid
from shared.messaging import publish


class NotWaitingForScreening(Conflict):
    """The entry is not in a state that staff can decide on."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A coded reason, the field it is about, and staff's own words."""

    code: ScreeningCode
    field: str = ""
    note: str = ""

    def published(self) -> EntryReason:
        """As events carry it: the code's text, and the note after it."""
        text = REASONS[self.code]
        if not self.note:
            return EntryReason(code=self.code.value, text=text, field=self.field)
        own = LocalizedText(th=f"{text.th}: {self.note}", en=f"{text.en}: {self.note}")
        return EntryReason(code=self.code.value, text=own, field=self.field)


@dataclass(frozen=True, slots=True)
class Screen:
    """A decision by ``by`` on an entry."""

    contest_id: str
    entry_id: str
    by: str
    reasons: tuple[Reason, ...] = ()
    revision: int | None = None


async def return_entry(session: AsyncSession, clock: Clock, command: Screen) -> Entry:
    """Ask the applicant for a correction; only while applications are open, for afterwards nobody
    could send one. Publishes EntryReturned.

    Raises:
        Invalid: no reason was given.
        NotWaitingForScreening: it is a draft, withdrawn or screened.
        EntryWindowClosed: applications are closed.
    """
    _require_reasons(command)
    entry = await _waiting(session, command)
    _, now = await require_open(session, clock, command.contest_id)
    reasons = tuple(reason.published() for reason in command.reasons)
    entry.revision += 1
    entry.state, entry.changed_at = EntryState.RETURNED.value, now
    entry.reasons = [reason.model_dump(mode="json") for reason in reasons]
    _remember(session, entry, "returned", command, now)
    await publish(
        session,
        EntryReturned(
            contest_id=ContestId(command.contest_id),
            entry_id=EntryId(command.entry_id),
            revision=entry.revision,
            contact_id=ContactId(entry.contact_id),
            reasons=reasons,
            returned_at=now,
        ),
    )
    return entry


async def screen_entry(session: AsyncSession, clock: Clock, command: Screen, *, accepted: bool) -> Entry:
    """Decide whether the entry meets annex §1 and §3, until the shortlist. Publishes EntryScreened.

    A decision may be taken again until then, for staff too make mistakes.

    Raises:
        Invalid: refused without a reason, or accepted with one.
        NotWaitingForScreening: it is a draft or withdrawn, or the shortlist is out.
    """
    if accepted and command.reasons:
        raise Invalid("การรับไม่ต้องมีเหตุผลการปฏิเสธ", "An accepted entry has no reasons.", field="reasons")
    if not accepted:
        _require_reasons(command)
    entry = await _waiting(session, command, again=True)
    rulebook = await known.rulebook(session, command.contest_id)
    now = await clock.now(session, command.contest_id)
    contest = await repository.contest(session, command.contest_id)
    if contest.shortlisted_at is not None or now >= rulebook.milestone(MilestoneKind.RESULTS).starts_at:
        raise NotWaitingForScreening(
            "ประกาศรอบแรกแล้ว จึงเปลี่ยนผลการตรวจคุณสมบัติไม่ได้",
            "The shortlist is out: screening is over.",
        )
    reasons = tuple(reason.published() for reason in command.reasons)
    entry.revision += 1
    entry.state = (EntryState.ACCEPTED if accepted else EntryState.REFUSED).value
    entry.reasons = [reason.model_dump(mode="json") for reason in reasons]
    entry.screened_at = entry.changed_at = now
    entry.screened_by = command.by
    _remember(session, entry, "accepted" if accepted else "refused", command, now)
    await publish(
        session,
        EntryScreened(
            contest_id=ContestId(command.contest_id),
            entry_id=EntryId(command.entry_id),
            revision=entry.revision,
            contact_id=ContactId(entry.contact_id),
            accepted=accepted,
            reasons=reasons,
            screened_by=ContactId(command.by),
            screened_at=now,
        ),
    )
    return entry


def _require_reasons(command: Screen) -> None:
    if not command.reasons:
        raise Invalid("เลือกเหตุผลอย่างน้อยหนึ่งข้อ", "Choose at least one reason.", field="reasons")
    for reason in command.reasons:
        if reason.code is ScreeningCode.OTHER and not reason.note.strip():
            raise Invalid("เขียนเหตุผล", "Write down the reason.", field="note")


async def _waiting(session: AsyncSession, command: Screen, *, again: bool = False) -> Entry:
    entry = await repository.entry(session, command.contest_id, command.entry_id, lock=True)
    states = {EntryState.SUBMITTED, EntryState.RETURNED}
    if again:
        states |= {EntryState.ACCEPTED, EntryState.REFUSED}
    if EntryState(entry.state) not in states:
        raise NotWaitingForScreening("ผลงานนี้ไม่ได้รอการตรวจคุณสมบัติ", "This entry is not waiting for screening.")
    check_revision(entry, command.revision)
    session.add(entry)
    return entry


def _remember(session: AsyncSession, entry: Entry, act: str, command: Screen, at: datetime) -> None:
    note = "; ".join(str(reason["text"]["th"]) for reason in entry.reasons)
    session.add(
        EntryVersion(
            contest_id=entry.contest_id,
            entry_id=entry.entry_id,
            revision=entry.revision,
            act=act,
            by=command.by,
            at=at,
            note=note,
        )
    )
