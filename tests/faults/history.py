"""What the voters' clients remember: each request, and whether it was ok, refused or unknown."""

from dataclasses import dataclass, field
from enum import StrEnum


class Answer(StrEnum):
    """What a client may conclude from what came back, or did not."""

    OK = "ok"
    """202 with a receipt: the vote is on the log, or the promise is broken."""
    REFUSED = "refused"
    """Told that nothing was taken, or nothing was ever sent."""
    UNKNOWN = "unknown"
    """No answer, a torn one, or "may have been recorded": it is on the log, or it is not."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request of one voter."""

    voter: str
    """The voter's id on the log."""
    entry: str
    receipt: str
    """What the receipt of this voter, key and choice has to be."""
    answer: Answer
    said: str
    """The receipt that came back, or why there was none."""
    seconds: float


@dataclass(slots=True)
class History:
    """Every request of one vote, from all clients."""

    attempts: list[Attempt] = field(default_factory=list)

    def count(self, answer: Answer) -> int:
        """How many requests were answered so."""
        return sum(attempt.answer is answer for attempt in self.attempts)

    def __str__(self) -> str:
        return ", ".join(f"{self.count(answer)} {answer.value}" for answer in Answer)
