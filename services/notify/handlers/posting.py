"""The print queue: addressees whose letter goes by post, their labels, and that it was posted."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.contest_files import ContestFiles, contest_files
from services.notify.domain.letters import DispatchState, LetterState, Step, after
from services.notify.domain.notices import UNDELIVERED
from services.notify.handlers.agencies import agency_of, emblem_of
from services.notify.handlers.rendering import addressee_of, render_letter
from services.notify.letters.compose import Typesetting
from services.notify.letters.papers import Label, labels
from services.notify.letters.render import render_pdf
from services.notify.tables import Dispatch, Letter, Notice
from shared.clock import Clock
from shared.errors import Conflict, Invalid, NotFound
from shared.service import Resources
from shared.thai.digits import thai_digits


@dataclass(frozen=True, slots=True)
class QueuedLetter:
    """A letter with the addressees to whom it still goes by post."""

    letter: Letter
    dispatches: tuple[Dispatch, ...]


async def print_queue(
    session: AsyncSession, contest_id: str, agencies: Collection[str] | None = None
) -> list[QueuedLetter]:
    """Everything that waits to be printed, the oldest letter first; ``agencies`` = of these only."""
    groups: dict[str, list[tuple[Dispatch, Letter]]] = {}
    for dispatch, letter in await repository.letters.to_print(session, contest_id):
        if agencies is None or letter.agency in agencies:
            groups.setdefault(letter.letter_id, []).append((dispatch, letter))
    return [QueuedLetter(rows[0][1], tuple(row for row, _ in rows)) for rows in groups.values()]


async def queue_labels(
    resources: Resources, contest_id: str, agencies: Collection[str] | None = None
) -> bytes:
    """Address labels of the whole queue, each with the agency that sends it, as PDF; ``agencies`` as in
    :func:`print_queue`.

    Raises:
        Conflict: nothing waits to be printed.
    """
    async with resources.database.transaction() as session:
        queue = await print_queue(session, contest_id, agencies)
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
            "labels": [label for one in queue for label in _labels(one, files, typesetting)],
        }
        return render_pdf("labels", data, now).pdf

    return await asyncio.to_thread(make)


def _labels(one: QueuedLetter, files: ContestFiles, typesetting: Typesetting) -> list[Label]:
    return labels(
        [whom for row in one.dispatches if (whom := addressee_of(row))],
        files.profile(one.letter.agency).name,
        one.letter.urgency,
        f"ที่ {thai_digits(one.letter.number_text)}",
        typesetting,
    )


async def printed_letter(
    resources: Resources, contest_id: str, dispatch_id: str, agencies: Collection[str] | None = None
) -> bytes:
    """The letter as its addressee gets it, as PDF. Raises NotFound, also outside of ``agencies``."""
    async with resources.database.transaction() as session:
        dispatch = await repository.letters.own_dispatch(session, contest_id, dispatch_id)
        letter = await repository.letters.letter(session, dispatch.letter_id)
        if agencies is not None and letter.agency not in agencies:
            raise NotFound("ไม่พบผู้รับรายนี้", "There is no such addressee.", field="dispatch_id")
        emblem = await emblem_of(session, letter)
    return (await render_letter(letter, addressee_of(dispatch), emblem)).pdf


async def mark_posted(
    session: AsyncSession, clock: Clock, contest_id: str, dispatch_ids: Sequence[str], by: str, *, staff: bool
) -> int:
    """Letters were printed and posted: they leave the queue. Returns how many.

    A letter that had bounced is on its way again, and nobody need telephone about the mail that came back.

    Args:
        staff: whether the person is of the contest's staff or its approver, who post every letter; a clerk
            posts those of the agency whose registry he keeps.

    Raises:
        Forbidden: a clerk does not keep the registry of one's agency.
        Invalid: none was chosen.
        NotFound: one is of another contest, or was passed on by an office.
        Conflict: one does not wait to be printed any more. Nothing is changed in any of these cases.
    """
    chosen = sorted(set(dispatch_ids))
    if not chosen:
        raise Invalid(
            "โปรดเลือกผู้รับที่ส่งไปรษณีย์แล้ว", "Choose the addressees that were posted to.", field="dispatch"
        )
    now = await clock.now(session, contest_id)
    # Notices, dispatches, letters: the order in which the settling of a mail locks them.
    notices = await repository.notices.to_dispatches(session, contest_id, chosen)
    rows = [await _posted(session, contest_id, dispatch_id, by, now) for dispatch_id in chosen]
    for letter_id in sorted({row.letter_id for row in rows}):
        await _on_its_way(session, letter_id, by, now, staff=staff)
    for notice in notices:
        await _need_not_telephone(session, notice, by, now)
    return len(rows)


async def _posted(
    session: AsyncSession, contest_id: str, dispatch_id: str, by: str, now: datetime
) -> Dispatch:
    row = await repository.letters.own_dispatch(session, contest_id, dispatch_id, lock=True)
    if row.state != DispatchState.PRINT:
        raise Conflict(
            f"{row.post} ไม่อยู่ในคิวพิมพ์แล้ว โปรดโหลดหน้าใหม่",
            f"{row.post} is not in the queue any more; reload the page.",
        )
    row.state, row.sent_at, row.posted_at = DispatchState.SENT, now, now
    detail = {"dispatch_id": row.dispatch_id, "code": row.code}
    await repository.signers.audit(
        session, contest_id, at=now, by=by, what="letter-posted", about=row.letter_id, detail=detail
    )
    return row


async def _on_its_way(session: AsyncSession, letter_id: str, by: str, now: datetime, *, staff: bool) -> None:
    letter = await repository.letters.letter(session, letter_id, lock=True)
    (await agency_of(session, letter.contest_id, letter.agency, now)).check_sender(by, staff=staff)
    if letter.state == LetterState.BOUNCED:
        letter.state = after(LetterState.BOUNCED, Step.DISPATCH)
        await repository.letters.add_step(session, letter, Step.DISPATCH, by, now)


async def _need_not_telephone(session: AsyncSession, notice: Notice, by: str, now: datetime) -> None:
    if notice.state in UNDELIVERED and not notice.handled_by:
        notice.handled_by = by
        await repository.steps.add_step(session, notice, "posted", by, now)
