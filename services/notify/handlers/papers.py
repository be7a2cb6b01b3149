"""Working papers and address labels: gathered from what notify knows, as PDF and as rows for CSV."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain.letters import Addressee
from services.notify.handlers.sources import rows_of
from services.notify.letter_texts import Paper
from services.notify.letters.compose import Typesetting, contest_facts
from services.notify.letters.papers import PaperSetting, cells, columns_of, labels
from services.notify.letters.render import render_pdf
from shared import known
from shared.contracts.rulebook import Rulebook
from shared.errors import Conflict, NotFound
from shared.service import Resources
from shared.thai.digits import thai_digits

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Gathered:
    """A paper with its rows."""

    paper: Paper
    contest_id: str
    rulebook: Rulebook
    rows: Sequence[Json]
    each: Sequence[Json]
    now: datetime


async def gather(resources: Resources, contest_id: str, name: str) -> Gathered:
    """The paper ``name`` and the rows that fill it.

    Raises:
        NotFound: the contest has no such paper.
        Conflict: nothing is known yet that it could list.
    """
    paper = contest_files(contest_id).papers().get(name)
    if paper is None:
        raise NotFound("ไม่มีเอกสารนี้", "There is no such paper.")
    async with resources.database.transaction() as session:
        rulebook = await known.rulebook(session, contest_id)
        now = await resources.clock.now(session, contest_id)
        rows = await rows_of(session, contest_id, paper.source)
        each = await rows_of(session, contest_id, paper.each) if paper.each else []
    if not rows or (paper.each and not each):
        raise Conflict(
            f"ยังพิมพ์ “{paper.name.th}” ไม่ได้ เพราะยังไม่มีรายการ ให้ทำขั้นตอนก่อนหน้าให้เสร็จ",
            f"“{paper.name.in_language('en')}” has nothing to list yet; finish the step before it.",
        )
    return Gathered(paper, contest_id, rulebook, rows, each, now)


async def paper_pdf(resources: Resources, contest_id: str, name: str) -> bytes:
    """The paper as PDF."""
    found = await gather(resources, contest_id, name)

    def make() -> bytes:
        facts = contest_facts(found.rulebook, resources.settings.public_url)
        setting = PaperSetting(contest_files(contest_id), found.rulebook, facts)
        data = setting.inputs(found.paper, found.rows, found.each)
        return render_pdf(found.paper.layout, data, found.now).pdf

    return await asyncio.to_thread(make)


async def paper_rows(resources: Resources, contest_id: str, name: str) -> tuple[list[str], list[list[str]]]:
    """(head, rows) of the paper for CSV; of labels and single sheets, whom they are for."""
    found = await gather(resources, contest_id, name)
    if found.paper.columns:
        columns = columns_of(found.paper, found.rulebook)
        return [column.name for column in columns], cells(columns, found.rows)
    names = ["code", "post", "place", "reference", "applicant", "award", "title"]
    kept = [name for name in names if any(name in row for row in found.rows)]
    return kept, [[str(row.get(name, "")) for name in kept] for row in found.rows]


async def letter_labels(resources: Resources, letter_id: str) -> tuple[str, list[Addressee], bytes]:
    """(number, addressees, PDF): address labels of a letter.

    Raises:
        NotFound: no such letter.
        Conflict: it has no addressees.
    """
    async with resources.database.transaction() as session:
        letter = await repository.letters.letter(session, letter_id)
        now = await resources.clock.now(session, letter.contest_id)
        addressees = [Addressee(**one) for one in letter.recipients]
        contacts = await repository.people.addresses(
            session, letter.contest_id, [one.contact_id for one in addressees]
        )
    addressees = [replace(one, email=one.email or contacts.get(one.contact_id, "")) for one in addressees]
    if not addressees:
        raise Conflict("หนังสือนี้ไม่มีผู้รับ จึงไม่มีป้ายที่อยู่", "The letter has no addressees, so no labels.")

    def make() -> bytes:
        files = contest_files(letter.contest_id)
        typesetting = Typesetting(files)
        number = thai_digits(letter.number_text)
        numbered = f"ที่ {number}" if number else ""
        profile = files.profile(letter.agency)
        data = {
            "title": f"ป้ายที่อยู่ {number}".strip(),
            "letterhead": typesetting.letterhead(profile),
            "draft": False,
            "labels": labels(addressees, profile.name, letter.urgency, numbered, typesetting),
        }
        return render_pdf("labels", data, letter.issued_at or now).pdf

    return letter.number_text, addressees, await asyncio.to_thread(make)
