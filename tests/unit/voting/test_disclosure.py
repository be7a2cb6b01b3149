"""Who sees totals, and when."""

from datetime import timedelta

import pytest

from services.voting.domain.disclosure import VoteState, totals_for_public
from shared.contracts.rulebook import VotesShown
from shared.testing.rulebooks import VOTE_CLOSES, a_rulebook, assumed

RULES = a_rulebook().voting
STATES = VoteState


@pytest.mark.parametrize(
    ("shown", "state", "hours_left", "visible"),
    [
        (VotesShown.STAFF, STATES.OPEN, 50, False),
        (VotesShown.STAFF, STATES.CLOSED, 0, False),
        (VotesShown.STAFF, STATES.CERTIFIED, 0, True),
        (VotesShown.PUBLIC, STATES.OPEN, 50, True),
        (VotesShown.PUBLIC, STATES.CLOSED, 0, True),
        (VotesShown.PUBLIC, STATES.NOT_OPEN, 50, False),
        (VotesShown.PUBLIC_UNTIL, STATES.OPEN, 25, True),
        (VotesShown.PUBLIC_UNTIL, STATES.OPEN, 24, False),
        (VotesShown.PUBLIC_UNTIL, STATES.CLOSED, 0, False),
        (VotesShown.PUBLIC_UNTIL, STATES.CERTIFIED, 0, True),
    ],
)
def test_totals_follow_the_rulebook(shown, state, hours_left, visible) -> None:
    rules = RULES.model_copy(update={"totals_shown": assumed(shown)})
    found = totals_for_public(rules, state, VOTE_CLOSES - timedelta(hours=hours_left), VOTE_CLOSES)
    assert found.visible is visible
    assert bool(found.th) is bool(found.en) is (not visible)
