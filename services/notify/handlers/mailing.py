"""From a planned notice to the stored bytes of its mail."""

import asyncio
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain.letters import Addressee
from services.notify.domain.notices import NoticeState
from services.notify.handlers.rendering import render_letter
from services.notify.mail import words as say
from services.notify.mail.build import Envelope, File, build, words_of
from services.notify.mail.calendar import Appointment, ics
from services.notify.tables import Certificate, Contact, Dispatch, Letter, Mail, Notice
from shared import known
from shared.contracts.rulebook import MilestoneKind, Rulebook
from shared.db import Database
from shared.settings import Settings
from shared.thai.dates import page_date

Json = dict[str, Any]


class NotYet(Exception):
    """Something that the mail needs is not known yet; another topic will bring it."""


class Nobody(Exception):
    """The person was erased: there is nobody to tell."""


@dataclass(slots=True)
class Material:
    """What one mail is made of."""

    notice: Notice
    rulebook: Rulebook
    language: str
    address: str
    facts: dict[str, str]
    contact: Contact | None = None
    letter: Letter | None = None
    dispatch: Dispatch | None = None
    token: str = ""
    certificate: Certificate | None = None
    briefing_cancelled: bool = False


async def gather(session: AsyncSession, notice: Notice, settings: Settings) -> Material:
    """Everything that the notice's mail says.

    Raises:
        NotYet: the contact, the entry or the rulebook is still on its way.
        Nobody: the contact was erased.
    """
    try:
        rulebook = await known.rulebook(session, notice.contest_id)
    except Exception as error:
        raise NotYet("the rulebook is not known yet") from error
    if notice.recipient.startswith("dispatch:"):
        return await _gather_dispatch(session, notice, rulebook, settings)
    entry = None
    contact_id = notice.contact_id
    if notice.entry_id or "entry_id" in notice.facts:
        entry_id = notice.entry_id or notice.facts["entry_id"]
        entry = await repository.progress.entry(session, notice.contest_id, entry_id)
        if entry is None:
            raise NotYet(f"entry {entry_id} is not known yet")
        contact_id = contact_id or entry.contact_id
    contact = await repository.people.contact(session, notice.contest_id, contact_id or "")
    if contact is None:
        about = await known.contact(session, contact_id or "")
        if about is not None and about.erased:
            raise Nobody("the contact was erased")
        raise NotYet(f"contact {contact_id} is not known yet")
    language = contact.language
    facts = (
        say.contest_words(rulebook, settings.public_url, language)
        | say.person_words(contact)
        | say.entry_words(entry, language)
        | say.event_words(notice.facts, language)
    )
    certificate = None
    if serial := notice.facts.get("certificate.serial"):
        certificate = await repository.letters.certificate_by_serial(session, serial, notice.contest_id)
    return Material(
        notice=notice,
        rulebook=rulebook,
        language=language,
        address=contact.email,
        facts=facts,
        contact=contact,
        certificate=certificate,
        briefing_cancelled=notice.template == "briefing-cancelled",
    )


async def _gather_dispatch(
    session: AsyncSession, notice: Notice, rulebook: Rulebook, settings: Settings
) -> Material:
    dispatch = await repository.letters.dispatch(session, notice.facts["dispatch_id"])
    letter = await repository.letters.letter(session, dispatch.letter_id)
    profile = contest_files(notice.contest_id).profile(letter.agency)
    token = secrets.token_urlsafe(24)
    facts = say.contest_words(rulebook, settings.public_url, "th") | {
        "letter.urgency": f"{letter.urgency} " if letter.urgency else "",
        "letter.number": letter.number_text,
        "letter.subject": letter.subject,
        "letter.agency": profile.name,
        "letter.post": dispatch.post,
        "letter.date": page_date(letter.issued_at, "th") if letter.issued_at else "",
        "letter.link": f"{settings.public_url}/letters/acknowledge/{token}",
    }
    return Material(
        notice, rulebook, "th", dispatch.email, facts, letter=letter, dispatch=dispatch, token=token
    )


async def _files(material: Material, kind: str, settings: Settings) -> Sequence[File]:
    if material.letter and material.dispatch:
        row = material.dispatch
        addressee = Addressee(row.code, row.place, row.post, row.email, row.place_en)
        rendered = await render_letter(material.letter, addressee)
        return [File(f"{material.letter.kind}-{row.code}.pdf", "application/pdf", rendered.pdf)]
    if material.certificate and material.certificate.pdf:
        return [File(f"{material.certificate.serial}.pdf", "application/pdf", material.certificate.pdf)]
    if kind:
        appointment = _appointment(material, kind, settings)
        return [File(f"{kind}.ics", "text/calendar", ics(appointment), appointment.method)]
    return []


def _appointment(material: Material, kind: str, settings: Settings) -> Appointment:
    rulebook, notice = material.rulebook, material.notice
    facts = notice.facts
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
    return Appointment(
        uid=f"{facts['ics.uid']}@{settings.mail_from.rpartition('@')[2]}",
        sequence=int(facts["ics.sequence"]),
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


async def build_notice(database: Database, settings: Settings, contest_id: str, notice_id: str) -> None:
    """Build a claimed notice's mail and store its bytes; the clocks of the database are not held meanwhile.

    Raises:
        NotYet, Nobody: see :func:`gather`.
        ValueError: the address cannot stand in a header.
    """
    async with database.transaction() as session:
        notice = await repository.notices.notice(session, contest_id, notice_id)
        if notice.state != NoticeState.PLANNED:
            return
        material = await gather(session, notice, settings)
    text = contest_files(contest_id).notice(notice.template, material.language)
    words = words_of(text, material.facts)
    files = await _files(material, text.ics, settings)
    organiser = material.rulebook.organiser
    envelope = Envelope(
        sender=settings.mail_from,
        sender_name=organiser.name.in_language(material.language),
        to=material.address,
        key="\0".join((contest_id, notice.event_id, notice.recipient, notice.channel)),
        language=material.language,
        at=notice.created_at,
    )
    footer = [organiser.name.in_language(material.language), f"{organiser.email} · {organiser.website}"]
    message = await asyncio.to_thread(lambda: bytes(build(envelope, words, footer, files)))
    async with database.transaction() as session:
        notice = await repository.notices.notice(session, contest_id, notice_id, lock=True)
        if notice.state != NoticeState.PLANNED:
            return
        session.add(
            Mail(contest_id=contest_id, notice_id=notice_id, address=material.address, message=message)
        )
        notice.state = NoticeState.BUILT
        notice.subject = words.subject
        notice.language = material.language
        notice.message_id = envelope.message_id()
        notice.lease_until = None
        if material.contact is not None:
            notice.contact_id = material.contact.contact_id
        if material.dispatch is not None:
            dispatch = await repository.letters.dispatch(session, material.dispatch.dispatch_id, lock=True)
            dispatch.token_sha256 = hashlib.sha256(material.token.encode()).hexdigest()
