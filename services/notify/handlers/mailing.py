"""From planned notices to the stored bytes of their mail, many at a time."""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain.keys import NotifyKeys
from services.notify.domain.notices import NoticeState
from services.notify.handlers.gathering import Material, Nobody, NotYet, gather_all
from services.notify.handlers.rendering import addressee_of, render_letter
from services.notify.mail.build import Envelope, File, build, words_of
from services.notify.mail.calendar import Appointment, ics
from services.notify.mail.look import Frame
from services.notify.notice_files import NoticeText
from services.notify.repository.notices import Key
from services.notify.tables import Mail, Notice
from shared.contracts.notify import Channel
from shared.contracts.rulebook import MilestoneKind
from shared.db import Database
from shared.errors import DomainError
from shared.settings import Settings

Problem = NotYet | Nobody | ValueError | DomainError
STOP = "stop-reminders"
"""What an unsubscribe link is signed for."""


def stop_url(settings: Settings, keys: NotifyKeys, contest_id: str, contact_id: str) -> str:
    """Where a person stops reminders, signed: nobody else can stop them."""
    mark = keys.mark(STOP, f"{contest_id}\0{contact_id}")
    return f"{settings.public_url}/notices/stop/{contest_id}/{contact_id}/{mark}"


def text_of(notice: Notice, language: str) -> NoticeText:
    """What the notice says: staff's own words, else the contest's, with places still open."""
    if notice.words:
        return NoticeText.model_validate(notice.words)
    return contest_files(notice.contest_id).notice(notice.template, language)


def envelope_of(material: Material, settings: Settings) -> Envelope:
    """Who sends the mail. An office's letter comes from the agency's own address once its letterhead
    is complete; until then answers go there."""
    notice, organiser = material.notice, material.rulebook.organiser
    sender, name, reply_to = settings.mail_from, organiser.name.in_language(material.language), ""
    if material.letter:
        profile = contest_files(notice.contest_id).profile(material.letter.agency)
        name = profile.name
        if profile.complete():
            sender = profile.email
        elif profile.email:
            reply_to = profile.email
    return Envelope(
        sender=sender,
        sender_name=name,
        to=material.address,
        key="\0".join((notice.contest_id, notice.event_id, notice.recipient, notice.channel)),
        language=material.language,
        at=notice.created_at,
        reply_to=reply_to,
    )


def frame_of(material: Material, settings: Settings, keys: NotifyKeys) -> Frame:
    """What stands around the words."""
    organiser, notice, language = material.rulebook.organiser, material.notice, material.language
    stop = ""
    if notice.reminder and material.contact:
        stop = stop_url(settings, keys, notice.contest_id, material.contact.contact_id)
    return Frame(
        contest=material.rulebook.name.in_language(language),
        footer=(organiser.name.in_language(language), f"{organiser.email} · {organiser.website}"),
        language=language,
        stop_url=stop,
    )


async def files_of(material: Material, kind: str, settings: Settings) -> Sequence[File]:
    """The attachments."""
    if material.letter and material.dispatch:
        row = material.dispatch
        rendered = await render_letter(material.letter, addressee_of(row), material.emblem)
        enclosed = File(f"{material.letter.kind}-{row.code}.pdf", "application/pdf", rendered.pdf)
        if material.cover is None:
            return [enclosed]
        cover = material.cover.file
        return [File(f"cover-{material.cover.above.code}.pdf", cover.media_type, cover.content), enclosed]
    if material.certificate and material.certificate.pdf:
        return [File(f"{material.certificate.serial}.pdf", "application/pdf", material.certificate.pdf)]
    if kind:
        appointment = _appointment(material, kind, settings)
        return [File(f"{kind}.ics", "text/calendar", ics(appointment), appointment.method)]
    return []


