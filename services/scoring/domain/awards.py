"""From rankings and votes to awards (annex §4: seven judged ones, one popular one)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from services.scoring.domain.ranking import Standing, cut
from shared.contracts.ids import EntryId
from shared.contracts.rulebook import Award, AwardKind, EmptyCategory, JudgingRules

ONE_AWARD_PER_ENTRY = "one_award_per_entry"
"""Why the popular award went to an entry that has not the most votes."""
COMMITTEE_VOTE = "committee_vote"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say about one award."""

    award: Award
    entry_id: EntryId | None = None
    """The winner; None where nobody wins, or where the committee must still decide."""
    mean_total: Fraction | None = None
    votes: int | None = None
    decided_by: str = ""
    """The tie-break step, or other rule, without which it would have gone otherwise."""
    undecided: tuple[EntryId, ...] = ()
    """Tied entries between which only the committee can choose."""


def judged_verdict(award: Award, standings: Sequence[Standing], rules: JudgingRules) -> Verdict:
    """The award of one category, whose final ranking is ``standings``.

    Where no entry reaches the minimum, the rulebook says whether the best one wins all the same.
    """
    first = cut(standings, 1, rules.minimum_total.value)
    if not (first.selected or first.undecided) and rules.empty_category.value is EmptyCategory.BEST_REMAINING:
        first = cut(standings, 1, 0)
    if first.undecided:
        return Verdict(award, undecided=tuple(standing.entry_id for standing in first.undecided))
    if not first.selected:
        return Verdict(award)
    winner = first.selected[0]
    separation = first.separation
    decided_by = separation.basis.value if separation and separation.by_tie_break else ""
    return Verdict(award, winner.entry_id, winner.mean_total, decided_by=decided_by)


def popular_verdict(
    award: Award,
    votes: Mapping[EntryId, int],
    rules: JudgingRules,
    *,
    certified_winner: EntryId | None,
    judged_winners: Collection[EntryId],
    committee: Sequence[EntryId] = (),
) -> Verdict:
    """The popular award, from the certified totals.

    Under ``one_award_per_entry`` the judged award stays, because it was certified first, and the
    popular one goes to the entry with the most votes among those without an award.

    Args:
        certified_winner: the winner that voting certified; it decides between equal totals.
        committee: entries that the committee put in order, best first; it decides what is left.
    """
    barred = frozenset(judged_winners) if rules.one_award_per_entry.value else frozenset()
    free = {entry_id: count for entry_id, count in votes.items() if entry_id not in barred}
    most = max(free.values(), default=0)
    if most == 0:
        return Verdict(award)
    leaders = tuple(sorted(entry_id for entry_id, count in free.items() if count == most))
    passed_over = any(votes[entry_id] > most for entry_id in barred if entry_id in votes)
    decided_by = ONE_AWARD_PER_ENTRY if passed_over else ""
    if len(leaders) == 1:
        return Verdict(award, leaders[0], votes=most, decided_by=decided_by)
    if certified_winner in leaders:
        return Verdict(award, certified_winner, votes=most, decided_by=decided_by)
    chosen = next((entry_id for entry_id in committee if entry_id in leaders), None)
    if chosen is not None:
        return Verdict(award, chosen, votes=most, decided_by=COMMITTEE_VOTE)
    return Verdict(award, undecided=leaders)


def judged_awards(awards: Sequence[Award]) -> tuple[Award, ...]:
    """The awards that judges decide, in the rulebook's order."""
    return tuple(award for award in awards if award.kind is AwardKind.JUDGED)
