"""From number to PDF: what follows signing, and is taken up again where a process died in between."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain.checks import check_pages
from services.notify.domain.letters import Addressee, Finding
from services.notify.domain.register import Book, EntryKind
from services.notify.handlers.agencies import emblem_of
from services.notify.handlers.composing import composition_of, content_of, findings_from
from services.notify.handlers.publishing import publish_by_rule
from services.notify.letters.compose import Numbered, Typesetting
from services.notify.letters.reading import Reading, reading_of
from services.notify.letters.render import Rendered, refuse_missing_glyphs, render_pdf, render_png
from services.notify.tables import Dispatch, Letter, LetterFile
from shared.clock import Clock
from shared.contracts.ids import ContestId, LetterId, NoticeId
from shared.contracts.notify import LetterIssued, LetterKind
from shared.db import Database
from shared.errors import Conflict, Invalid
from shared.messaging import publish
from shared.thai.digits import thai_digits

Json = dict[str, Any]


def typeset(
    letter: Letter,
    content: Json,
    addressee: Addressee | None,
    *,
    draft_month: datetime | None = None,
    emblem: bytes = b"",
) -> Json:
    """The inputs of the letter's Typst template.

    Args:
        emblem: of a signed letter, the emblem that its signature names; see :func:`emblem_of`.
    """
    files = contest_files(letter.contest_id)
    numbered = Numbered(thai_digits(letter.number_text), letter.issued_at, draft_month)
    inputs = Typesetting(files).letter(files.template(letter.template), content, numbered, addressee)
    signature = content.get("signature")
    return inputs if signature is None else _as_signed(inputs, signature, emblem)


def file_addressee(letter: Letter) -> Addressee | None:
    """Whom the copy for the file (สำเนาคู่ฉบับ) names: the one addressee of a letter that has one; None where
    the template's own เรียน line stands, in a circular and in a letter to several."""
    if letter.kind == LetterKind.CIRCULAR or len(letter.recipients) != 1:
        return None
    return Addressee(**letter.recipients[0])


def addressee_of(dispatch: Dispatch) -> Addressee | None:
    """Whom the letter names on the copy that goes there; None further down the cascade, where it is a copy
    of the file."""
    if dispatch.parent_id:
        return None
    return Addressee(dispatch.code, dispatch.place, dispatch.post, place_en=dispatch.place_en)


def reading_version(letter: Letter, content: Json, addressee: Addressee | None = None) -> Reading:
    """The letter as a plain page: the words of its PDF, for whoever cannot or will not read that; of the
    copy for the file where no ``addressee`` is given."""
    files = contest_files(letter.contest_id)
    numbered = Numbered(thai_digits(letter.number_text), letter.issued_at)
    return reading_of(
        files.template(letter.template),
        files.profile(letter.agency),
        content,
        numbered,
        addressee or file_addressee(letter),
    )


def _as_signed(inputs: Json, signature: Json, emblem: bytes) -> Json:
    """Signer and emblem as they were frozen at the signing; without an emblem and an order every page bears
    the draft mark."""
    signed: Json = {**inputs, "draft": not signature["official"]}
    if signature["appointed"]:
        signed["signer"] = {"name": signature["name"], "lines": signature["lines"]}
    if signature["official"]:
        if hashlib.sha256(emblem).hexdigest() != signature["emblem_sha256"]:
            raise Conflict(
                "ไฟล์ตราของหนังสือฉบับนี้หายหรือถูกแก้", "The emblem of this letter is missing or was changed."
            )
        signed["letterhead"] = {**inputs["letterhead"], "emblem": list(emblem)}
    return signed


def _render(letter: Letter, content: Json, addressee: Addressee | None, emblem: bytes) -> Rendered:
    if letter.issued_at is None:
        raise Conflict("หนังสือนี้ยังไม่ลงนาม", "The letter is not signed yet.")
    layout = contest_files(letter.contest_id).template(letter.template).layout
    return render_pdf(layout, typeset(letter, content, addressee, emblem=emblem), letter.issued_at)


async def render_letter(letter: Letter, addressee: Addressee | None = None, emblem: bytes = b"") -> Rendered:
    """The PDF of a signed letter, for one addressee or for the file; the same bytes every time."""
    named = addressee or file_addressee(letter)
    return await asyncio.to_thread(_render, letter, letter.content or {}, named, emblem)


