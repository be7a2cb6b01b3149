"""The judge itself: silent about a vote that is as it should be, and loud about each way to go wrong."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.faults.history import Answer, Attempt
from tests.faults.oracle import Holdings, Kind, Record, Row, Uncounted, judge

pytestmark = pytest.mark.fault_selection

A, A2, B, C, D = (
    Record("a", "", "e1", "r-a"), Record("a", "", "e2", "r-a2"), Record("b", "", "e1", "r-b"),
    Record("c", "", "e2", "r-c"), Record("d", "", "e2", "r-d"),
)  # fmt: skip


def attempt(record: Record, answer: Answer = Answer.OK) -> Attempt:
    said = record.receipt if answer is Answer.OK else "why"
    return Attempt(record.voter, record.entry, record.receipt, answer, said, 0.01)


HISTORY = [
    attempt(A), attempt(A), attempt(A2), attempt(B, Answer.UNKNOWN), attempt(C, Answer.UNKNOWN),
    attempt(D), attempt(Record("e", "", "e1", "r-e"), Answer.REFUSED),
]  # fmt: skip
"""A voted, sent it once more, and changed its mind; B's answer was lost; C's vote too; D was late."""


def honest() -> Holdings:
    totals = {"counted": 2, "duplicate": 2, "late": 1, "held": 0, "struck": 0, "received": 5}
    return Holdings(
        log={(0, 0): A, (0, 1): A, (0, 2): A2, (1, 0): B, (1, 2): D},
        seals={1: 1},
        rows=[((0, 0), Row(A, "counted")), ((1, 0), Row(B, "counted"))],
        uncounted=[
            ((0, 1), Uncounted("r-a", "duplicate")),
            ((0, 2), Uncounted("r-a2", "duplicate")),
            ((1, 2), Uncounted("r-d", "late")),
        ],
        entry_counts={"e1": 2},
        totals=totals,
        recount=totals,
        recounted_entries={"e1": 2},
        receipts={"r-a": "counted", "r-a2": "duplicate", "r-b": "counted", "r-d": "late"},
    )


def test_vote_that_is_as_it_should_be_has_no_finding() -> None:
    assert judge(HISTORY, honest()) == []


def test_held_vote_is_not_lost() -> None:
    held = honest()
    held.rows = [((0, 0), Row(A, "held")), ((1, 0), Row(B, "counted"))]
    held.totals = held.recount = {**held.totals, "counted": 1, "held": 1}
    held.entry_counts = held.recounted_entries = {"e1": 1}
    held.receipts = {"r-a": "held"}
    assert judge(HISTORY, held) == []


def forget_a_record(held: Holdings) -> None:
    held.log = {place: record for place, record in held.log.items() if place != (1, 2)}


def forget_a_row(held: Holdings) -> None:
    held.rows = held.rows[:1]


def forget_a_duplicate(held: Holdings) -> None:
    held.uncounted = held.uncounted[1:]


def count_a_row_twice(held: Holdings) -> None:
    held.rows = [*held.rows, ((0, 2), Row(A2, "counted"))]


def count_one_too_many(held: Holdings) -> None:
    held.entry_counts = {"e1": 3}


def count_one_too_few(held: Holdings) -> None:
    held.totals = {**held.totals, "counted": 1}


def count_what_came_late(held: Holdings) -> None:
    held.seals = {}


def turn_a_choice(held: Holdings) -> None:
    held.rows = [((0, 0), Row(replace(A, entry="e2"), "counted")), *held.rows[1:]]


def take_a_refused_vote(held: Holdings) -> None:
    held.log = {**held.log, (2, 0): Record("e", "", "e1", "r-e")}


def answer_wrongly(held: Holdings) -> None:
    held.receipts = {"r-a": "duplicate"}


def recount_another_number(held: Holdings) -> None:
    held.recount = {**held.recount, "late": 0}


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (forget_a_record, Kind.LOST),
        (forget_a_row, Kind.LOST),
        (forget_a_duplicate, Kind.LOST),
        (count_one_too_few, Kind.LOST),
        (count_a_row_twice, Kind.TWICE),
        (count_one_too_many, Kind.TWICE),
        (count_what_came_late, Kind.CONTRADICTION),
        (turn_a_choice, Kind.CONTRADICTION),
        (take_a_refused_vote, Kind.CONTRADICTION),
        (answer_wrongly, Kind.CONTRADICTION),
        (recount_another_number, Kind.CONTRADICTION),
    ],
)
def test_each_way_to_go_wrong_is_named(spoil: Callable[[Holdings], None], kind: Kind) -> None:
    held = honest()
    spoil(held)
    assert kind in {finding.kind for finding in judge(HISTORY, held)}
