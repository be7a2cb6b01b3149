"""What a judge may put on a scorecard (annex §8): whole points per dimension, no sub-weights."""

from collections.abc import Mapping, Sequence

from shared.contracts.ids import DimensionId
from shared.contracts.rulebook import Dimension
from shared.errors import Invalid

COMMENT_LIMIT = 4_000
"""Characters of one comment."""
UNREADABLE = -1
"""The points where something was typed that is no whole number: outside of every dimension."""


def point_faults(
    rubric: Sequence[Dimension], points: Mapping[DimensionId, int], *, complete: bool
) -> list[Invalid]:
    """An unknown dimension, points outside of 0 to the maximum, or a gap.

    Args:
        complete: every dimension must have points, as on submission; a draft may have gaps.
    """
    names = {dimension.id: dimension for dimension in rubric}
    errors = [
        Invalid(
            f"ไม่มีมิติ “{unknown}” ในเกณฑ์",
            f"The rubric has no dimension “{unknown}”.",
            field=f"scores.{unknown}",
        )
        for unknown in points
        if unknown not in names
    ]
    for dimension in rubric:
        given = points.get(dimension.id)
        if given is None:
            if complete:
                errors.append(_missing(dimension))
        elif not 0 <= given <= dimension.points:
            errors.append(_outside(dimension))
    return errors


def comment_faults(rubric: Sequence[Dimension], comments: Mapping[DimensionId, str]) -> list[Invalid]:
    """An unknown dimension, or a comment longer than :data:`COMMENT_LIMIT`."""
    known = {dimension.id for dimension in rubric}
    errors = []
    for dimension_id, comment in comments.items():
        if dimension_id not in known:
            errors.append(
                Invalid(
                    f"ไม่มีมิติ “{dimension_id}” ในเกณฑ์",
                    f"The rubric has no dimension “{dimension_id}”.",
                    field=f"comments.{dimension_id}",
                )
            )
        elif len(comment) > COMMENT_LIMIT:
            errors.append(
                Invalid(
                    f"ความเห็นยาวเกิน {COMMENT_LIMIT:,} อักขระ ย่อให้สั้นลง",
                    f"The comment is longer than {COMMENT_LIMIT:,} characters; shorten it.",
                    field=f"comments.{dimension_id}",
                )
            )
    return errors


def points_in_order(rubric: Sequence[Dimension], points: Mapping[DimensionId, int]) -> dict[str, int]:
    """The points in the rubric's order."""
    return {dimension.id: points[dimension.id] for dimension in rubric if dimension.id in points}


def comments_in_order(rubric: Sequence[Dimension], comments: Mapping[DimensionId, str]) -> dict[str, str]:
    """The comments in the rubric's order, without surrounding blanks; empty ones are left out."""
    return {
        dimension.id: comments[dimension.id].strip()
        for dimension in rubric
        if comments.get(dimension.id, "").strip()
    }


def _missing(dimension: Dimension) -> Invalid:
    return Invalid(
        f"ยังไม่ได้ให้คะแนน “{dimension.name.th}” ใส่ 0 ถึง {dimension.points}",
        f"“{dimension.name.in_language('en')}” has no points yet; give 0 to {dimension.points}.",
        field=f"scores.{dimension.id}",
    )


def _outside(dimension: Dimension) -> Invalid:
    return Invalid(
        f"คะแนน “{dimension.name.th}” ต้องเป็นจำนวนเต็ม 0 ถึง {dimension.points}",
        f"Points of “{dimension.name.in_language('en')}” are whole numbers from 0 to {dimension.points}.",
        field=f"scores.{dimension.id}",
    )
