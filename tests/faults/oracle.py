"""The judge of every fault test: what the clients were told, held against everything the system holds.

It is told nothing by the code under test. From the clients' history and the bare records of the log it
works out what must be counted, and compares rows, counters, receipts and the auditor's recount with
that. Two kinds of finding are the ones that a vote must never show, lost and counted twice; whatever
else does not add up is a contradiction.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tests.faults.history import Answer, Attempt

Place = tuple[int, int]
"""Partition and offset."""


class Kind(StrEnum):
    LOST = "lost"
    TWICE = "counted twice"
    CONTRADICTION = "contradiction"


@dataclass(frozen=True, slots=True)
class Finding:
    kind: Kind
    what: str

    def __str__(self) -> str:
        return f"{self.kind.value}: {self.what}"


@dataclass(frozen=True, slots=True)
class Record:
    """A vote as it lies on the log, or as the tally's row repeats it."""

    voter: str
    slot: str
    entry: str
    receipt: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the tally: a vote that counts, or does no longer."""

    record: Record
    state: str


@dataclass(frozen=True, slots=True)
class Uncounted:
    """A row of a vote that never counted."""

    receipt: str
    outcome: str


@dataclass(slots=True)
class Holdings:
    """What the system holds of one contest, all at one moment."""

    log: Mapping[Place, Record]
    """Every vote on the log, in offset order within each partition."""
    seals: Mapping[int, int] = field(default_factory=dict)
    """The first seal of each partition that has one, as the log has it."""
    rows: Sequence[tuple[Place, Row]] = ()
    """As the table has them: a planted bug can leave two at one place."""
    uncounted: Sequence[tuple[Place, Uncounted]] = ()
    entry_counts: Mapping[str, int] = field(default_factory=dict)
    totals: Mapping[str, int] = field(default_factory=dict)
    recount: Mapping[str, int] = field(default_factory=dict)
    recounted_entries: Mapping[str, int] = field(default_factory=dict)
    recount_findings: Sequence[str] = ()
    receipts: Mapping[str, str] = field(default_factory=dict)
    """What the api says of receipts that were asked for."""


def judge(history: Sequence[Attempt], held: Holdings) -> list[Finding]:
    """Everything that is wrong; empty when every account agrees and every promise was kept."""
    return [
        *_promises(history, held),
        *_strangers(history, held),
        *_rows_follow_the_log(held),
        *_counted_once(held),
        *_counters(held),
        *_recount(held),
        *_receipts(held),
    ]


def must_count(held: Holdings) -> dict[Place, Record]:
    """The records that count: before their partition's seal, the first of a voter in a slot, with a
    receipt that was not there before. A voter's records lie in one partition, in order."""
    taken: set[tuple[str, str]] = set()
    receipts: set[str] = set()
    counting = {}
    for place, record in sorted(held.log.items()):
        behind = place[0] in held.seals and place[1] > held.seals[place[0]]
        if behind or (record.voter, record.slot) in taken or record.receipt in receipts:
            continue
        taken.add((record.voter, record.slot))
        receipts.add(record.receipt)
        counting[place] = record
    return counting


def _promises(history: Sequence[Attempt], held: Holdings) -> Iterator[Finding]:
    """A receipt was given only for what is on the log, and it is the receipt of that vote."""
    on_log = {(record.voter, record.entry, record.receipt) for record in held.log.values()}
    for attempt in history:
        if attempt.answer is not Answer.OK:
            continue
        if attempt.said != attempt.receipt:
            yield Finding(Kind.CONTRADICTION, f"{attempt.receipt} was answered with {attempt.said}")
        if (attempt.voter, attempt.entry, attempt.receipt) not in on_log:
            yield Finding(Kind.LOST, f"{attempt.receipt} was accepted and is not on the log")


def _strangers(history: Sequence[Attempt], held: Holdings) -> Iterator[Finding]:
    """Nothing is on the log that nobody sent, or that was refused every time."""
    possible = {
        (attempt.voter, attempt.entry, attempt.receipt)
        for attempt in history
        if attempt.answer is not Answer.REFUSED
    }
    for place, record in held.log.items():
        if (record.voter, record.entry, record.receipt) not in possible:
            yield Finding(Kind.CONTRADICTION, f"{record.receipt} at {place} was refused, or sent by nobody")


