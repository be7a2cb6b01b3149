"""What the demo will do and what must come of it, worked out from the seed alone.

Nothing here asks the system: the expected figures stand before it starts.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from random import Random

from services.demo.story import StoryEntry

CONTEST = "smart-city-2022"
PROVINCES = 77
JUDGES = 9
JUDGES_PER_ENTRY = 3
SHORTLIST_PER_CATEGORY = 3
BRIEFING = 60
BRIEFING_CANCELLED = 3
DIMENSIONS: Mapping[str, int] = {"origin": 10, "solution": 30, "evidence": 40, "sustainability": 20}
MINIMUM_TOTAL = 60

Card = Mapping[str, int]
"""One judge's points by dimension."""


@dataclass(frozen=True, slots=True)
class PlannedVote:
    """One voter of the demo. ``again`` is a second ballot of the same voter, which must not count."""

    choice: int
    """The entry's number in the story."""
    by_mail: bool
    """Through a code by e-mail; the others use ballots of the rehearsal."""
    again: int | None = None
    same_key: bool = False
    """The second ballot is a retry with the same key, and gets the same receipt."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole course of the contest for one seed."""

    seed: int
    entries: tuple[StoryEntry, ...]
    first_round: Mapping[int, tuple[Card, ...]]
    second_round: Mapping[int, tuple[Card, ...]]
    shortlist: Mapping[str, tuple[int, ...]]
    """By category, best first."""
    winners: Mapping[str, int]
    votes: tuple[PlannedVote, ...]
    popular: int
    representatives: frozenset[int]
    """Numbers of the briefing's guests who send somebody."""

    @property
    def finalists(self) -> tuple[int, ...]:
        return tuple(number for numbers in self.shortlist.values() for number in numbers)

    def fates(self) -> Counter[str]:
        """How many entries meet each fate."""
        return Counter(entry.fate for entry in self.entries)

    def steps(self) -> Counter[str]:
        """How many entries are amended or returned on their way."""
        return Counter(entry.step for entry in self.entries if entry.step)

    def votes_by_entry(self) -> Counter[int]:
        """The count that must be found, by the entry's number."""
        return Counter(vote.choice for vote in self.votes)

    @property
    def duplicates(self) -> int:
        return sum(vote.again is not None for vote in self.votes)

    @property
    def winning_entries(self) -> int:
        """How many entries won something: the popular award may go to one that won its category."""
        return len({*self.winners.values(), self.popular})

    @property
    def certificates(self) -> int:
        """One for each award, and one for each finalist that won nothing."""
        won = {*self.winners.values(), self.popular}
        return len(self.winners) + 1 + len(set(self.finalists) - won)

    @property
    def by_mail(self) -> int:
        return sum(vote.by_mail for vote in self.votes)


def make_plan(entries: Sequence[StoryEntry], *, seed: int, votes: int) -> Plan:
    """The plan of ``seed`` with ``votes`` ballots sent, duplicates included."""
    accepted = [entry for entry in entries if entry.fate == "accepted"]
    first = _round(Random(f"{seed}/first"), accepted, low=58, high=88)  # noqa: S311
    shortlist = {
        category: ranked[:SHORTLIST_PER_CATEGORY] for category, ranked in _ranked(accepted, first).items()
    }
    finalists = [entry for entry in accepted if entry.number in shortlist[entry.category]]
    second = _round(Random(f"{seed}/second"), finalists, low=66, high=94)  # noqa: S311
    winners = {category: ranked[0] for category, ranked in _ranked(finalists, second).items()}
    planned = _votes(Random(f"{seed}/votes"), [entry.number for entry in finalists], votes)  # noqa: S311
    counted = Counter(vote.choice for vote in planned)
    return Plan(
        seed=seed,
        entries=tuple(entries),
        first_round=first,
        second_round=second,
        shortlist=shortlist,
        winners=winners,
        votes=planned,
        popular=counted.most_common(1)[0][0],
        representatives=frozenset(Random(f"{seed}/briefing").sample(range(BRIEFING), 14)),  # noqa: S311
    )


def _round(
    random: Random, entries: Sequence[StoryEntry], *, low: int, high: int
) -> dict[int, tuple[Card, ...]]:
    """Three cards for each entry; sums within a category differ, so no tie-break decides."""
    cards: dict[int, tuple[Card, ...]] = {}
    taken: dict[str, set[int]] = defaultdict(set)
    for entry in entries:
        while True:
            aim = random.randint(low, high)
            three = tuple(_card(random, aim + random.randint(-4, 4)) for _ in range(JUDGES_PER_ENTRY))
            total = sum(sum(card.values()) for card in three)
            if total not in taken[entry.category] and total >= MINIMUM_TOTAL * JUDGES_PER_ENTRY:
                break
        taken[entry.category].add(total)
        cards[entry.number] = three
    return cards


def _card(random: Random, aim: int) -> Card:
    """Points of one judge whose total is near ``aim`` of 100."""
    return {
        name: min(full, max(0, round(full * aim / 100) + random.randint(-1, 1)))
        for name, full in DIMENSIONS.items()
    }


def _ranked(entries: Sequence[StoryEntry], cards: Mapping[int, Sequence[Card]]) -> dict[str, tuple[int, ...]]:
    means = {
        number: Fraction(sum(sum(card.values()) for card in three), len(three))
        for number, three in cards.items()
    }
    by_category: dict[str, list[int]] = defaultdict(list)
    for entry in entries:
        by_category[entry.category].append(entry.number)
    ranked = {
        category: tuple(sorted(numbers, key=lambda number: -means[number]))
        for category, numbers in by_category.items()
    }
    for numbers in ranked.values():
        if any(means[one] == means[other] for one, other in pairwise(numbers)):
            raise AssertionError("the plan must not need a tie-break")
    return ranked


def _votes(random: Random, finalists: Sequence[int], total: int) -> tuple[PlannedVote, ...]:
    """``total`` ballots: about three in a hundred are a voter's second."""
    duplicates = max(2, round(total * 0.03))
    voters = total - duplicates
    weights = [random.paretovariate(1.4) for _ in finalists]
    choices = random.choices(finalists, weights, k=voters)
    by_mail = set(random.sample(range(voters), min(200, voters // 10)))
    twice = set(random.sample(sorted(set(range(voters)) - by_mail), duplicates))
    planned = [
        PlannedVote(
            choice=choice,
            by_mail=number in by_mail,
            again=random.choice(finalists) if number in twice else None,
        )
        for number, choice in enumerate(choices)
    ]
    _part_the_leaders(planned)
    return tuple(_with_retries(planned))


def _part_the_leaders(votes: list[PlannedVote]) -> None:
    """Give the first place a clear lead, so that the popular award needs no committee."""
    (first, most), (second, runner_up) = Counter(vote.choice for vote in votes).most_common(2)
    for place, vote in enumerate(votes):
        if most - runner_up >= 2:
            return
        if vote.choice == second:
            votes[place] = PlannedVote(first, vote.by_mail, vote.again)
            most, runner_up = most + 1, runner_up - 1


def _with_retries(votes: Sequence[PlannedVote]) -> list[PlannedVote]:
    """Every second repeated ballot is a client's retry: the same choice under the same key."""
    result, seen = [], 0
    for vote in votes:
        if vote.again is not None:
            seen += 1
            if seen % 2:
                vote = PlannedVote(vote.choice, vote.by_mail, vote.choice, same_key=True)
        result.append(vote)
    return result
