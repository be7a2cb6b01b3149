"""Review before sending: staff see what each person gets, edit, approve or discard; with who and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.domain.keys import NotifyKeys
from services.notify.domain.letters import DispatchState
from services.notify.domain.notices import UNDELIVERED, NoticeState
from services.notify.domain.texts import places
from services.notify.handlers.gathering import Nobody, NotYet, gather
from services.notify.handlers.mailing import make, text_of
from services.notify.mail.build import plain
from services.notify.mail.look import Frame, html, link
from services.notify.notice_files import NoticeText
from services.notify.tables import Notice
from shared.clock import Clock
from shared.contracts.notify import Channel
from shared.errors import Conflict, Invalid, NotFound
from shared.settings import Settings

BUILT_AT_ONCE = 20
"""Mails of an edited batch that are built while the person waits; a fault shows in these."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Notices that say the same to many: one event, one template."""

    event: str
    event_id: str
    template: str
    notices: tuple[Notice, ...]

    @property
    def waiting_since(self) -> datetime:
        return min(notice.created_at for notice in self.notices)

    @property
    def edited(self) -> int:
        """How many of them staff have changed."""
        return sum(notice.words is not None for notice in self.notices)


async def batches(session: AsyncSession, contest_id: str) -> Sequence[Batch]:
    """Everything that waits for a review, the oldest batch first."""
    waiting = await repository.notices.in_state(session, contest_id, NoticeState.REVIEW)
    groups: dict[tuple[str, str, str], list[Notice]] = {}
    for notice in waiting:
        groups.setdefault((notice.event, notice.event_id, notice.template), []).append(notice)
    return [Batch(*key, tuple(rows)) for key, rows in groups.items()]


async def batch(session: AsyncSession, contest_id: str, event_id: str, template: str) -> Batch:
    """One of them. Raises NotFound where nothing of it waits any more."""
    for one in await batches(session, contest_id):
        if (one.event_id, one.template) == (event_id, template):
            return one
    raise NotFound("ไม่มีรายการที่รอตรวจในชุดนี้แล้ว", "Nothing of this batch waits for a review any more.")


async def approve(session: AsyncSession, clock: Clock, notices: Sequence[Notice], by: str) -> int:
    """Let notices leave as they were seen. Returns how many.

    Raises:
        Conflict: one of them does not wait for a review; nothing is approved then.
    """
    return await _decide(session, clock, notices, NoticeState.BUILT, "approved", by, "")


async def discard(
    session: AsyncSession, clock: Clock, notices: Sequence[Notice], by: str, reason: str
) -> int:
    """Decide that notices are not sent. Returns how many.

    Raises:
        Invalid: no reason is given.
        Conflict: as for :func:`approve`.
    """
    if not reason.strip():
        raise Invalid("โปรดระบุเหตุผลที่ไม่ส่ง", "Say why it is not sent.", field="reason")
    return await _decide(session, clock, notices, NoticeState.DISCARDED, "discarded", by, reason.strip())


async def _decide(
    session: AsyncSession,
    clock: Clock,
    notices: Sequence[Notice],
    state: NoticeState,
    step: str,
    by: str,
    note: str,
) -> int:
    if not notices:
        raise _settled()
    now = await clock.now(session, notices[0].contest_id)
    keys = [(notice.contest_id, notice.notice_id) for notice in notices]
    count = await repository.steps.decide(session, keys, state, step, by, now, note)
    if count != len(keys):
        raise _settled()
    return count


def _settled() -> Conflict:
    return Conflict(
        "มีผู้ดำเนินการกับรายการนี้แล้ว โปรดโหลดหน้าใหม่",
        "Somebody has dealt with this already; reload the page.",
    )


async def edit(
    session: AsyncSession,
    clock: Clock,
    settings: Settings,
    keys: NotifyKeys,
    notices: Sequence[Notice],
    by: str,
    text: NoticeText,
) -> int:
    """Put staff's words in place of the contest's, for one notice or a batch; its places stay open.

    The first mails are built with them at once, so a word that cannot be sent is refused here, and
    nothing is changed.

    Raises:
        Invalid: names the place that nothing is known of, or the link that leads nowhere.
        Conflict: as for :func:`approve`.
    """
    found = await _waiting(session, notices)
    words = text.model_dump(mode="json")
    for notice in found:
        notice.words = words
    for notice in found[:BUILT_AT_ONCE]:
        try:
            made = await make(await gather(session, notice, settings), settings, keys)
        except (NotYet, Nobody) as problem:
            raise Conflict(f"ยังสร้างข้อความไม่ได้: {problem}", f"It cannot be built now: {problem}.") from problem
        except ValueError as error:
            raise Invalid(f"ส่งไม่ได้: {error}", f"It cannot be sent: {error}", field="subject") from error
        mail = await repository.people.mail_of(session, notice)
        if mail is not None:
            mail.message = made.message
        notice.subject = made.words.subject
        now = await clock.now(session, notice.contest_id)
        await repository.steps.add_step(session, notice, "edited", by, now, made.words.subject)
    for notice in found[BUILT_AT_ONCE:]:  # the dispatcher builds these anew, and they wait for a review again
        now = await clock.now(session, notice.contest_id)
        await repository.notices.rebuild(session, notice)
        await repository.steps.add_step(session, notice, "edited", by, now)
    return len(found)


