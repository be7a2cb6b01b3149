"""The benchmark's oracle finds what it is there to find."""

from itertools import islice, pairwise

import pytest

from tests.load.spike.closed import Load
from tests.load.spike.contenders import Stored
from tests.load.spike.turns import faults, singly
from tests.load.spike.voters import Attempt, Expected, attempts, expected_of

CROWD = list(islice(attempts(1, 40_000), 40_000))
EXPECTED = expected_of(CROWD)


def a_load(*, unanswered: int = 0, shed: int = 0) -> Load:
    statuses = {202: EXPECTED.valid - unanswered - shed, 422: EXPECTED.invalid, 503: shed}
    return Load(len(CROWD), statuses, 1.0, 1, 1, 1, 1, 0)


def kept(**changes: int) -> Stored:
    return Stored(
        dict(EXPECTED.first_choice) | {int(k[1:]): v for k, v in changes.items()}, received=EXPECTED.valid
    )


def test_crowd_is_as_stated() -> None:
    valid = [attempt for attempt in CROWD if attempt.valid]
    again = len(valid) - len({attempt.voter for attempt in valid})
    at_once = sum(a == b for a, b in pairwise(CROWD))
    assert again / len(valid) == pytest.approx(0.10, abs=0.01)
    assert at_once / again == pytest.approx(0.5, abs=0.05)
    assert EXPECTED.invalid / len(CROWD) == pytest.approx(0.01, abs=0.003)
    assert {attempt.choice for attempt in valid} == set(range(12))


def test_exact_store_has_no_fault() -> None:
    assert faults(a_load(), EXPECTED, kept()) == []


def test_lost_vote_is_found_unless_it_may_be_lost() -> None:
    stored = kept()
    for voter in list(stored.choice_of)[:3]:
        del stored.choice_of[voter]
    assert faults(a_load(), EXPECTED, stored)
    stored.received = EXPECTED.valid - 3
    assert faults(a_load(unanswered=3), EXPECTED, stored) == []
    assert faults(a_load(unanswered=1, shed=2), EXPECTED, stored) == []
    assert faults(a_load(unanswered=1, shed=1), EXPECTED, stored)


def test_changed_and_invented_votes_are_found() -> None:
    assert faults(a_load(), EXPECTED, kept(v5=(EXPECTED.first_choice[5] + 1) % 12))
    refused_first = kept(v5=(EXPECTED.first_choice[5] + 1) % 12)
    assert faults(a_load(shed=1), EXPECTED, refused_first) == [], "the second choice of one who was refused"
    stranger = kept()
    stranger.strangers = 1
    assert faults(a_load(), EXPECTED, stranger)


def test_record_too_few_or_too_many_is_found() -> None:
    for wrong in (-1, 1):
        stored = kept()
        assert stored.received is not None
        stored.received += wrong
        assert faults(a_load(), EXPECTED, stored)


def test_nonsense_that_was_accepted_is_found() -> None:
    taken = Load(len(CROWD), {202: len(CROWD)}, 1.0, 1, 1, 1, 1, 0)
    assert faults(taken, EXPECTED, kept())


def test_one_voter_who_was_told_yes_and_is_not_counted_is_found() -> None:
    sent = [Attempt(1, 3, "a"), Attempt(2, 3, "b"), Attempt(3, 3, "c")]
    assert singly(sent, [202, 503, 0], Stored({1: 3})) == []
    assert singly(sent, [202, 202, 0], Stored({1: 3}))
    assert Expected({1: 3, 2: 3, 3: 3}, 3, 0) == expected_of(sent)


def test_a_second_choice_that_replaced_a_first_one_that_was_taken_is_found() -> None:
    sent = [Attempt(1, 3, "a"), Attempt(1, 4, "b")]
    assert singly(sent, [202, 202], Stored({1: 3})) == []
    assert singly(sent, [202, 202], Stored({1: 4}))
    assert singly(sent, [503, 202], Stored({1: 4})) == []
