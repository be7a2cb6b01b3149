"""Who did what to a notice, and when; and what a review decides of many at once."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify.domain.notices import NoticeState
from services.notify.repository.notices import Key
from services.notify.sending_tables import NoticeStep
from services.notify.tables import Notice
from shared.contracts.ids import new_id

_DECIDE = text(
    """
    WITH decided AS (
        UPDATE notice SET state = :state, reviewed_by = :by, reviewed_at = CAST(:now AS timestamptz),
            next_attempt_at = clock_timestamp()
        WHERE notice_id = ANY(CAST(:ids AS varchar[])) AND state = 'review'
        RETURNING contest_id, notice_id)
    INSERT INTO notice_step (contest_id, step_id, notice_id, step, by, at, note)
    SELECT contest_id, CAST(gen_random_uuid() AS varchar), notice_id, :step, :by, CAST(:now AS timestamptz),
        :note
    FROM decided RETURNING notice_id
    """
)


async def decide(
    session: AsyncSession,
    keys: Sequence[Key],
    state: NoticeState,
    step: str,
    by: str,
    now: datetime,
    note: str,
) -> int:
    """Approve or discard what waits for a review, with who and when. Returns how many did wait."""
    values = {
        "ids": [notice_id for _, notice_id in keys],
        "state": state.value,
        "step": step,
        "by": by,
        "now": now,
        "note": note[:500],
    }
    return len((await session.execute(_DECIDE, values)).all())


async def add_step(
    session: AsyncSession, notice: Notice, step: str, by: str, at: datetime, note: str = ""
) -> None:
    """Write down who did what to a notice."""
    session.add(
        NoticeStep(
            contest_id=notice.contest_id,
            step_id=new_id(),
            notice_id=notice.notice_id,
            step=step,
            by=by,
            at=at,
            note=note[:500],
        )
    )


async def steps(session: AsyncSession, contest_id: str, notice_id: str) -> Sequence[NoticeStep]:
    """What was done to a notice, in order."""
    query = select(NoticeStep).where(NoticeStep.contest_id == contest_id, NoticeStep.notice_id == notice_id)
    return (await session.exec(query.order_by(col(NoticeStep.at), col(NoticeStep.step_id)))).all()
