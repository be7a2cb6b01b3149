"""Approving: a second person freezes what a letter says. Its row is locked only once that is composed."""

import asyncio
from typing import Any

from services.notify import repository
from services.notify.domain.letters import LetterState, Step, after, may_confirm
from services.notify.handlers.composing import Composition, composition_of, findings_from
from shared.clock import Clock
from shared.db import Database
from shared.errors import Conflict, Invalid

Json = dict[str, Any]


async def approve_letter(database: Database, clock: Clock, letter_id: str, by: str, public_url: str) -> None:
    """A second person approves what is in review; its content is frozen.

    It is composed and looked over while no transaction is open, and frozen only if nothing that it follows
    from has changed meanwhile.

    Raises:
        Forbidden: its authors may not.
        Conflict: it is not in review, or was changed while it was looked over.
        Invalid: something must be mended first.
    """
    async with database.transaction() as session:
        letter = await repository.letters.letter(session, letter_id)
        after(LetterState(letter.state), Step.APPROVE)
        may_confirm(await repository.letters.authors(session, letter), by)
        seen = await composition_of(session, letter, public_url)
    content = await asyncio.to_thread(_looked_over, seen, letter.overrides)
    async with database.transaction() as session:
        letter = await repository.letters.letter(session, letter_id, lock=True)
        following = after(LetterState(letter.state), Step.APPROVE)
        may_confirm(await repository.letters.authors(session, letter), by)
        if (await composition_of(session, letter, public_url)).sha256 != seen.sha256:
            raise Conflict(
                "หนังสือหรือกติกาเปลี่ยนไประหว่างที่กำลังอนุมัติ โปรดโหลดหน้าใหม่ อ่านอีกครั้ง แล้วอนุมัติ",
                "The letter or the rulebook changed while you approved. Reload, read it again, approve.",
            )
        letter.content, letter.state = content, following
        letter.subject, letter.urgency = content["subject"], content["urgency"]
        now = await clock.now(session, letter.contest_id)
        await repository.letters.add_step(session, letter, Step.APPROVE, by, now)


def _looked_over(composition: Composition, overrides: Json) -> Json:
    content: Json = {}
    try:
        content = composition.content(overrides)
        findings = composition.findings(content)
    except Invalid as error:
        findings = findings_from(overrides, error)
    if blocking := [finding for finding in findings if finding.blocking]:
        raise Invalid(
            "; ".join(finding.th for finding in blocking),
            "; ".join(finding.en for finding in blocking),
            errors=tuple(Invalid(finding.th, finding.en, field=finding.field) for finding in blocking),
        )
    return content
