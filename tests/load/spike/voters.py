"""The crowd of Vote Spike: who votes for what, who votes twice, and who sends nonsense.

One stream of attempts, the same for every contender: of the votes a tenth are repetitions, half of
them the same request again at once (a double click), half of them a later second choice (which
must not count); one request in a hundred is for an entry that is not on the ballot.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

ENTRIES = 12
ZIPF = 1.1
REPEATED = 0.10
INVALID = 0.01
LATE_AFTER = 2_000
"""A second choice comes at least so many attempts behind the first: behind every request in flight."""
_NOT_ON_BALLOT = -1


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request. ``choice`` is the number of an entry, or -1 where there is no such entry."""

    voter: int
    choice: int
    key: str

    @property
    def valid(self) -> bool:
        return self.choice != _NOT_ON_BALLOT


def attempts(seed: int, voters: int) -> Iterator[Attempt]:
    """Every attempt of ``voters`` voters, in the order in which they are sent."""
    chance = random.Random(seed)
    weights = list(accumulate(1 / (rank + 1) ** ZIPF for rank in range(ENTRIES)))
    entries = range(ENTRIES)

    def choose() -> int:
        return chance.choices(entries, cum_weights=weights)[0]

    per_voter = REPEATED / (1 - REPEATED) / 2
    recent: list[int] = []
    sent = 0
    for voter in range(voters):
        attempt = Attempt(voter, choose(), f"first-{voter:07d}")
        yield attempt
        sent += 1
        recent.append(voter)
        if chance.random() < per_voter:
            yield attempt
            sent += 1
        if chance.random() < per_voter and len(recent) > LATE_AFTER:
            yield Attempt(recent[chance.randrange(len(recent) - LATE_AFTER)], choose(), f"again-{sent:07d}")
            sent += 1
        if chance.random() < INVALID / (1 - REPEATED):
            yield Attempt(voter, _NOT_ON_BALLOT, f"wrong-{sent:07d}")
            sent += 1


@dataclass(frozen=True, slots=True)
class Expected:
    """What a store must hold after a prefix of the stream was sent."""

    first_choice: dict[int, int]
    valid: int
    invalid: int


def expected_of(sent: list[Attempt]) -> Expected:
    """The first choice of each voter in ``sent``, and how many of them were votes at all."""
    first: dict[int, int] = {}
    valid = 0
    for attempt in sent:
        if attempt.valid:
            valid += 1
            first.setdefault(attempt.voter, attempt.choice)
    return Expected(first, valid, len(sent) - valid)
