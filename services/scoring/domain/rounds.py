"""When a judge's scores of an entry are open.

The first round closes at the due date of its assignments. In the second round the presentation rules:
scores can be submitted from its start, and they lock when its slot ends; a draft may be begun before.
Staff can reopen one judge's door for one entry, with a reason.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.contracts.scoring import Round
from shared.errors import Conflict


class Opening(StrEnum):
    """What a judge can do with a scorecard now."""

    DRAFT_ONLY = "draft_only"
    """The presentation has not begun."""
    OPEN = "open"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True)
class Door:
    """From when on, and until when, scores of one entry by one judge can be submitted."""

    opens_at: datetime | None
    closes_at: datetime

    def opening(self, now: datetime) -> Opening:
        """What is possible at ``now``; the closing instant itself is too late."""
        if now >= self.closes_at:
            return Opening.LOCKED
        if self.opens_at is not None and now < self.opens_at:
            return Opening.DRAFT_ONLY
        return Opening.OPEN


def door(
    scoring_round: Round,
    due_at: datetime,
    *,
    slot: tuple[datetime, datetime] | None = None,
    reopened_until: datetime | None = None,
) -> Door:
    """The door of one scorecard.

    Args:
        slot: start and end of the entry's presentation, where one is scheduled.
        reopened_until: the instant to which staff reopened it.
    """
    opens_at, closes_at = None, due_at
    if scoring_round is Round.SECOND and slot is not None:
        opens_at, closes_at = slot
    if reopened_until is not None:
        closes_at = max(closes_at, reopened_until)
    return Door(opens_at, closes_at)


class ScoresLocked(Conflict):
    """The round, or the presentation's slot, is over."""

    code = "scores-locked"

    def __init__(self) -> None:
        super().__init__(
            "ปิดรับคะแนนของผลงานนี้แล้ว คะแนนที่ส่งไว้ก่อนหน้ายังอยู่ครบ หากจำเป็นต้องแก้ โปรดแจ้งเจ้าหน้าที่ให้เปิดรับอีกครั้ง",
            "Scores of this entry are locked. What you submitted before is kept; ask the staff to reopen it "
            "if it must change.",
        )


class PresentationNotBegun(Conflict):
    """Scores of the second round follow the presentation."""

    code = "presentation-not-begun"

    def __init__(self) -> None:
        super().__init__(
            "ยังไม่ถึงเวลานำเสนอผลงานนี้ บันทึกร่างไว้ก่อนได้ และส่งคะแนนเมื่อเริ่มนำเสนอ",
            "This presentation has not begun. Save a draft now and submit once it has started.",
        )
