"""Whether the votes from one mail domain differ as people differ: the staff of an office, not its script.

An office that votes for its own city in its lunch hour shares everything that an attack shares: one
domain, one address, the same hour, machines that were bought together. What its people do not share is
themselves: some vote on their own phones, some in five seconds and some in two minutes, some together
after the meal. A program has to imitate all three to pass, and the other detectors still look at it.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from services.voting.domain.detectors import Detector, Finding, Thresholds, entropy


@dataclass(frozen=True, slots=True)
class Colleagues:
    """The votes of one mail domain, or of one hour of it, as a crowd."""

    entry_id: str
    value: str
    """The domain finding's trait."""
    by_program: tuple[int, ...]
    quick: float
    """Seconds between ballot and vote that the quickest tenth stays below."""
    slow: float
    """Seconds that the slowest tenth exceeds."""
    mean_gap: float
    """Seconds from one vote to the next."""
    gap_deviation: float
    """Standard deviation of the gaps, in seconds."""


def differ_as_people(crowd: Colleagues, rules: Thresholds) -> bool:
    """Whether programs, pace and gaps all vary as much as the rulebook expects of people."""
    if rules.people_programs is None or rules.people_pace is None or rules.people_gaps is None:
        return False
    return (
        sum(crowd.by_program) >= rules.domain_votes
        and 100 * entropy(crowd.by_program) >= rules.people_programs
        and 10 * crowd.slow >= rules.people_pace * max(1.0, crowd.quick)
        and crowd.mean_gap > 0
        and 100 * crowd.gap_deviation >= rules.people_gaps * crowd.mean_gap
    )


def without_people(
    found: Iterable[Finding], disposable: Collection[str], crowds: Iterable[Colleagues], rules: Thresholds
) -> Iterator[Finding]:
    """The findings about mail domains that no crowd of people explains.

    Args:
        disposable: domains that give mailboxes away, which no office has.
    """
    people = {(crowd.entry_id, crowd.value) for crowd in crowds if differ_as_people(crowd, rules)}
    for finding in found:
        explained = finding.detector is Detector.DOMAIN and (finding.entry_id, finding.value) in people
        if not explained or finding.value.partition("|")[0] in disposable:
            yield finding
