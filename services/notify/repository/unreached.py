"""Mails that reached nobody and that nobody has taken care of; letters have a print queue of their own."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify.domain.notices import UNDELIVERED
from services.notify.repository.locking import for_update
from services.notify.tables import Notice
from shared.contracts.notify import Channel


def _waiting(contest_id: str) -> list[ColumnElement[bool]]:
    return [
        col(Notice.contest_id) == contest_id,
        col(Notice.state).in_(UNDELIVERED),
        col(Notice.handled_by) == "",
        col(Notice.channel) == Channel.EMAIL,
        col(Notice.contact_id).is_not(None),
        ~col(Notice.recipient).startswith("dispatch:"),
    ]


async def oldest(session: AsyncSession, contest_id: str, limit: int) -> Sequence[Notice]:
    """The ``limit`` that have waited longest, the oldest first."""
    query = (
        select(Notice).where(*_waiting(contest_id)).order_by(col(Notice.created_at), col(Notice.notice_id))
    )
    return (await session.exec(query.limit(limit))).all()


async def locked(session: AsyncSession, contest_id: str, notice_ids: Sequence[str]) -> Sequence[Notice]:
    """Those of the notices that still wait once they are locked, in the order of ``notices.locked``."""
    query = (
        select(Notice)
        .where(*_waiting(contest_id), col(Notice.notice_id).in_(notice_ids))
        .order_by(col(Notice.contest_id), col(Notice.notice_id))
    )
    return (await session.exec(for_update(query))).all()
