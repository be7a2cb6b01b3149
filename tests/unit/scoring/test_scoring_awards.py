"""What the rules say about awards: ties, empty categories, one award per entry."""

from datetime import UTC, datetime

from services.scoring.domain.awards import Verdict, judged_verdict, popular_verdict
from services.scoring.domain.ranking import Contender, Scorecard, Standing, measures, rank
from shared.contracts.ids import EntryId, JudgeId
from shared.contracts.rulebook import EmptyCategory, JudgingRules
from shared.testing.rulebooks import a_rulebook, assumed

RULEBOOK = a_rulebook()
JUDGED, _, POPULAR = RULEBOOK.awards


def rules(**values: object) -> JudgingRules:
    """The rules with other decisions."""
    return RULEBOOK.judging.model_copy(update={name: assumed(value) for name, value in values.items()})


def standings(**totals: int) -> tuple[Standing, ...]:
    """A ranking by one dimension."""
    at = datetime(2022, 7, 1, tzinfo=UTC)
    zeros = {dimension.id: 0 for dimension in RULEBOOK.rubric}
    field = [
        Contender(EntryId(name), at, (Scorecard(JudgeId("j"), {**zeros, RULEBOOK.rubric[2].id: total}),))
        for name, total in totals.items()
    ]
    return rank(field, measures(RULEBOOK.rubric, ()))


def test_best_entry_above_the_minimum_wins() -> None:
    found = judged_verdict(JUDGED, standings(a=90, b=60), rules())
    assert found == Verdict(JUDGED, EntryId("a"), standings(a=90)[0].mean_total)


def test_category_without_a_worthy_entry_follows_the_rulebook() -> None:
    weak = standings(a=30, b=20)
    assert judged_verdict(JUDGED, weak, rules()) == Verdict(JUDGED)
    best = rules(empty_category=EmptyCategory.BEST_REMAINING)
    assert judged_verdict(JUDGED, weak, best).entry_id == "a"
    assert judged_verdict(JUDGED, (), best) == Verdict(JUDGED)


def test_tie_for_the_first_place_waits_for_the_committee() -> None:
    assert judged_verdict(JUDGED, standings(a=90, b=90, c=80), rules()) == Verdict(
        JUDGED, undecided=("a", "b")
    )


VOTES = {EntryId("a"): 9, EntryId("b"): 7, EntryId("c"): 7}


def popular(one_award: bool, winners: set[str], certified: str | None, *committee: str) -> Verdict:
    """The popular award under those circumstances."""
    return popular_verdict(
        POPULAR,
        VOTES,
        rules(one_award_per_entry=one_award),
        certified_winner=EntryId(certified) if certified else None,
        judged_winners={EntryId(winner) for winner in winners},
        committee=tuple(EntryId(entry) for entry in committee),
    )


def test_popular_award_goes_to_the_most_votes() -> None:
    assert popular(False, {"a"}, "a") == Verdict(POPULAR, EntryId("a"), votes=9)
    assert popular(True, {"x"}, "a") == Verdict(POPULAR, EntryId("a"), votes=9)


def test_one_award_per_entry_passes_the_popular_one_on() -> None:
    assert popular(True, {"a", "b"}, "a") == Verdict(
        POPULAR, EntryId("c"), votes=7, decided_by="one_award_per_entry"
    )
    assert popular(True, {"a"}, "a") == Verdict(POPULAR, undecided=("b", "c"))
    assert popular(True, {"a"}, "a", "c") == Verdict(
        POPULAR, EntryId("c"), votes=7, decided_by="committee_vote"
    )


def test_nobody_wins_without_votes() -> None:
    found = popular_verdict(POPULAR, {EntryId("a"): 0}, rules(), certified_winner=None, judged_winners=())
    assert found == Verdict(POPULAR)
