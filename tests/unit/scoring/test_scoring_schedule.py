"""Presentations within 10.00-15.00, category by category, never two at once."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scoring.domain.rounds import Opening, door
from services.scoring.domain.schedule import DoesNotFit, Slot, Window, move, plan
from shared.clock import BANGKOK
from shared.contracts.ids import CategoryId, ContestId, EntryId
from shared.contracts.scoring import Round
from shared.errors import Conflict, Invalid

TEN = datetime(2022, 8, 11, 10, 0, tzinfo=BANGKOK)
WINDOW = Window(TEN, TEN + timedelta(hours=5))
CONTEST = ContestId("contest")
ORDER = [CategoryId("a"), CategoryId("b")]


def field(*categories: str) -> list[tuple[EntryId, CategoryId]]:
    """Finalists of those categories."""
    return [(EntryId(f"e{n}"), CategoryId(category)) for n, category in enumerate(categories)]


@given(st.lists(st.sampled_from(["a", "b"]), max_size=20), st.integers(1, 15), st.randoms())
def test_schedule_is_gapless_ordered_and_repeatable(categories, minutes, random) -> None:  # type: ignore[no-untyped-def]
    finalists = field(*categories)
    slots = plan(CONTEST, finalists, ORDER, WINDOW, minutes)
    random.shuffle(finalists)
    assert plan(CONTEST, finalists, ORDER, WINDOW, minutes) == slots
    assert [slot.starts_at for slot in slots] == [
        TEN + n * timedelta(minutes=minutes) for n in range(len(slots))
    ]
    assert [slot.category_id for slot in slots] == sorted(categories)
    assert all(WINDOW.holds(slot) for slot in slots)


def test_too_many_presentations_are_refused_with_the_sum() -> None:
    with pytest.raises(DoesNotFit, match=r"21 presentations of 15 minutes need 315 minutes .* 300"):
        plan(CONTEST, field(*["a"] * 21), ORDER, WINDOW, 15)
    assert len(plan(CONTEST, field(*["a"] * 20), ORDER, WINDOW, 15)) == 20


def at(entry: str, minutes: int) -> Slot:
    """A slot of 20 minutes, so long after ten."""
    start = TEN + timedelta(minutes=minutes)
    return Slot(EntryId(entry), CategoryId("a"), start, start + timedelta(minutes=20))


SLOTS = (at("x", 0), at("y", 20), at("z", 60))


def test_move_to_a_free_time_changes_one_slot() -> None:
    assert move(SLOTS, EntryId("x"), TEN + timedelta(minutes=40), WINDOW) == (at("x", 40),)
    assert move(SLOTS, EntryId("x"), TEN, WINDOW) == ()


def test_move_onto_another_is_a_conflict_or_a_swap() -> None:
    with pytest.raises(Conflict):
        move(SLOTS, EntryId("x"), TEN + timedelta(minutes=20), WINDOW)
    swapped = move(SLOTS, EntryId("x"), TEN + timedelta(minutes=20), WINDOW, swap=True)
    assert swapped == (at("x", 20), at("y", 0))
    with pytest.raises(Conflict):  # y would come back onto x
        move(SLOTS, EntryId("x"), TEN + timedelta(minutes=10), WINDOW, swap=True)


@pytest.mark.parametrize("minutes", [-1, 281])
def test_move_out_of_the_milestone_is_refused(minutes: int) -> None:
    with pytest.raises(Invalid):
        move(SLOTS, EntryId("x"), TEN + timedelta(minutes=minutes), WINDOW)


def test_second_round_opens_with_the_slot_and_locks_with_it() -> None:
    slot = (TEN, TEN + timedelta(minutes=20))
    second = door(Round.SECOND, TEN + timedelta(hours=9), slot=slot)
    states = [second.opening(TEN + timedelta(minutes=m)) for m in (-1, 0, 19, 20)]
    assert states == [Opening.DRAFT_ONLY, Opening.OPEN, Opening.OPEN, Opening.LOCKED]
    first = door(Round.FIRST, TEN, slot=slot)
    assert [first.opening(TEN - timedelta(seconds=1)), first.opening(TEN)] == [Opening.OPEN, Opening.LOCKED]
    reopened = door(Round.FIRST, TEN, reopened_until=TEN + timedelta(hours=1))
    assert reopened.opening(TEN) is Opening.OPEN
