"""The way down the cascade: whom an office passed a letter on to."""

from collections.abc import Sequence

from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify.domain.letters import DispatchState, LetterState
from services.notify.register_tables import Passing
from services.notify.repository.locking import for_update
from services.notify.tables import Contact, Dispatch, Letter


async def passing(session: AsyncSession, dispatch: Dispatch, *, lock: bool = False) -> Passing | None:
    """The office's own cover letter, as far as it is; None where nothing was begun."""
    query = select(Passing).where(
        Passing.contest_id == dispatch.contest_id, Passing.dispatch_id == dispatch.dispatch_id
    )
    return (await session.exec(for_update(query) if lock else query)).first()


async def passings(session: AsyncSession, contest_id: str, letter_id: str) -> dict[str, Passing]:
    """Dispatch → cover letter, of a letter's whole tree."""
    query = select(Passing).where(Passing.contest_id == contest_id, Passing.letter_id == letter_id)
    return {row.dispatch_id: row for row in (await session.exec(query)).all()}


async def children(session: AsyncSession, dispatch: Dispatch) -> Sequence[Dispatch]:
    """Whom an office passed the letter on to."""
    query = select(Dispatch).where(
        Dispatch.contest_id == dispatch.contest_id, Dispatch.parent_id == dispatch.dispatch_id
    )
    return (await session.exec(query.order_by(col(Dispatch.code)))).all()


async def tree(session: AsyncSession, contest_id: str, letter_id: str) -> Sequence[Dispatch]:
    """Every dispatch of a letter, of all levels, by level and code."""
    query = select(Dispatch).where(Dispatch.contest_id == contest_id, Dispatch.letter_id == letter_id)
    return (await session.exec(query.order_by(col(Dispatch.level), col(Dispatch.code)))).all()


async def waiting(session: AsyncSession, contest_id: str) -> Sequence[Dispatch]:
    """Every office that was sent a letter by e-mail and has not acknowledged it."""
    query = (
        select(Dispatch)
        .join(
            Letter,
            (col(Letter.contest_id) == Dispatch.contest_id) & (col(Letter.letter_id) == Dispatch.letter_id),
        )
        .where(
            Dispatch.contest_id == contest_id,
            or_(col(Dispatch.email) != "", col(Dispatch.contact_id).in_(select(Contact.contact_id))),
            col(Dispatch.sent_at).is_not(None),
            col(Dispatch.posted_at).is_(None),
            col(Dispatch.state).in_((DispatchState.SENT, DispatchState.OPENED)),
            col(Letter.state).in_((LetterState.DISPATCHED, LetterState.ACKNOWLEDGED)),
        )
    )
    return (await session.exec(query.order_by(col(Dispatch.dispatch_id)))).all()
