"""Who judges what: the required number of judges for every entry, spread as evenly as can be.

Every entry is first given to the eligible judges with the least to do. Then, as long as a judge with
at least two more entries than another can hand one down a chain of judges to that other, it does.
When no such chain is left the spread is the best there is: the theory of semi-matchings (Harvey,
Ladner, Lovász, Tamir 2003) proves that the sum of the squared loads, and with it the largest load,
is then at its minimum. The same input gives the same answer, in whatever order it comes.
"""

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from shared.contracts.ids import CategoryId, EntryId, JudgeId

Pair = tuple[JudgeId, EntryId]


@dataclass(frozen=True, slots=True)
class Expert:
    """A judge who can be given entries."""

    judge_id: JudgeId
    category_ids: frozenset[CategoryId]
    """Where the expertise lies; empty = everywhere."""

    def judges(self, category_id: CategoryId) -> bool:
        """Whether entries of that category are the judge's to score."""
        return not self.category_ids or category_id in self.category_ids


@dataclass(frozen=True, slots=True)
class Plan:
    """The assignments of one round."""

    pairs: frozenset[Pair]
    short: Mapping[EntryId, int]
    """How many judges an entry still lacks; entries with enough are not in it."""

    def of(self, judge_id: JudgeId) -> frozenset[EntryId]:
        """The entries of one judge."""
        return frozenset(entry_id for judge, entry_id in self.pairs if judge == judge_id)


def assign(
    entries: Mapping[EntryId, CategoryId],
    experts: Iterable[Expert],
    *,
    per_entry: int,
    conflicts: Collection[Pair] = (),
    kept: Collection[Pair] = (),
) -> Plan:
    """Give every entry ``per_entry`` judges.

    Args:
        conflicts: pairs that must never meet.
        kept: pairs that stay as they are, because a score was begun or nothing should move; a kept
            pair that is a conflict, or whose entry or judge is gone, is dropped. Keeping more than
            ``per_entry`` judges of one entry is allowed: nothing is taken from a judge.
    """
    judges = {expert.judge_id: expert for expert in sorted(experts, key=lambda e: e.judge_id)}
    barred = frozenset(conflicts)
    fixed = {pair for pair in kept if pair[0] in judges and pair[1] in entries and pair not in barred}
    eligible = {
        entry_id: [
            judge_id
            for judge_id, expert in judges.items()
            if expert.judges(category_id) and (judge_id, entry_id) not in barred
        ]
        for entry_id, category_id in sorted(entries.items())
    }
    seats = _Seats(judges, fixed)
    short: dict[EntryId, int] = {}
    for entry_id in sorted(eligible, key=lambda e: (len(eligible[e]), e)):
        wanted = max(0, per_entry - len(seats.on(entry_id)))
        free = [judge_id for judge_id in eligible[entry_id] if judge_id not in seats.on(entry_id)]
        free.sort(key=lambda judge_id: (seats.load(judge_id), _lot(entry_id, judge_id)))
        for judge_id in free[:wanted]:
            seats.add(judge_id, entry_id)
        if len(free) < wanted:
            short[entry_id] = wanted - len(free)
    while _even_out(seats, eligible, fixed):
        pass
    return Plan(frozenset(seats.pairs()), short)


class _Seats:
    """The assignments while they are being made, seen from both sides."""

    def __init__(self, judges: Iterable[JudgeId], pairs: Iterable[Pair]) -> None:
        self._entries: dict[JudgeId, set[EntryId]] = {judge_id: set() for judge_id in judges}
        self._judges: dict[EntryId, set[JudgeId]] = {}
        for judge_id, entry_id in pairs:
            self.add(judge_id, entry_id)

    def add(self, judge_id: JudgeId, entry_id: EntryId) -> None:
        self._entries[judge_id].add(entry_id)
        self._judges.setdefault(entry_id, set()).add(judge_id)

    def hand_over(self, giver: JudgeId, entry_id: EntryId, taker: JudgeId) -> None:
        self._entries[giver].remove(entry_id)
        self._judges[entry_id].remove(giver)
        self.add(taker, entry_id)

    def on(self, entry_id: EntryId) -> Collection[JudgeId]:
        return self._judges.get(entry_id, ())

    def of(self, judge_id: JudgeId) -> list[EntryId]:
        return sorted(self._entries[judge_id])

    def load(self, judge_id: JudgeId) -> int:
        return len(self._entries[judge_id])

    def by_load(self) -> list[JudgeId]:
        return sorted(self._entries, key=lambda judge_id: (-self.load(judge_id), judge_id))

    def pairs(self) -> Iterable[Pair]:
        return ((judge_id, entry_id) for judge_id, mine in self._entries.items() for entry_id in mine)


def _even_out(seats: _Seats, eligible: Mapping[EntryId, list[JudgeId]], fixed: Collection[Pair]) -> bool:
    """Hand one entry down one chain from a busier to an idler judge. False when nothing can improve."""
    for busy in seats.by_load():
        came_from: dict[JudgeId, tuple[JudgeId, EntryId]] = {}
        queue = deque([busy])
        while queue:
            giver = queue.popleft()
            for entry_id in seats.of(giver):
                if (giver, entry_id) in fixed:
                    continue
                for taker in eligible[entry_id]:
                    if taker == busy or taker in came_from or taker in seats.on(entry_id):
                        continue
                    came_from[taker] = (giver, entry_id)
                    if seats.load(taker) <= seats.load(busy) - 2:
                        _walk_back(seats, busy, taker, came_from)
                        return True
                    queue.append(taker)
    return False


def _walk_back(
    seats: _Seats, busy: JudgeId, idle: JudgeId, came_from: Mapping[JudgeId, tuple[JudgeId, EntryId]]
) -> None:
    taker = idle
    while taker != busy:
        giver, entry_id = came_from[taker]
        seats.hand_over(giver, entry_id, taker)
        taker = giver


def _lot(entry_id: EntryId, judge_id: JudgeId) -> bytes:
    """A fixed lot that mixes the judges, so that the same ones do not always sit together."""
    return blake2b(f"{entry_id}|{judge_id}".encode(), digest_size=8).digest()