async def _as_it_stands(
    database: Database, clock: Clock, letter_id: str, public_url: str
) -> tuple[Letter, Json, datetime]:
    async with database.transaction() as session:
        letter = await repository.letters.letter(session, letter_id)
        content = await content_of(session, letter, public_url)
        return letter, content, await clock.now(session, letter.contest_id)


@dataclass(frozen=True, slots=True)
class Preview:
    """How a letter would look and what the records office would send it back for; nothing of it is kept."""

    pictures: tuple[bytes, ...]
    """PNG, one for each page; none where the text cannot be printed."""
    findings: tuple[Finding, ...]
    content: Json


async def preview(database: Database, clock: Clock, letter_id: str, public_url: str) -> list[bytes]:
    """Pictures of the pages of a letter as it stands. Nothing is typeset while a transaction is open."""
    letter, content, now = await _as_it_stands(database, clock, letter_id, public_url)
    async with database.transaction() as session:
        emblem = await emblem_of(session, letter)
    return await asyncio.to_thread(_pictures, letter, content, now, emblem)


async def preview_of(
    database: Database, clock: Clock, letter_id: str, overrides: Mapping[str, Any], public_url: str
) -> Preview:
    """How a draft would look with ``overrides``, while somebody types."""
    async with database.transaction() as session:
        letter = await repository.letters.letter(session, letter_id)
        merged = {**letter.overrides, **{name: text for name, text in overrides.items() if text is not None}}
        now = await clock.now(session, letter.contest_id)
        composition = await composition_of(session, letter, public_url)
    try:
        content = composition.content(merged)
    except Invalid as error:
        return Preview((), tuple(findings_from(merged, error)), {})
    findings = await asyncio.to_thread(composition.findings, content)
    if any(finding.code == "glyph" for finding in findings):
        return Preview((), tuple(findings), content)
    pictures = await asyncio.to_thread(_pictures, letter, content, now)
    template = contest_files(letter.contest_id).template(letter.template)
    findings += check_pages(len(pictures), one_page=template.one_page)
    return Preview(tuple(pictures), tuple(findings), content)


def _pictures(letter: Letter, content: Json, now: datetime, emblem: bytes = b"") -> list[bytes]:
    first = Addressee(**letter.recipients[0]) if letter.recipients else None
    layout = contest_files(letter.contest_id).template(letter.template).layout
    return render_png(layout, typeset(letter, content, first, draft_month=now, emblem=emblem))


async def check_printable(overrides: Mapping[str, Any]) -> None:
    """Refuse texts with a character that the typeface does not have, before anything is kept.

    Raises:
        Invalid: names the characters.
    """
    await asyncio.to_thread(refuse_missing_glyphs, dict(overrides))


async def pdf_of(database: Database, clock: Clock, letter_id: str, public_url: str) -> tuple[str, bytes]:
    """(template, PDF): the kept one of a signed letter; of an unsigned one, how it would look."""
    letter, content, now = await _as_it_stands(database, clock, letter_id, public_url)
    async with database.transaction() as session:
        kept = await repository.letters.letter_pdf(session, letter)
        emblem = await emblem_of(session, letter)
    if kept is None:
        layout = contest_files(letter.contest_id).template(letter.template).layout
        named = file_addressee(letter)
        kept = await asyncio.to_thread(
            lambda: (
                render_pdf(layout, typeset(letter, content, named, draft_month=now, emblem=emblem), now).pdf
            )
        )
    return letter.template, kept


async def finish_letter(database: Database, letter_id: str) -> None:
    """Render a signed letter, keep its PDF and say that it is issued. Safe to repeat."""
    async with database.transaction() as session:
        letter = await repository.letters.letter(session, letter_id)
        emblem = await emblem_of(session, letter)
    if letter.sha256 or letter.issued_at is None:
        return
    rendered = await render_letter(letter, emblem=emblem)
    async with database.transaction() as session:
        letter = await repository.letters.letter(session, letter_id, lock=True)
        if letter.sha256:
            return
        letter.sha256 = rendered.sha256
        letter.pages = rendered.pages
        session.add(LetterFile(contest_id=letter.contest_id, letter_id=letter_id, pdf=rendered.pdf))
        await repository.register.append(
            session,
            letter.contest_id,
            letter.agency,
            Book.OUT,
            EntryKind.DOCUMENT,
            letter.issued_at or letter.drafted_at,
            {"letter_id": letter_id, "number_text": letter.number_text, "sha256": rendered.sha256},
        )
        if not letter.recipients:
            await publish_by_rule(session, letter, letter.issued_at or letter.drafted_at)
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
