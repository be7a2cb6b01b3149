"""What makes a vote suspicious: seven detectors, each a pure function from counts to findings.

A detector looks at the votes of one entry: at what they have in common, and whether the votes for
other entries have it too. Its finding names a trait, and every vote for that entry with that trait gets
the detector's points; a vote is held from the rulebook's ``hold_at`` on. One detector alone never
reaches it by the rules of 2022, so neither a campus behind one address (one network, many programs)
nor a link that everybody shares (a sudden rate, nothing in common) is held.

No function here looks at one person: what few votes have in common is never a finding.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from itertools import combinations
from math import log, log2
from statistics import median
from typing import Self

from services.voting.domain.signals import AgentClass
from shared.contracts.rulebook import FraudRules

ANY_ENTRY = ""
"""A finding about all votes with a trait, whichever entry they are for."""
HISTORY_BUCKETS = 144
"""A day of ten minutes each: what an entry's rate is compared with."""
_LEAST_HISTORY = 6
DISPOSABLE = "disposable"
"""The class of mail domains that give mailboxes away."""
_WEBMAIL = "webmail"


class Detector(StrEnum):
    """The detectors, by what they look at."""

    AGENT = "agent"
    DOMAIN = "domain"
    LOOK_ALIKE = "look_alike"
    NETWORK = "network"
    RATE = "rate"
    ROW = "row"
    TIMING = "timing"


POINTS: Mapping[Detector, int] = {
    Detector.AGENT: 3,
    Detector.DOMAIN: 3,
    Detector.LOOK_ALIKE: 3,
    Detector.NETWORK: 3,
    Detector.ROW: 2,
    Detector.TIMING: 2,
    Detector.RATE: 1,
}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The rulebook's fraud rules as plain numbers; :class:`FraudRules` says what each one means."""

    hold_at: int
    lift: int
    network_votes: int
    network_entropy: int
    agent_votes: int
    domain_votes: int
    domain_percent: int
    look_alike_addresses: int
    look_alike_percent: int
    fast_seconds: int
    fast_votes: int
    rate_votes: int
    rate_factor: int
    row_odds: int | None = None
    people_programs: int | None = None
    people_pace: int | None = None
    people_gaps: int | None = None

    @classmethod
    def of(cls, rules: FraudRules) -> Self:
        """The values of the decisions; a rulebook that is older than a rule has None for it."""
        decisions = {f.name: getattr(rules, f.name) for f in fields(cls)}
        return cls(**{name: decision and decision.value for name, decision in decisions.items()})

    @property
    def detectors(self) -> tuple[Detector, ...]:
        """The detectors that this rulebook has thresholds for."""
        return tuple(d for d in Detector if d is not Detector.ROW or self.row_odds is not None)


@dataclass(frozen=True, slots=True)
class Finding:
    """A trait that is conspicuous among the votes for one entry."""

    detector: Detector
    entry_id: str
    value: str
    """The trait, as the votes carry it."""
    votes: int
    """How many votes had it when it was found."""
    measured: float
    """What was compared with the threshold, in the detector's own unit."""


@dataclass(frozen=True, slots=True)
class Share:
    """How common a trait is among the votes for one entry, and among those for all others."""

    entry_id: str
    value: str
    here: int
    of_here: int
    elsewhere: int
    of_elsewhere: int
    kind: str = ""
    """The class of the program or of the mail domain."""

    @property
    def lift(self) -> float:
        """How many times as common as elsewhere. With few votes elsewhere it stays small: what nobody
        could have is no sign."""
        rate_here = self.here / self.of_here
        rate_elsewhere = (self.elsewhere + 1) / (self.of_elsewhere + 2)
        return rate_here / rate_elsewhere


def agents(shares: Iterable[Share], rules: Thresholds) -> Iterator[Finding]:
    """One program behind many votes: it says it is a script (or says nothing), or is far more common
    here than elsewhere. Shares are within the program's class, so that a link that is shared in one
    app is compared with other votes from apps."""
    scripts = (AgentClass.SCRIPT.value, AgentClass.NONE.value)
    for share in shares:
        if share.here >= rules.agent_votes and (share.kind in scripts or share.lift >= rules.lift):
            yield Finding(Detector.AGENT, share.entry_id, share.value, share.here, round(share.lift, 2))


def domains(shares: Iterable[Share], rules: Thresholds) -> Iterator[Finding]:
    """One mail domain behind many votes; webmail, government and schools are never asked about."""
    for share in shares:
        if share.here >= rules.domain_votes and (share.kind == DISPOSABLE or share.lift >= rules.lift):
            yield Finding(Detector.DOMAIN, share.entry_id, share.value, share.here, round(share.lift, 2))


@dataclass(frozen=True, slots=True)
class NewCodes:
    """How many of an hour's new ballots went to one mail domain."""

    value: str
    """Domain and hour, as the votes carry them."""
    here: int
    of_here: int


def new_codes(hours: Iterable[NewCodes], rules: Thresholds) -> Iterator[Finding]:
    """One mail domain takes a large share of an hour's codes, as when mailboxes are made to vote."""
    for hour in hours:
        percent = 100 * hour.here / hour.of_here
        if hour.here >= rules.domain_votes and percent >= rules.domain_percent:
            yield Finding(Detector.DOMAIN, ANY_ENTRY, hour.value, hour.here, round(percent, 1))


@dataclass(frozen=True, slots=True)
class Network:
    """The votes for one entry from one network, by program, the commonest first."""

    entry_id: str
    network: str
    commonest: str
    by_agent: tuple[int, ...]


