"""What a judge has to do: the assigned entries of a round, and how far each is."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from services.scoring.domain.rounds import Opening, door
from services.scoring.handlers.assignments import is_decided
from services.scoring.handlers.scores import Desk
from services.scoring.repository import decisions, entries, judges, scores
from services.scoring.tables import EntryState, Judge, Score
from shared.clock import Clock
from shared.contracts.ids import ContactId, ContestId
from shared.contracts.scoring import Round
from shared.errors import Forbidden

__all__ = ["Desk", "Queue", "QueueItem", "invited_judge", "own_queue"]


@dataclass(frozen=True, slots=True)
class QueueItem:
    """One entry of the queue."""

    desk: Desk
    score: Score | None
    opening: Opening

    @property
    def submitted(self) -> bool:
        """Whether a submitted score is in force."""
        return self.score is not None and self.score.submitted_points is not None

    @property
    def changed_since(self) -> bool:
        """Whether the draft differs from what was submitted."""
        return (
            self.submitted
            and self.score is not None
            and (
                self.score.submitted_points != self.score.points
                or self.score.submitted_comments != self.score.comments
            )
        )


@dataclass(frozen=True, slots=True)
class Queue:
    """A judge's work in one round."""

    judge: Judge
    round: Round
    items: Sequence[QueueItem]


async def invited_judge(session: AsyncSession, contest_id: ContestId, by: ContactId) -> Judge:
    """The asker as a judge of the contest.

    Raises:
        Forbidden: nobody invited them.
    """
    judge = await judges.judge_of(session, contest_id, by)
    if judge is None:
        raise Forbidden(
            "คุณยังไม่ได้รับเชิญเป็นกรรมการของการประกวดนี้ หากควรได้รับ โปรดติดต่อเจ้าหน้าที่",
            "You were not invited to judge this contest; ask the staff if you should be.",
        )
    return judge


async def own_queue(
    session: AsyncSession, clock: Clock, contest_id: ContestId, by: ContactId, scoring_round: Round
) -> Queue:
    """The judge's entries of a round, the presentations' order first, else by reference.

    Raises:
        Forbidden: not a judge of this contest.
    """
    judge = await invited_judge(session, contest_id, by)
    now = await clock.now(session, contest_id)
    rows = await judges.assignments(
        session, contest_id, scoring_round=scoring_round.value, judge_id=judge.judge_id
    )
    found = await entries.entries(session, contest_id, [row.entry_id for row in rows])
    by_id = {entry.entry_id: entry for entry in found}
    slots = {slot.entry_id: slot for slot in await decisions.slots(session, contest_id)}
    cards = {
        score.entry_id: score
        for score in await scores.scores(
            session, contest_id, scoring_round=scoring_round.value, judge_id=judge.judge_id
        )
    }
    decided = await is_decided(session, contest_id, scoring_round)
    items = []
    for row in rows:
        entry = by_id.get(row.entry_id)
        if entry is None or entry.state != EntryState.ACCEPTED:
            continue
        slot = slots.get(row.entry_id)
        opening = door(
            scoring_round,
            row.due_at,
            slot=(slot.starts_at, slot.ends_at) if slot else None,
            reopened_until=row.reopened_until,
        )
        state = Opening.LOCKED if decided else opening.opening(now)
        items.append(QueueItem(Desk(judge, entry, row, opening), cards.get(row.entry_id), state))
    items.sort(key=lambda item: (_starts(item), item.desk.entry.reference))
    return Queue(judge, scoring_round, items)


def _starts(item: QueueItem) -> float:
    opens_at = item.desk.door.opens_at
    return opens_at.timestamp() if opens_at else 0.0
