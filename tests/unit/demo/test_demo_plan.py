"""The demo's plan: the same for the same seed, and possible for every seed."""

import tomllib
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.demo.acts.voting import voter_address
from services.demo.plan import DIMENSIONS, JUDGES_PER_ENTRY, MINIMUM_TOTAL, Plan, make_plan
from services.demo.story import entries

STORY = entries()
CONTEST = tomllib.loads(Path("contests/smart-city-2022/contest.toml").read_text())


def plan(seed: int = 2022, votes: int = 500) -> Plan:
    return make_plan(STORY, seed=seed, votes=votes)


def test_the_story_is_the_course_that_was_asked_for() -> None:
    found = plan()
    assert found.fates() == {"accepted": 35, "refused": 4, "withdrawn": 1, "late": 3, "young": 1}
    assert found.steps() == {"amended": 5, "returned": 2}
    in_time = [entry for entry in STORY if entry.fate not in ("late", "young")]
    assert len(in_time) == 40
    assert len({entry.category for entry in in_time}) == 7
    assert len({entry.email for entry in STORY}) == len({entry.title_th for entry in STORY}) == 44


def test_an_entry_that_won_two_awards_gets_one_letter() -> None:
    found = plan()
    of_category = next(iter(found.winners.values()))
    other = next(number for number in found.finalists if number not in found.winners.values())
    assert replace(found, popular=of_category).winning_entries == 7
    assert replace(found, popular=other).winning_entries == 8


def test_every_entry_has_the_four_sections_of_the_form_in_thai() -> None:
    for entry in STORY:
        assert entry.sections.keys() == DIMENSIONS.keys()
        assert all(len(text) > 60 for text in entry.sections.values())


def test_the_same_seed_plays_the_same_contest_and_another_one_another() -> None:
    assert plan(7) == plan(7)
    assert plan(7).second_round != plan(8).second_round
    assert plan(7).votes_by_entry() != plan(8).votes_by_entry()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**9), votes=st.integers(300, 1_000))
def test_every_seed_can_be_played(seed: int, votes: int) -> None:
    found = plan(seed, votes)
    assert len(found.finalists) == 21
    assert set(found.winners.values()) <= set(found.finalists)
    assert len(found.votes) + found.duplicates == votes
    assert sum(found.votes_by_entry().values()) == len(found.votes)
    first, second = [count for _, count in found.votes_by_entry().most_common(2)]
    assert first > second, "the popular award must not need the committee"
    assert found.votes_by_entry()[found.popular] == first
    assert all(vote.again is None for vote in found.votes if vote.by_mail)
    assert all(vote.again == vote.choice for vote in found.votes if vote.same_key)


@pytest.mark.parametrize("seed", range(20))
def test_scores_need_no_tie_break_and_lie_within_the_rubric(seed: int) -> None:
    found = plan(seed)
    for cards in (found.first_round, found.second_round):
        by_category: Counter[tuple[str, Fraction]] = Counter()
        for entry in STORY:
            if entry.number not in cards:
                continue
            three = cards[entry.number]
            assert len(three) == JUDGES_PER_ENTRY
            for card in three:
                assert card.keys() == DIMENSIONS.keys()
                assert all(0 <= card[name] <= full for name, full in DIMENSIONS.items())
            mean = Fraction(sum(sum(card.values()) for card in three), JUDGES_PER_ENTRY)
            assert mean >= MINIMUM_TOTAL
            by_category[entry.category, mean] += 1
        assert set(by_category.values()) == {1}


@pytest.mark.parametrize("seed", [2022, 1, 7, 42])
def test_voters_by_mail_come_from_too_many_towns_to_be_held(seed: int) -> None:
    """So many votes of one mail domain and one network are held, and then nothing can be certified."""
    by_mail = [vote.choice for vote in plan(seed, votes=20_000).votes if vote.by_mail]
    towns = [voter_address(number).rpartition("@")[2] for number in range(len(by_mail))]
    limit = CONTEST["decisions"]["fraud.domain_votes"]["value"]
    assert max(Counter(towns).values()) < limit
    assert max(Counter(by_mail).values()) >= limit, "one domain for all would be held"
