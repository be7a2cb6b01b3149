"""Letters, their steps, their addressees, the register's numbers, and certificates."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import text
from sqlmodel import col, func, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify.domain.letters import LOST, DispatchState, LetterState, Step
from services.notify.repository.locking import for_update
from services.notify.tables import Dispatch, Letter, LetterFile, LetterStep
from shared.errors import NotFound

_TAKE_NUMBER = text(
    """
    INSERT INTO register_counter (contest_id, agency, series, year, last)
    VALUES (:contest_id, :agency, :series, :year, :first)
    ON CONFLICT (contest_id, agency, series, year) DO UPDATE SET last = register_counter.last + 1
    RETURNING last
    """
)
"""Locks the book's row until the transaction ends: if that rolls back, the number was never taken."""


async def take_number(
    session: AsyncSession, contest_id: str, *, agency: str, series: str, year: int, first: int
) -> int:
    """The next number of a book; ``first`` where the book is empty."""
    found = await session.execute(
        _TAKE_NUMBER,
        {"contest_id": contest_id, "agency": agency, "series": series, "year": year, "first": first},
    )
    number: int = found.scalar_one()
    return number


async def letter(session: AsyncSession, letter_id: str, *, lock: bool = False) -> Letter:
    """The letter of that id; ``lock`` holds it until the transaction ends.

    Raises:
        NotFound: there is none.
    """
    query = select(Letter).where(Letter.letter_id == letter_id)
    found = (await session.exec(for_update(query) if lock else query)).first()
    if found is None:
        raise NotFound("ไม่พบหนังสือฉบับนี้", "There is no such letter.", field="letter_id")
    return found


async def letters(session: AsyncSession, contest_id: str) -> Sequence[Letter]:
    """Every letter of the contest, the newest first."""
    query = select(Letter).where(Letter.contest_id == contest_id)
    return (
        await session.exec(query.order_by(col(Letter.drafted_at).desc(), col(Letter.letter_id).desc()))
    ).all()


async def newest_of_template(session: AsyncSession, contest_id: str, template: str) -> Letter | None:
    """The newest letter of a template that is not void."""
    query = select(Letter).where(
        Letter.contest_id == contest_id, Letter.template == template, Letter.state != LetterState.VOID
    )
    return (await session.exec(query.order_by(col(Letter.drafted_at).desc()).limit(1))).first()


async def newest_about(session: AsyncSession, contest_id: str, template: str, about: str) -> Letter | None:
    """The newest letter of a template that is about an entry or a judge, and is not void."""
    query = select(Letter).where(
        Letter.contest_id == contest_id,
        Letter.template == template,
        Letter.state != LetterState.VOID,
        col(Letter.facts)["about"].as_string() == about,
    )
    return (await session.exec(query.order_by(col(Letter.drafted_at).desc()).limit(1))).first()


async def numbered(session: AsyncSession, contest_id: str) -> Sequence[tuple[str, datetime | None]]:
    """(number, date) of every letter in the register of the contest, void ones left out."""
    query = select(Letter.number_text, Letter.issued_at).where(
        Letter.contest_id == contest_id, Letter.number_text != "", Letter.state != LetterState.VOID
    )
    return (await session.exec(query)).all()


async def unfinished_letters(session: AsyncSession, limit: int = 20) -> Sequence[str]:
    """Ids of letters that have a number and no PDF yet: a process died in between."""
    query = select(Letter.letter_id).where(
        Letter.state == LetterState.SIGNED, Letter.sha256 == "", Letter.number_text != ""
    )
    return (await session.exec(query.limit(limit))).all()


async def letter_pdf(session: AsyncSession, letter: Letter) -> bytes | None:
    """The stored PDF of a signed letter."""
    kept = await session.get(LetterFile, (letter.contest_id, letter.letter_id))
    return kept.pdf if kept else None


async def add_step(
    session: AsyncSession, letter: Letter, step: str, by: str, at: datetime, note: str = ""
) -> None:
    """Write down who did what."""
    count = select(func.count()).select_from(LetterStep)
    position = (
        await session.exec(
            count.where(LetterStep.contest_id == letter.contest_id, LetterStep.letter_id == letter.letter_id)
        )
    ).one()
    session.add(
        LetterStep(
            contest_id=letter.contest_id,
            letter_id=letter.letter_id,
            position=position + 1,
            step=step,
            by=by,
            at=at,
            note=note,
        )
    )


async def authors(session: AsyncSession, letter: Letter) -> frozenset[str]:
    """Everyone who drafted, changed or put forward the letter."""
    query = select(LetterStep.by).where(
        LetterStep.contest_id == letter.contest_id,
        LetterStep.letter_id == letter.letter_id,
        col(LetterStep.step).in_((Step.EDIT, Step.SUBMIT)),
    )
    return frozenset({letter.drafted_by, *(await session.exec(query.distinct())).all()})


