"""What a scorecard may say: every fault at once, each at its field."""

from services.scoring.domain.rubric import (
    COMMENT_LIMIT,
    UNREADABLE,
    comment_faults,
    comments_in_order,
    point_faults,
    points_in_order,
)
from shared.contracts.ids import DimensionId
from shared.errors import as_one
from shared.testing.rulebooks import a_rulebook

RUBRIC = a_rulebook().rubric
BACKGROUND, IMPLEMENTATION, IMPACT, SUSTAINABILITY = (DimensionId(dimension.id) for dimension in RUBRIC)


def test_points_name_every_fault_at_its_field() -> None:
    points = {IMPACT: UNREADABLE, DimensionId("beauty"): 3, BACKGROUND: 11, IMPLEMENTATION: 30}
    faults = point_faults(RUBRIC, points, complete=True)
    assert [(fault.field, fault.en) for fault in as_one(faults).errors] == [
        ("scores.beauty", "The rubric has no dimension “beauty”."),
        ("scores.background", f"Points of “{_name(0)}” are whole numbers from 0 to 10."),
        ("scores.impact", f"Points of “{_name(2)}” are whole numbers from 0 to 40."),
        ("scores.sustainability", f"“{_name(3)}” has no points yet; give 0 to 20."),
    ]


def test_a_draft_may_have_gaps_and_keeps_the_rubrics_order() -> None:
    points = {IMPACT: 40, BACKGROUND: 0}
    assert point_faults(RUBRIC, points, complete=False) == []
    assert list(points_in_order(RUBRIC, points).items()) == [(BACKGROUND, 0), (IMPACT, 40)]


def test_comments_are_trimmed_and_have_an_end() -> None:
    comments = {
        IMPACT: "x" * (COMMENT_LIMIT + 1),
        DimensionId("beauty"): "x",
        BACKGROUND: " ดี ",
        IMPLEMENTATION: " ",
    }
    faults = comment_faults(RUBRIC, comments)
    assert [fault.field for fault in faults] == ["comments.impact", "comments.beauty"]
    assert comments_in_order(RUBRIC, {BACKGROUND: " ดี ", IMPLEMENTATION: " "}) == {BACKGROUND: "ดี"}


def _name(place: int) -> str:
    return RUBRIC[place].name.in_language("en")