def _rows_follow_the_log(held: Holdings) -> Iterator[Finding]:
    counting = must_count(held)
    rows = {place: row.record for place, row in held.rows}
    for place in counting.keys() - rows.keys():
        yield Finding(Kind.LOST, f"{counting[place].receipt} at {place} counts and has no row")
    for place, record in rows.items():
        if held.log.get(place) != record:
            yield Finding(Kind.CONTRADICTION, f"the row of {place} is not the log's record")
    others = dict(held.uncounted)
    for place, record in held.log.items():
        if place in counting:
            if place in others:
                yield Finding(Kind.CONTRADICTION, f"{record.receipt} at {place} counts and is uncounted too")
            continue
        late = place[0] in held.seals and place[1] > held.seals[place[0]]
        expected = Uncounted(record.receipt, "late" if late else "duplicate")
        if others.get(place) != expected:
            yield Finding(Kind.LOST if place not in rows else Kind.CONTRADICTION,
                          f"{place} should read {expected}, reads {others.get(place)}")  # fmt: skip


def _counted_once(held: Holdings) -> Iterator[Finding]:
    rows_of_voter: dict[tuple[str, str], list[Place]] = defaultdict(list)
    for place, row in held.rows:
        rows_of_voter[row.record.voter, row.record.slot].append(place)
    for voter, places in rows_of_voter.items():
        if len(places) > 1:
            yield Finding(Kind.TWICE, f"{voter[0]} has rows at {sorted(places)}")
    counting = must_count(held)
    for place, row in held.rows:
        if place not in counting and len(rows_of_voter[row.record.voter, row.record.slot]) == 1:
            yield Finding(Kind.CONTRADICTION, f"{row.record.receipt} at {place} has a row and must not count")
            break


def _counters(held: Holdings) -> Iterator[Finding]:
    """The numbers that people see are the ones that follow from the log."""
    counting = must_count(held)
    states = {place: row.state for place, row in held.rows}
    stand = {place: states.get(place, "counted") for place in counting}
    outcomes = Counter(stand.values())
    late = sum(place[0] in held.seals and place[1] > held.seals[place[0]] for place in held.log)
    expected = {name: outcomes[name] for name in ("counted", "held", "struck")}
    expected |= {"late": late, "duplicate": len(held.log) - len(counting) - late, "received": len(held.log)}
    yield from _differences("the total of", held.totals, expected)
    by_entry = Counter(counting[place].entry for place, state in stand.items() if state == "counted")
    yield from _differences("the counter of", held.entry_counts, by_entry)


def _recount(held: Holdings) -> Iterator[Finding]:
    for finding in held.recount_findings:
        yield Finding(Kind.CONTRADICTION, f"recount: {finding}")
    for name, number in held.recount.items():
        if number != held.totals.get(name):
            yield Finding(Kind.CONTRADICTION, f"{name}: recount {number}, tally {held.totals.get(name)}")
    if dict(held.recounted_entries) != {e: n for e, n in held.entry_counts.items() if n}:
        yield Finding(Kind.CONTRADICTION, "the recount has other totals of entries")


def _receipts(held: Holdings) -> Iterator[Finding]:
    """A receipt reads the best that became of its records: a retry is no second vote."""
    expected = {row.receipt: row.outcome for _, row in held.uncounted}
    expected |= {row.record.receipt: row.state for _, row in held.rows}
    for receipt, status in held.receipts.items():
        if status != expected.get(receipt):
            yield Finding(Kind.CONTRADICTION, f"{receipt} reads {status}, not {expected.get(receipt)}")


def _differences(what: str, found: Mapping[str, int], expected: Mapping[str, int]) -> Iterator[Finding]:
    for name in sorted({*found, *expected}):
        have, want = found.get(name, 0), expected.get(name, 0)
        if have < want:
            yield Finding(Kind.LOST, f"{what} {name} is {have}, not {want}")
        elif have > want:
            yield Finding(Kind.TWICE, f"{what} {name} is {have}, not {want}")
