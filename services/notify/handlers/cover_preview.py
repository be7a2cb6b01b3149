"""How an office's cover letter would look: a picture for its clerk, always with the mark ฉบับร่าง."""

import asyncio
from typing import Any

from services.notify.contest_files import contest_files
from services.notify.letters.compose import NO_TABLE, Typesetting
from services.notify.letters.render import render_pdf, render_png
from services.notify.register_tables import Passing
from services.notify.tables import Dispatch, Letter
from shared.clock import Clock
from shared.db import Database
from shared.thai.dates import BUDDHIST_ERA, MONTHS, in_bangkok, letter_date
from shared.thai.digits import thai_digits

Json = dict[str, Any]


def cover_inputs(passing: Passing, dispatch: Dispatch, letter: Letter) -> Json:
    """The inputs of the external letter. Number, day, name and signature are the office's to add; the
    enclosed letter is named as สิ่งที่ส่งมาด้วย, never as อ้างถึง, because the receiver does not hold it yet."""
    typesetting = Typesetting(contest_files(letter.contest_id))
    runs = typesetting.breaker.runs
    local = in_bangkok(passing.changed_at)
    sender = contest_files(letter.contest_id).profile(letter.agency).name
    dated = letter_date(letter.issued_at) if letter.issued_at else ""
    enclosed = f"สำเนาหนังสือ{sender} ที่ {thai_digits(letter.number_text)} ลงวันที่ {dated}"
    posts = [one["post"] for one in passing.recipients]
    to = posts[0] if len(posts) == 1 else f"{posts[0]} และผู้รับตามบัญชีแนบ" if posts else "(ผู้รับ)"
    head = {"layout": "garuda", "name": dispatch.place, "name_en": "", "emblem": []}
    return {
        "title": passing.subject,
        "keywords": [],
        "draft": True,
        "letterhead": {**head, "emblem_alt": "ตราครุฑ", "date_axis_mm": 80},
        "subject": runs(passing.subject),
        "to": runs(to),
        "number": "…………/ว…………",
        "date": "\u00a0" * 6 + thai_digits(f"{MONTHS[local.month - 1]} {local.year + BUDDHIST_ERA}"),
        "paragraphs": typesetting.texts(passing.paragraphs),
        "table": typesetting.table(NO_TABLE),
        "after": [],
        "signer": {"name": "(………………………………………)", "lines": [dispatch.post]},
        "urgency": letter.urgency,
        "sender": [dispatch.place],
        "references": [],
        "enclosures": [{"text": runs(enclosed), "copies": "จำนวน ๑ ฉบับ"}],
        "owner": [dispatch.place],
        "codes": [],
    }


async def cover_pictures(passing: Passing, dispatch: Dispatch, letter: Letter) -> list[bytes]:
    """The pages as PNG."""
    return await asyncio.to_thread(lambda: render_png("external", cover_inputs(passing, dispatch, letter)))


async def cover_pdf(
    database: Database, clock: Clock, passing: Passing, dispatch: Dispatch, letter: Letter
) -> bytes:
    """The draft as PDF, to be taken over into the office's own system."""
    async with database.transaction() as session:
        now = await clock.now(session, letter.contest_id)
    return await asyncio.to_thread(
        lambda: render_pdf("external", cover_inputs(passing, dispatch, letter), now).pdf
    )
