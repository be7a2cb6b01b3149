"""Who sees totals, and when: one rule for every channel (page, list order, CSV, JSON, stream)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.contracts.rulebook import VotesShown, VotingRules


class VoteState(StrEnum):
    """The life of one contest's vote."""

    NOT_OPEN = "not_open"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"
    CERTIFIED = "certified"


@dataclass(frozen=True, slots=True)
class Disclosure:
    """Whether the public sees totals now, and if not, why, in words for a page."""

    visible: bool
    th: str = ""
    en: str = ""


SHOWN = Disclosure(visible=True)


def totals_for_public(
    rules: VotingRules, state: VoteState, now: datetime, closes_at: datetime | None
) -> Disclosure:
    """What the rulebook decides for people without a staff role."""
    if state is VoteState.CERTIFIED:
        return SHOWN
    if state is VoteState.NOT_OPEN:
        return Disclosure(visible=False, th="ยังไม่เปิดโหวต", en="The vote has not opened yet")
    match rules.totals_shown.value:
        case VotesShown.PUBLIC:
            return SHOWN
        case VotesShown.PUBLIC_UNTIL:
            hours = rules.totals_hidden_last_hours.value
            if state is VoteState.OPEN and closes_at and now < closes_at - timedelta(hours=hours):
                return SHOWN
            return Disclosure(
                visible=False,
                th=f"คะแนนซ่อนไว้ตั้งแต่ {hours} ชั่วโมงก่อนปิดโหวต จนกว่าจะรับรองผล",
                en=f"Totals are hidden from {hours} hours before the close until the result is certified",
            )
        case VotesShown.STAFF:
            return Disclosure(
                visible=False,
                th="คะแนนซ่อนไว้จนกว่าจะรับรองผล",
                en="Totals are hidden until the result is certified",
            )
