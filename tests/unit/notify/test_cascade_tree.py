"""The tree of a letter's way: regions, and how many offices are how far."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from services.notify.domain.cascade import Counts, Stop, by_region, tree
from services.notify.pages.cascade import matches, pruned

SENT = datetime(2022, 6, 20, 2, tzinfo=UTC)
NOW = SENT + timedelta(days=30)
LATER = SENT + timedelta(hours=1)


def a_stop(code: str, parent: str = "", state: str = "sent", **changes: datetime) -> Stop:
    stop = Stop(
        dispatch_id=f"d-{code}",
        parent_id=parent,
        level=2 if parent else 1,
        place="",
        post=f"หน่วยงาน {code}",
        state=state,
        sent_at=SENT,
        opened_at=None,
        acknowledged_at=None,
        passed_on_at=None,
        code=code,
    )
    return replace(stop, **changes)


WAY = tree(
    [
        a_stop("10", opened_at=LATER),
        a_stop("50"),
        a_stop("96", state="passed_on", opened_at=LATER, acknowledged_at=LATER, passed_on_at=LATER),
        a_stop("9601", "d-96"),
        a_stop("9602", "d-96", state="acknowledged", acknowledged_at=LATER),
        a_stop("x-1"),
    ],
    NOW,
    {1: 3, 2: 3},
)


def test_branches_stand_by_region_from_north_to_south_and_others_last() -> None:
    groups = by_region(WAY)
    assert [
        (group.region.en if group.region else None, [branch.stop.code for branch in group.branches])
        for group in groups
    ] == [("North", ["50"]), ("Central", ["10"]), ("South", ["96"]), (None, ["x-1"])]


def test_a_letter_to_no_province_is_one_group() -> None:
    offices = tree([a_stop("96-01"), a_stop("96-02")], NOW, {1: 3})
    (group,) = by_region(offices)
    assert (group.region, group.branches) == (None, offices)
    assert by_region(()) == ()


def test_counts_are_of_what_is_named_and_of_everything_below() -> None:
    south = [branch for branch in WAY if branch.stop.code == "96"]
    assert Counts.of(south) == Counts(offices=1, sent=1, opened=1, acknowledged=1, passed_on=1, asleep=0)
    assert Counts.below(south) == Counts(offices=3, sent=3, opened=1, acknowledged=2, passed_on=1, asleep=1)
    assert Counts.below(WAY) == Counts(offices=6, sent=6, opened=2, acknowledged=2, passed_on=1, asleep=4)


def test_a_filter_keeps_what_matches_and_the_way_to_it() -> None:
    found = {
        view: [one.stop.code for branch in pruned(WAY, view, "") for one in branch.all()]
        for view in ("sent", "opened", "asleep", "passed_on")
    }
    assert found == {
        "sent": ["50", "96", "9601", "x-1"],
        "opened": ["10"],
        "asleep": ["10", "50", "96", "9601", "x-1"],
        "passed_on": ["96"],
    }
    assert not matches(WAY[2], "sent", "")
