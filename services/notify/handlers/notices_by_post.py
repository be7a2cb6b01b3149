"""Notices by post: whom no mail reached gets them on paper, in an envelope with a label."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain.letters import Addressee
from services.notify.letters.compose import Typesetting
from services.notify.letters.papers import labels
from services.notify.letters.render import printable, render_pdf
from services.notify.tables import Contact, Notice
from shared.clock import Clock
from shared.errors import Conflict, Invalid
from shared.service import Resources
from shared.thai.provinces import known_province

MOST = 480
"""Notices of one queue: twenty sheets of labels."""


@dataclass(frozen=True, slots=True)
class Unreached:
    """A person whom mails did not reach, with those that nobody has taken care of."""

    contact: Contact
    notices: tuple[Notice, ...]

    @property
    def notice_ids(self) -> str:
        """The notices, as one tick of the queue's form names them."""
        return " ".join(notice.notice_id for notice in self.notices)

    @property
    def addressee(self) -> Addressee:
        """Whom the envelope names: the post, else the person, the office or the address of which nothing else
        is known, and where that is."""
        one = self.contact
        post = one.position or one.name or one.organisation or one.email
        found = known_province(one.province_code)
        where = found.full if found else ""
        office = "" if one.organisation == post else one.organisation
        return Addressee(one.contact_id, " ".join(filter(None, (office, where))), post)


async def queue(session: AsyncSession, contest_id: str) -> list[Unreached]:
    """Everyone whose mails failed or came back and wait for a person, the oldest first; letters have a print
    queue of their own."""
    rows = await repository.unreached.oldest(session, contest_id, MOST)
    return list(_by_person(rows, await repository.people.some_contacts(session, _people(rows)), contest_id))


def _people(rows: Sequence[Notice]) -> list[str]:
    return list(dict.fromkeys(row.contact_id for row in rows if row.contact_id))


def _by_person(rows: Sequence[Notice], contacts: Sequence[Contact], contest_id: str) -> Iterator[Unreached]:
    known = {row.contact_id: row for row in contacts}
    known |= {row.contact_id: row for row in contacts if row.contest_id == contest_id}
    for person in _people(rows):
        if person in known:
            yield Unreached(known[person], tuple(row for row in rows if row.contact_id == person))


async def queue_labels(resources: Resources, contest_id: str) -> bytes:
    """A label for each person of the queue, however many notices go into the envelope, as PDF.

    Raises:
        Conflict: nobody waits for a notice by post.
    """
    async with resources.database.transaction() as session:
        people = await queue(session, contest_id)
        now = await resources.clock.now(session, contest_id)
    if not people:
        raise Conflict("ไม่มีการแจ้งที่ต้องส่งทางไปรษณีย์", "No notice waits to go by post.")
    return await asyncio.to_thread(_labels, contest_id, [one.addressee for one in people], now)


def _labels(contest_id: str, addressees: Sequence[Addressee], now: datetime) -> bytes:
    files = contest_files(contest_id)
    home = next(name for name in files.profile_names() if files.profile(name).home)
    typesetting = Typesetting(files)
    shown = [Addressee(one.code, printable(one.place), printable(one.post)) for one in addressees]
    data = {
        "title": "ป้ายที่อยู่ของการแจ้งที่ส่งทางไปรษณีย์",
        "letterhead": typesetting.letterhead(files.profile(home)),
        "draft": False,
        "labels": labels(shown, files.profile(home).name, "", "", typesetting),
    }
    return render_pdf("labels", data, now).pdf


async def mark_posted(
    session: AsyncSession, clock: Clock, contest_id: str, notice_ids: Sequence[str], by: str
) -> int:
    """These notices were printed and posted. Returns how many.

    Raises:
        Invalid: none was chosen.
        Conflict: one does not wait any more: somebody posted it, telephoned or sent it again. Nothing is
            changed in either case.
    """
    chosen = sorted(set(notice_ids))
    if not chosen:
        raise Invalid("โปรดเลือกผู้รับที่ส่งไปรษณีย์แล้ว", "Choose whom you posted to.", field="notice")
    found = await repository.unreached.locked(session, contest_id, chosen)
    if len(found) < len(chosen):
        raise Conflict(
            "การแจ้งบางรายการไม่อยู่ในคิวนี้แล้ว โปรดโหลดหน้าใหม่",
            "A notice is not in the queue any more; reload the page.",
        )
    now = await clock.now(session, contest_id)
    for notice in found:
        notice.handled_by = by
        await repository.steps.add_step(session, notice, "posted", by, now)
    return len(found)