def entropy(counts: Sequence[int]) -> float:
    """Shannon entropy of a distribution, in bits: 0 for one program, 5 for 32 equally common ones."""
    total = sum(counts)
    return max(0.0, log2(total) - sum(n * log2(n) for n in counts if n) / total) if total else 0.0


def networks(found: Iterable[Network], rules: Thresholds) -> Iterator[Finding]:
    """Many votes from one network, nearly all by one program. The finding is about that program's
    votes only, so that who else is behind the same address is left alone."""
    for network in found:
        bits = entropy(network.by_agent)
        if sum(network.by_agent) >= rules.network_votes and 100 * bits < rules.network_entropy:
            value = f"{network.network}|{network.commonest}"
            yield Finding(Detector.NETWORK, network.entry_id, value, network.by_agent[0], round(bits, 2))


@dataclass(frozen=True, slots=True)
class Row:
    """Addresses that differ in their last digits only, and how they voted."""

    entry_id: str
    value: str
    here: int
    elsewhere: int
    kind: str = ""
    """The class of their mail domain."""

    @property
    def percent(self) -> float:
        """How many of them chose this entry."""
        return 100 * self.here / (self.here + self.elsewhere)


def look_alikes(rows: Iterable[Row], rules: Thresholds) -> Iterator[Finding]:
    """Numbered addresses that all chose the same entry."""
    for row in rows:
        if _agrees(row, rules):
            yield Finding(Detector.LOOK_ALIKE, row.entry_id, row.value, row.here, round(row.percent, 1))


def _agrees(row: Row, rules: Thresholds) -> bool:
    return row.here >= rules.look_alike_addresses and row.percent >= rules.look_alike_percent


def rows_made(rows: Iterable[Row], webmail: Mapping[str, int], rules: Thresholds) -> Iterator[Finding]:
    """Numbered mailboxes at public providers that agree more than chance lets strangers agree.

    A school numbers its pupils and an employer its staff, so only mailboxes that anybody can open are
    asked about. Chance is the entry's share among the votes from such mailboxes, without those that its
    own rows and other entries' rows agreed on: an entry that everybody votes for has rows that agree, too.
    The few votes of a row that disagree stay in, as votes that nobody arranged.

    Args:
        webmail: votes from public providers, by entry.
    """
    if rules.row_odds is None:
        return
    public = [row for row in rows if row.kind == _WEBMAIL and _agrees(row, rules)]
    others = dict(webmail)
    for row in public:
        others[row.entry_id] = others.get(row.entry_id, 0) - row.here
    everybody = sum(others.values())
    for row in public:
        share = (others.get(row.entry_id, 0) + 1) / (everybody + 2)
        odds = odds_against(row.here, row.here + row.elsewhere, share)
        if odds >= rules.row_odds:
            yield Finding(Detector.ROW, row.entry_id, row.value, row.here, round(odds, 1))


def odds_against(here: int, of: int, share: float) -> float:
    """The power of ten against ``here`` or more ``of`` people choosing what each chooses with
    probability ``share``, at least (Chernoff's bound); 0 where it is no surprise."""
    rate = here / of
    if rate <= share:
        return 0.0
    rest = (1 - rate) * log((1 - rate) / (1 - share)) if rate < 1 else 0.0
    return of * (rate * log(rate / share) + rest) / log(10)


@dataclass(frozen=True, slots=True)
class Fast:
    """The votes for one entry from one network, program or domain, and how many came too fast."""

    entry_id: str
    value: str
    fast: int
    votes: int


def timings(groups: Iterable[Fast], rules: Thresholds) -> Iterator[Finding]:
    """Ballots used sooner than a person can read, in a group that is at least half made of them."""
    for group in groups:
        if group.fast >= rules.fast_votes and 2 * group.fast >= group.votes:
            percent = 100 * group.fast / group.votes
            yield Finding(Detector.TIMING, group.entry_id, group.value, group.fast, round(percent, 1))


def rates(entry_id: str, counts: Sequence[tuple[str, int]], rules: Thresholds) -> Iterator[Finding]:
    """Ten minutes that leave an entry's own history far behind.

    Args:
        counts: votes in every ten minutes from the entry's first vote on, empty ones included, by the
            name of the ten minutes.
    """
    votes = [count for _, count in counts]
    for position, (bucket, count) in enumerate(counts):
        history = votes[max(0, position - HISTORY_BUCKETS) : position]
        if len(history) < _LEAST_HISTORY or count < rules.rate_votes:
            continue
        factor = count / max(1.0, median(history))
        if factor >= rules.rate_factor:
            yield Finding(Detector.RATE, entry_id, bucket, count, round(factor, 1))


def points(detectors: Iterable[Detector]) -> int:
    """What these detectors give a vote together; each counts once."""
    return sum(POINTS[detector] for detector in set(detectors))


def essential(detectors: Iterable[Detector], hold_at: int) -> tuple[Detector, ...]:
    """The detectors that a case is named after: without the weakest, as long as the others suffice."""
    kept = sorted(set(detectors), key=lambda detector: (POINTS[detector], detector))
    while len(kept) > 1 and points(kept[1:]) >= hold_at:
        kept.pop(0)
    return tuple(sorted(kept))


def named(detectors: Iterable[Detector]) -> str:
    """``agent+network``: detectors in alphabetical order."""
    return "+".join(sorted(detectors))


def read_names(text: str) -> tuple[Detector, ...]:
    """The detectors that :func:`named` wrote."""
    return tuple(Detector(name) for name in text.split("+"))


def holding_sets(hold_at: int) -> frozenset[str]:
    """Every set of detectors that holds a vote, as :func:`named` writes it."""
    return frozenset(
        named(chosen)
        for size in range(1, len(Detector) + 1)
        for chosen in combinations(Detector, size)
        if points(chosen) >= hold_at
    )
