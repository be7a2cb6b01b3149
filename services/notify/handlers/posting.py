"""The print queue: addressees whose letter goes by post, their labels, and that it was posted."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain.letters import DispatchState
from services.notify.handlers.agencies import emblem_of
from services.notify.handlers.rendering import addressee_of, render_letter
from services.notify.letters.compose import Typesetting
from services.notify.letters.papers import labels
from services.notify.letters.render import render_pdf
from services.notify.tables import Dispatch, Letter
from shared.clock import Clock
from shared.errors import Conflict
from shared.service import Resources
from shared.thai.digits import thai_digits


@dataclass(frozen=True, slots=True)
class Posted:
    """A letter with the addressees to whom it still goes by post."""

    letter: Letter
    dispatches: tuple[Dispatch, ...]


async def print_queue(session: AsyncSession, contest_id: str) -> list[Posted]:
    """Everything that waits to be printed, the oldest letter first."""
    groups: dict[str, list[tuple[Dispatch, Letter]]] = {}
    for dispatch, letter in await repository.letters.to_print(session, contest_id):
        groups.setdefault(letter.letter_id, []).append((dispatch, letter))
    return [Posted(rows[0][1], tuple(dispatch for dispatch, _ in rows)) for rows in groups.values()]


async def queue_labels(resources: Resources, contest_id: str) -> bytes:
    """Address labels of the whole queue, as PDF.

    Raises:
        Conflict: nothing waits to be printed.
    """
    async with resources.database.transaction() as session:
        queue = await print_queue(session, contest_id)
        now = await resources.clock.now(session, contest_id)
    if not queue:
        raise Conflict("ไม่มีหนังสือที่รอพิมพ์", "Nothing waits to be printed.")

    def make() -> bytes:
        files = contest_files(contest_id)
        typesetting = Typesetting(files)
        data = {
            "title": "ป้ายที่อยู่ของหนังสือที่รอพิมพ์",
            "letterhead": typesetting.letterhead(files.profile(queue[0].letter.agency)),
            "draft": False,
            "labels": [
                label
                for one in queue
                for label in labels(
                    [addressee_of(row) for row in one.dispatches],
                    one.letter.urgency,
                    f"ที่ {thai_digits(one.letter.number_text)}",
                    typesetting,
                )
            ],
        }
        return render_pdf("labels", data, now).pdf

    return await asyncio.to_thread(make)


async def printed_letter(resources: Resources, dispatch_id: str) -> bytes:
    """The letter as its addressee gets it, as PDF. Raises NotFound."""
    async with resources.database.transaction() as session:
        dispatch = await repository.letters.dispatch(session, dispatch_id)
        letter = await repository.letters.letter(session, dispatch.letter_id)
        emblem = await emblem_of(session, letter)
    return (await render_letter(letter, addressee_of(dispatch), emblem)).pdf


async def mark_posted(session: AsyncSession, clock: Clock, dispatch_ids: Sequence[str], by: str) -> int:
    """Letters were printed and posted: they leave the queue. Returns how many.

    Raises:
        Conflict: none was chosen, or one does not wait to be printed any more; nothing is changed then.
    """
    if not dispatch_ids:
        raise Conflict("โปรดเลือกผู้รับที่ส่งไปรษณีย์แล้ว", "Choose the addressees that were posted to.")
    for dispatch_id in sorted(set(dispatch_ids)):
        row = await repository.letters.dispatch(session, dispatch_id, lock=True)
        if row.state != DispatchState.PRINT:
            raise Conflict(
                f"{row.post} ไม่อยู่ในคิวพิมพ์แล้ว โปรดโหลดหน้าใหม่",
                f"{row.post} is not in the queue any more; reload the page.",
            )
        now = await clock.now(session, row.contest_id)
        row.state, row.sent_at = DispatchState.SENT, now
        detail = {"dispatch_id": row.dispatch_id, "code": row.code}
        await repository.signers.audit(
            session, row.contest_id, at=now, by=by, what="letter-posted", about=row.letter_id, detail=detail
        )
    return len(set(dispatch_ids))