def _appointment(material: Material, kind: str, settings: Settings) -> Appointment:
    rulebook, notice = material.rulebook, material.notice
    facts = notice.facts
    sequence = int(facts["ics.sequence"])
    if kind == "slot":
        starts_at, ends_at = (
            datetime.fromisoformat(facts[f"ics.{edge}"]) for edge in ("starts_at", "ends_at")
        )
        summary = f"{rulebook.name.in_language(material.language)}: {material.facts['entry.title']}"
        url = facts["slot.url"]
    else:
        milestone = rulebook.milestone(MilestoneKind.BRIEFING)
        starts_at, ends_at = milestone.starts_at, milestone.ends_at
        summary = (
            f"{milestone.name.in_language(material.language)} {rulebook.name.in_language(material.language)}"
        )
        url = material.facts["briefing.join"]
        sequence += rulebook.number - 1  # an amendment may have moved the briefing
    return Appointment(
        uid=f"{facts['ics.uid']}@{settings.mail_from.rpartition('@')[2]}",
        sequence=sequence,
        summary=summary,
        description=url,
        url=url,
        starts_at=starts_at,
        ends_at=ends_at,
        organiser_name=rulebook.organiser.name.in_language(material.language),
        organiser_email=rulebook.organiser.email,
        attendee_email=material.address,
        made_at=notice.created_at,
        cancelled=material.briefing_cancelled,
    )


class Made:
    """A mail that is ready to be stored."""

    __slots__ = ("envelope", "material", "message", "words")

    def __init__(self, material: Material, envelope: Envelope, words: NoticeText, message: bytes) -> None:
        self.material, self.envelope, self.words, self.message = material, envelope, words, message


async def make(material: Material, settings: Settings, keys: NotifyKeys) -> Made:
    """The mail of one notice.

    Raises:
        ValueError, DomainError: it cannot be built: the address, a link, a place without a fact.
    """
    text = text_of(material.notice, material.language)
    files = await files_of(material, text.ics, settings)
    return _made(material, text, files, settings, keys)


def _made(
    material: Material, text: NoticeText, files: Sequence[File], settings: Settings, keys: NotifyKeys
) -> Made:
    words = words_of(text, material.facts)
    envelope = envelope_of(material, settings)
    message = build(envelope, words, frame_of(material, settings, keys), files)
    return Made(material, envelope, words, message)


async def build_notices(
    database: Database, settings: Settings, keys: NotifyKeys, claimed: Sequence[Key]
) -> dict[Key, Problem]:
    """Build the mail of claimed notices and store its bytes; no transaction is open meanwhile.

    Returns:
        What kept some of them from being built.
    """
    async with database.transaction() as session:
        planned = [
            notice
            for notice in await repository.notices.some(session, claimed)
            if notice.state == NoticeState.PLANNED
        ]
        materials, problems = await gather_all(session, planned, settings)
    made: dict[Key, Made] = {}

    def build_simple() -> None:
        for key, (material, text) in simple.items():
            try:
                made[key] = _made(material, text, (), settings, keys)
            except (ValueError, DomainError) as error:
                problems[key] = error

    simple: dict[Key, tuple[Material, NoticeText]] = {}
    for key, material in materials.items():
        try:
            text = text_of(material.notice, material.language)
            if text.ics or material.letter or material.certificate:
                files = await files_of(material, text.ics, settings)
                made[key] = await asyncio.to_thread(_made, material, text, files, settings, keys)
            else:
                simple[key] = (material, text)
        except (ValueError, DomainError) as error:
            problems[key] = error
    await asyncio.to_thread(build_simple)
    await store(database, made)
    return problems


async def store(database: Database, made: dict[Key, Made]) -> None:
    """Keep the mails, of those notices that are still only planned."""
    if not made:
        return
    async with database.transaction() as session:
        notices = await repository.notices.locked(session, list(made))
        ready = [key for key, row in notices.items() if row.state == NoticeState.PLANNED]
        if not ready:
            return
        rows = [
            {
                "contest_id": key[0],
                "notice_id": key[1],
                "address": made[key].material.address,
                "message": made[key].message,
            }
            for key in ready
        ]
        await session.execute(insert(Mail), rows)
        for key in ready:
            notice, one = notices[key], made[key]
            material = one.material
            approved = not notice.review or bool(notice.reviewed_by)
            notice.state = NoticeState.BUILT if approved else NoticeState.REVIEW
            notice.subject = one.words.subject
            notice.language = material.language
            notice.domain = material.address.rpartition("@")[2].casefold()
            if notice.channel != Channel.IN_APP:
                notice.message_id = one.envelope.message_id()
            notice.lease_until = None
            notice.urgent = notice.urgent or bool(material.letter and material.letter.urgency)
            if material.contact is not None:
                notice.contact_id = material.contact.contact_id
            if material.dispatch is not None:
                dispatch_id = material.dispatch.dispatch_id
                dispatch = await repository.letters.dispatch(session, dispatch_id, lock=True)
                dispatch.token_sha256 = hashlib.sha256(material.token.encode()).hexdigest()