async def steps(session: AsyncSession, letter: Letter) -> Sequence[LetterStep]:
    """The history of a letter."""
    query = select(LetterStep).where(
        LetterStep.contest_id == letter.contest_id, LetterStep.letter_id == letter.letter_id
    )
    return (await session.exec(query.order_by(col(LetterStep.position)))).all()


async def dispatches(session: AsyncSession, contest_id: str, letter_id: str) -> Sequence[Dispatch]:
    """The addressees of a letter; those whom an office passed it on to are in :mod:`cascade`."""
    query = select(Dispatch).where(
        Dispatch.contest_id == contest_id, Dispatch.letter_id == letter_id, Dispatch.parent_id == ""
    )
    return (await session.exec(query.order_by(col(Dispatch.code)))).all()


async def to_print(session: AsyncSession, contest_id: str) -> Sequence[tuple[Dispatch, Letter]]:
    """The letters' own addressees that wait to be printed, by letter, the oldest first. What an office passed
    on is printed there."""
    query = (
        select(Dispatch, Letter)
        .join(
            Letter,
            (col(Letter.contest_id) == Dispatch.contest_id) & (col(Letter.letter_id) == Dispatch.letter_id),
        )
        .where(
            Dispatch.contest_id == contest_id,
            Dispatch.parent_id == "",
            Dispatch.state == DispatchState.PRINT,
            Letter.state != LetterState.VOID,
        )
    )
    order = (col(Letter.issued_at), col(Letter.letter_id), col(Dispatch.code))
    return (await session.exec(query.order_by(*order))).all()


async def dispatch(session: AsyncSession, dispatch_id: str, *, lock: bool = False) -> Dispatch:
    """One addressee. Raises NotFound."""
    query = select(Dispatch).where(Dispatch.dispatch_id == dispatch_id)
    found = (await session.exec(for_update(query) if lock else query)).first()
    if found is None:
        raise _no_dispatch()
    return found


async def own_dispatch(
    session: AsyncSession, contest_id: str, dispatch_id: str, *, lock: bool = False
) -> Dispatch:
    """One of the addressees that a letter of the contest has itself. Raises NotFound, also for one to whom an
    office passed a letter on."""
    found = await dispatch(session, dispatch_id, lock=lock)
    if found.contest_id != contest_id or found.parent_id:
        raise _no_dispatch()
    return found


def _no_dispatch() -> NotFound:
    return NotFound("ไม่พบผู้รับรายนี้", "There is no such addressee.", field="dispatch_id")


async def dispatch_by_token(session: AsyncSession, token: str, *, lock: bool = False) -> Dispatch:
    """The addressee whose one-time link has ``token``. Raises NotFound."""
    query = select(Dispatch).where(Dispatch.token_sha256 == hashlib.sha256(token.encode()).hexdigest())
    found = (await session.exec(for_update(query) if lock else query)).first() if token else None
    if found is None:
        raise NotFound(
            "ลิงก์นี้ใช้ไม่ได้ โปรดเปิดจากอีเมลฉบับล่าสุด หรือติดต่อหน่วยงานผู้ส่ง",
            "This link is not valid. Open it from the newest mail, or ask the sending office.",
            field="token",
        )
    return found


async def dispatch_counts(session: AsyncSession, contest_id: str) -> dict[str, dict[str, int]]:
    """Letter → dispatch state → how many of its addressees."""
    query = (
        select(Dispatch.letter_id, Dispatch.state, func.count())
        .where(Dispatch.contest_id == contest_id, Dispatch.parent_id == "")
        .group_by(col(Dispatch.letter_id), col(Dispatch.state))
    )
    counts: dict[str, dict[str, int]] = {}
    for letter_id, state, count in (await session.exec(query)).all():
        counts.setdefault(letter_id, {})[state] = count
    return counts


async def cancel_dispatches(session: AsyncSession, letter: Letter) -> None:
    """A void letter goes to nobody any more."""
    await session.execute(
        update(Dispatch)
        .where(
            col(Dispatch.contest_id) == letter.contest_id,
            col(Dispatch.letter_id) == letter.letter_id,
            col(Dispatch.state).in_((DispatchState.READY, DispatchState.PRINT)),
        )
        .values(state=DispatchState.FAILED)
    )


async def requeue_failed(session: AsyncSession, letter: Letter) -> None:
    """What could not be delivered waits to be printed: the address was wrong."""
    await session.execute(
        update(Dispatch)
        .where(
            col(Dispatch.contest_id) == letter.contest_id,
            col(Dispatch.letter_id) == letter.letter_id,
            col(Dispatch.state).in_(LOST),
        )
        .values(state=DispatchState.PRINT)
    )


def progress(counts: Mapping[str, int]) -> tuple[int, int]:
    """(received, all) of a letter's addressees."""
    received = sum(counts.get(state, 0) for state in (DispatchState.ACKNOWLEDGED, DispatchState.PASSED_ON))
    return received, sum(counts.values())