async def _waiting(session: AsyncSession, notices: Sequence[Notice]) -> list[Notice]:
    keys = [(notice.contest_id, notice.notice_id) for notice in notices]
    found = await repository.notices.locked(session, keys)
    late = [row for row in found.values() if row.state != NoticeState.REVIEW]
    if late or not found:
        raise _settled()
    return list(found.values())


def text_from(fields: dict[str, str], ics: str = "") -> NoticeText:
    """Staff's words as a form gives them; paragraphs are parted by blank lines.

    Raises:
        Invalid: names the field.
    """
    paragraphs = [part.strip() for part in fields.get("paragraphs", "").replace("\r\n", "\n").split("\n\n")]
    try:
        text = NoticeText.model_validate(
            {
                "subject": fields.get("subject", "").strip(),
                "heading": fields.get("heading", "").strip(),
                "paragraphs": [part for part in paragraphs if part],
                "action": fields.get("action", "").strip(),
                "url": fields.get("url", "").strip(),
                "ics": ics,
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise Invalid(f"ช่อง {name}: {first['msg']}", f"{name}: {first['msg']}", field=name) from error
    if text.url and not places(text.url):
        link(text.url)
    return text


def open_text(notice: Notice) -> NoticeText:
    """What a review form starts from: the words with their places still open."""
    return text_of(notice, notice.language)


def sample(text: NoticeText, language: str) -> tuple[str, str]:
    """The plain text and HTML of words whose places stay open, for the page that shows the table."""
    frame = Frame(contest="Showcase", footer=(), language=language)
    shown = text if not places(text.url) else text.model_copy(update={"url": "https://example.org/"})
    return plain(text, frame), html(shown, frame)


async def retry(session: AsyncSession, clock: Clock, notice: Notice, by: str) -> None:
    """Send again what failed or came back; a webhook also what has arrived (replay).

    Raises:
        Conflict: it has not failed, its address is still suppressed, or the letter goes by post instead.
    """
    replay = notice.channel == Channel.WEBHOOK and notice.state == NoticeState.SENT
    if notice.state not in UNDELIVERED and not replay:
        raise Conflict("รายการนี้ไม่ได้ค้างอยู่", "This notice has not failed.")
    if notice.recipient.startswith("dispatch:"):
        row = await repository.letters.dispatch(session, notice.facts["dispatch_id"])
        if row.state == DispatchState.PRINT or row.posted_at is not None:
            raise Conflict(
                "หนังสือถึงผู้รับรายนี้ส่งทางไปรษณีย์แทน ดูที่คิวพิมพ์ ไม่ต้องส่งอีเมลซ้ำ",
                "The letter goes to this addressee by post instead; see the print queue.",
            )
    mail = await repository.people.mail_of(session, notice)
    if mail is not None and notice.contact_id:
        contact = await repository.people.contact(session, notice.contest_id, notice.contact_id)
        if contact is not None and contact.email.casefold() != mail.address.casefold():
            await repository.notices.rebuild(session, notice)  # the address was mended meanwhile
            mail = None
    if mail is not None:
        listed = await repository.sending.suppressed(session, [(notice.contest_id, mail.address)])
        if listed:
            raise Conflict(
                "ที่อยู่นี้อยู่ในรายการงดส่ง ยกเลิกการงดส่งก่อน",
                "The address is suppressed; lift that first.",
            )
    if notice.state != NoticeState.PLANNED:
        await repository.notices.retry(session, notice)
    now = await clock.now(session, notice.contest_id)
    await repository.steps.add_step(session, notice, "replayed" if replay else "sent again", by, now)


async def handled(session: AsyncSession, clock: Clock, notice: Notice, by: str) -> None:
    """Somebody telephoned.

    Raises:
        Conflict: it has not failed.
    """
    if notice.state not in UNDELIVERED:
        raise Conflict("รายการนี้ไม่ได้ค้างอยู่", "This notice has not failed.")
    notice.handled_by = by
    now = await clock.now(session, notice.contest_id)
    await repository.steps.add_step(session, notice, "telephoned", by, now)
