"""From number to PDF: what follows signing, and is taken up again where a process died in between."""

import asyncio
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain.letters import Addressee
from services.notify.handlers.letters import content_of
from services.notify.letters.compose import Numbered, Typesetting
from services.notify.letters.render import Rendered, render_pdf, render_png
from services.notify.tables import Letter, LetterFile
from shared.clock import Clock
from shared.contracts.ids import ContestId, LetterId, NoticeId
from shared.contracts.notify import LetterIssued, LetterKind
from shared.db import Database
from shared.errors import Conflict
from shared.messaging import publish
from shared.thai.digits import thai_digits

Json = dict[str, Any]


def typeset(letter: Letter, content: Json, addressee: Addressee | None, *, draft_month: Any = None) -> Json:
    """The inputs of the letter's Typst template."""
    files = contest_files(letter.contest_id)
    numbered = Numbered(thai_digits(letter.number_text), letter.issued_at, draft_month)
    return Typesetting(files).letter(files.template(letter.template), content, numbered, addressee)


def _render(letter: Letter, content: Json, addressee: Addressee | None) -> Rendered:
    if letter.issued_at is None:
        raise Conflict("หนังสือนี้ยังไม่ลงนาม", "The letter is not signed yet.")
    layout = contest_files(letter.contest_id).template(letter.template).layout
    return render_pdf(layout, typeset(letter, content, addressee), letter.issued_at)


async def render_letter(letter: Letter, addressee: Addressee | None = None) -> Rendered:
    """The PDF of a signed letter, for one addressee or for the file; the same bytes every time."""
    return await asyncio.to_thread(_render, letter, letter.content or {}, addressee)


async def preview(session: AsyncSession, clock: Clock, letter: Letter, public_url: str) -> list[bytes]:
    """Pictures of the pages of a letter as it stands."""
    content = await content_of(session, letter, public_url)
    now = await clock.now(session, letter.contest_id)
    first = Addressee(**letter.recipients[0]) if letter.recipients else None
    return await asyncio.to_thread(_pictures, letter, content, first, now)


def _pictures(letter: Letter, content: Json, addressee: Addressee | None, now: Any) -> list[bytes]:
    layout = contest_files(letter.contest_id).template(letter.template).layout
    return render_png(layout, typeset(letter, content, addressee, draft_month=now))


async def draft_pdf(session: AsyncSession, clock: Clock, letter: Letter, public_url: str) -> bytes:
    """The PDF of a letter that is not signed: to look at, kept nowhere."""
    content = await content_of(session, letter, public_url)
    now = await clock.now(session, letter.contest_id)
    layout = contest_files(letter.contest_id).template(letter.template).layout
    inputs = await asyncio.to_thread(lambda: typeset(letter, content, None, draft_month=now))
    return (await asyncio.to_thread(render_pdf, layout, inputs, now)).pdf


async def finish_letter(database: Database, letter_id: str) -> None:
    """Render a signed letter, keep its PDF and say that it is issued. Safe to repeat."""
    async with database.transaction() as session:
        letter = await repository.letters.letter(session, letter_id)
    if letter.sha256 or letter.issued_at is None:
        return
    rendered = await render_letter(letter)
    async with database.transaction() as session:
        letter = await repository.letters.letter(session, letter_id, lock=True)
        if letter.sha256:
            return
        letter.sha256 = rendered.sha256
        letter.pages = rendered.pages
        session.add(LetterFile(contest_id=letter.contest_id, letter_id=letter_id, pdf=rendered.pdf))
        await publish(session, _issued(letter))


def _issued(letter: Letter) -> LetterIssued:
    if letter.issued_at is None:
        raise Conflict("หนังสือนี้ยังไม่ลงนาม", "The letter is not signed yet.")
    return LetterIssued(
        contest_id=ContestId(letter.contest_id),
        notice_id=NoticeId(letter.letter_id),
        letter_id=LetterId(letter.letter_id),
        kind=LetterKind(letter.kind),
        number=letter.number_text,
        template=letter.template,
        addressee=letter.addressee,
        sha256=letter.sha256,
        dispatches=len(letter.recipients),
        issued_at=letter.issued_at,
    )


async def finish_letters(database: Database) -> None:
    """Take up every letter that has a number and no PDF."""
    async with database.transaction() as session:
        waiting = await repository.letters.unfinished_letters(session)
    for letter_id in waiting:
        await finish_letter(database, letter_id)
