"""What mails are made of: everything that a batch of notices needs, in a few queries."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.certificate_tables import Certificate
from services.notify.contest_files import contest_files
from services.notify.handlers.agencies import emblem_of
from services.notify.handlers.cascade import Cover, cover_of
from services.notify.mail import words as say
from services.notify.repository.notices import Key
from services.notify.tables import Contact, Dispatch, Entry, Letter, Notice
from shared import known
from shared.contracts.rulebook import Rulebook
from shared.errors import NotFound
from shared.settings import Settings
from shared.thai.dates import page_date

Json = dict[str, Any]


class NotYet(Exception):
    """Something that the mail needs is not known yet; another topic will bring it."""


class Nobody(Exception):
    """There is nobody to tell: the person was erased, or wants no reminders."""


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
    emblem: bytes = b""
    """That the letter bears."""
    cover: Cover | None = None
    """Under which signed cover letter an office got the letter."""
    briefing_cancelled: bool = False


async def gather_all(
    session: AsyncSession, notices: Sequence[Notice], settings: Settings
) -> tuple[dict[Key, Material], dict[Key, Any]]:
    """Everything that the notices' mails say.

    Returns:
        The material, and for the others why there is none: :class:`NotYet` or :class:`Nobody`.
    """
    shelf = await _Shelf.fill(session, notices, settings)
    found: dict[Key, Material] = {}
    problems: dict[Key, Any] = {}
    for notice in notices:
        key = (notice.contest_id, notice.notice_id)
        try:
            found[key] = await shelf.material(session, notice)
        except (NotYet, Nobody, NotFound) as problem:
            problems[key] = problem
    return found, problems


async def gather(session: AsyncSession, notice: Notice, settings: Settings) -> Material:
    """Everything that one notice's mail says.

    Raises:
        NotYet: the contact, the entry or the rulebook is still on its way.
        Nobody: the contact was erased, or wants no reminders.
    """
    return await (await _Shelf.fill(session, [notice], settings)).material(session, notice)


class _Shelf:
    """What a batch of notices has in common, read once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._rulebooks: dict[str, Rulebook] = {}
        self._entries: dict[Key, Entry] = {}
        self._contacts: dict[Key, Contact] = {}
        self._anywhere: dict[str, Contact] = {}
        self._stopped: set[Key] = set()
        self._words: dict[tuple[str, str], dict[str, str]] = {}

    @classmethod
    async def fill(cls, session: AsyncSession, notices: Sequence[Notice], settings: Settings) -> "_Shelf":
        shelf = cls(settings)
        for contest_id in {notice.contest_id for notice in notices}:
            try:
                shelf._rulebooks[contest_id] = await known.rulebook(session, contest_id)
            except NotFound:
                continue
        entry_ids = [entry_id for notice in notices if (entry_id := _entry_of(notice))]
        if entry_ids:
            entries = await repository.progress.some_entries(session, entry_ids)
            shelf._entries = {(row.contest_id, row.entry_id): row for row in entries}
        contact_ids = {notice.contact_id for notice in notices if notice.contact_id}
        contact_ids |= {row.contact_id for row in shelf._entries.values()}
        if contact_ids:
            contacts = await repository.people.some_contacts(session, contact_ids)
            shelf._contacts = {(row.contest_id, row.contact_id): row for row in contacts}
            shelf._anywhere = {row.contact_id: row for row in contacts}
        if any(notice.reminder for notice in notices):
            shelf._stopped = await repository.sending.stopped(session, contact_ids)
        return shelf

    async def material(self, session: AsyncSession, notice: Notice) -> Material:
        rulebook = self._rulebooks.get(notice.contest_id)
        needed = int(notice.facts.get("rulebook.number", 0))
        if rulebook is None or rulebook.number < needed:
            raise NotYet("the rulebook is not known yet")
        if notice.recipient.startswith("dispatch:"):
            return await self._office(session, notice, rulebook)
        entry, contact_id = None, notice.contact_id
        if entry_id := _entry_of(notice):
            entry = self._entries.get((notice.contest_id, entry_id))
            if entry is None:
                raise NotYet(f"entry {entry_id} is not known yet")
            contact_id = contact_id or entry.contact_id
        contact = await self._contact(session, notice.contest_id, contact_id or "")
        if notice.reminder and (notice.contest_id, contact.contact_id) in self._stopped:
            raise Nobody("the person wants no reminders")
        language = contact.language
        facts = (
            self._contest_words(rulebook, language)
            | say.person_words(contact)
            | say.entry_words(entry, language)
            | say.event_words(notice.facts, language)
        )
        certificate = None
        if serial := notice.facts.get("certificate.serial"):
            certificate = await repository.certificates.certificate_by_serial(
                session, serial, notice.contest_id
            )
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

    async def _contact(self, session: AsyncSession, contest_id: str, contact_id: str) -> Contact:
        found = self._contacts.get((contest_id, contact_id)) or self._anywhere.get(contact_id)
        if found is not None:
            return found
        about = await known.contact(session, contact_id)
        if about is not None and about.erased:
            raise Nobody("the contact was erased")
        raise NotYet(f"contact {contact_id} is not known yet")

    def _contest_words(self, rulebook: Rulebook, language: str) -> dict[str, str]:
        key = (rulebook.contest_id, language)
        if key not in self._words:
            self._words[key] = say.contest_words(rulebook, self._settings.public_url, language)
        return self._words[key]

    async def _office(self, session: AsyncSession, notice: Notice, rulebook: Rulebook) -> Material:
        dispatch = await repository.letters.dispatch(session, notice.facts["dispatch_id"])
        contact = None
        if dispatch.contact_id:
            contact = await self._contact(session, notice.contest_id, dispatch.contact_id)
        letter = await repository.letters.letter(session, dispatch.letter_id)
        profile = contest_files(notice.contest_id).profile(letter.agency)
        token = secrets.token_urlsafe(24)
        facts = self._contest_words(rulebook, "th") | {
            "letter.urgency": f"{letter.urgency} " if letter.urgency else "",
            "letter.number": letter.number_text,
            "letter.subject": letter.subject,
            "letter.agency": profile.name,
            "letter.post": dispatch.post,
            "letter.date": page_date(letter.issued_at, "th") if letter.issued_at else "",
            "letter.link": f"{self._settings.public_url}/letters/acknowledge/{token}",
        }
        cover = await cover_of(session, dispatch)
        if cover is not None:
            facts |= {
                "cover.number": cover.passing.number,
                "cover.subject": cover.passing.subject,
                "cover.place": cover.above.place,
                "cover.date": page_date(cover.passing.issued_on, "th") if cover.passing.issued_on else "",
            }
        return Material(
            notice,
            rulebook,
            "th",
            contact.email if contact else dispatch.email,
            facts,
            contact=contact,
            letter=letter,
            dispatch=dispatch,
            token=token,
            cover=cover,
            emblem=await emblem_of(session, letter),
        )


def _entry_of(notice: Notice) -> str:
    entry_id: str = notice.entry_id or notice.facts.get("entry_id", "")
    return entry_id
