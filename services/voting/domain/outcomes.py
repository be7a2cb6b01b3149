"""What becomes of a received vote, and who is first.

The rule in one sentence: of the records that precede their partition's seal, the first one of a voter
in a slot counts, and a receipt counts once. Everything else is a duplicate or late; what was counted
can be held, and then struck or released, by a decision that stands beside the log.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum

from shared.contracts.rulebook import VoteScope
from shared.zone import BANGKOK


class Outcome(StrEnum):
    """The answer to "what became of my vote?"."""

    PENDING = "pending"
    COUNTED = "counted"
    DUPLICATE = "duplicate"
    LATE = "late"
    HELD = "held"
    STRUCK = "struck"


@dataclass(frozen=True, slots=True)
class Totals:
    """The numbers of one contest's vote. ``received`` is always the sum of the other five."""

    counted: int = 0
    duplicate: int = 0
    late: int = 0
    held: int = 0
    struck: int = 0

    @property
    def received(self) -> int:
        return self.counted + self.duplicate + self.late + self.held + self.struck

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


@dataclass(frozen=True, slots=True)
class ReceivedVote:
    """One record of the vote log, as far as counting is concerned."""

    partition: int
    offset: int
    slot: str
    voter_id: str
    receipt_id: str
    entry_id: str


def slot_of(scope: VoteScope, category_id: str, now: datetime) -> str:
    """What "once" means for this ballot: the contest, its category, or the day in Bangkok."""
    match scope:
        case VoteScope.CONTEST:
            return ""
        case VoteScope.CATEGORY:
            return category_id
        case VoteScope.DAY:
            return now.astimezone(BANGKOK).date().isoformat()


def judge_votes(votes: Iterable[ReceivedVote], seals: Mapping[int, int]) -> dict[tuple[int, int], Outcome]:
    """The outcome of every record, by (partition, offset): the specification of the tally.

    Args:
        votes: each partition's records in offset order; a record may be delivered more than once.
        seals: the offset of the first seal of each partition that has one.
    """
    outcomes: dict[tuple[int, int], Outcome] = {}
    taken: set[tuple[str, str]] = set()
    receipts: set[str] = set()
    for vote in votes:
        place = (vote.partition, vote.offset)
        if place in outcomes:
            continue
        if vote.offset > seals.get(vote.partition, vote.offset):
            outcomes[place] = Outcome.LATE
        elif (vote.slot, vote.voter_id) in taken or vote.receipt_id in receipts:
            outcomes[place] = Outcome.DUPLICATE
        else:
            taken.add((vote.slot, vote.voter_id))
            receipts.add(vote.receipt_id)
            outcomes[place] = Outcome.COUNTED
    return outcomes


def first_place(counted: Mapping[str, int], withdrawn: frozenset[str]) -> str | None:
    """The entry with most votes among those that stayed; None for a tie or for no votes at all."""
    standing = {entry: votes for entry, votes in counted.items() if entry not in withdrawn and votes > 0}
    best = max(standing.values(), default=0)
    leaders = [entry for entry, votes in standing.items() if votes == best]
    return leaders[0] if len(leaders) == 1 else None
