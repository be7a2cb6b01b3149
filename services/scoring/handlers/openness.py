"""What others than judges and staff may see, and from when on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from sqlmodel.ext.asyncio.session import AsyncSession

from services.scoring.domain.ranking import two_places
from services.scoring.handlers.proposals import published
from services.scoring.handlers.ranking import final_round
from services.scoring.repository import entries, scores
from services.scoring.tables import DecisionKind, Entry, Score
from shared.contracts.ids import ContactId, ContestId, EntryId
from shared.contracts.rulebook import Dimension, Rulebook
from shared.contracts.scoring import AwardGiven, Finalist, Round
from shared.errors import Forbidden, NotFound


@dataclass(frozen=True, slots=True)
class Shortlist:
    published_at: datetime
    finalists: tuple[Finalist, ...]


@dataclass(frozen=True, slots=True)
class Results:
    published_at: datetime
    awards: tuple[AwardGiven, ...]


@dataclass(frozen=True, slots=True)
class DimensionOutcome:
    dimension: Dimension
    mean: str
    share: float
    """Of the dimension's maximum, 0 to 1, for a bar."""
    comments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OwnResult:
    """What the owner of an entry learns after the results."""

    entry: Entry
    round: Round
    shortlisted: bool
    awards: tuple[AwardGiven, ...]
    judges: int
    mean_total: str
    dimensions: tuple[DimensionOutcome, ...]
    appeal_until: datetime


async def published_shortlist(session: AsyncSession, contest_id: ContestId) -> Shortlist:
    """The finalists.

    Raises:
        NotFound: not published yet.
    """
    decision = await published(session, contest_id, DecisionKind.SHORTLIST)
    if decision is None or decision.published_at is None:
        raise NotFound("ยังไม่ได้ประกาศผู้ผ่านการคัดเลือกรอบแรก", "The shortlist is not published yet.")
    return Shortlist(
        decision.published_at,
        tuple(Finalist.model_validate(item) for item in decision.content["finalists"]),
    )


async def published_results(session: AsyncSession, contest_id: ContestId) -> Results:
    """All awards.

    Raises:
        NotFound: not published yet.
    """
    decision = await published(session, contest_id, DecisionKind.RESULTS)
    if decision is None or decision.published_at is None:
        raise NotFound("ยังไม่ได้ประกาศผล", "The results are not published yet.")
    return Results(
        decision.published_at,
        tuple(AwardGiven.model_validate(award) for award in decision.content["awards"]),
    )


async def own_result(
    session: AsyncSession, rulebook: Rulebook, entry_id: EntryId, by: ContactId
) -> OwnResult:
    """The scores of one's own entry: means per dimension, and the judges' comments without names
    where the rulebook releases them. A finalist sees the deciding round, others the first.

    Raises:
        NotFound: there is no such entry, or the results are not published yet.
        Forbidden: it is someone else's.
    """
    contest_id = rulebook.contest_id
    entry = await entries.entry(session, contest_id, entry_id)
    if entry is None:
        raise NotFound("ไม่พบผลงานนี้", "There is no such entry.")
    if by != entry.contact_id and by not in entry.editor_ids:
        raise Forbidden("ผลงานนี้เป็นของผู้สมัครรายอื่น", "This entry belongs to another applicant.")
    results = await published_results(session, contest_id)
    shortlist = await published_shortlist(session, contest_id)
    shortlisted = any(finalist.entry_id == entry_id for finalist in shortlist.finalists)
    scoring_round = final_round(rulebook) if shortlisted else Round.FIRST
    cards = [
        points
        for card_entry, _, points in await scores.counted(session, contest_id, scoring_round.value)
        if card_entry == entry_id
    ]
    written = await scores.scores(session, contest_id, scoring_round=scoring_round.value, entry_id=entry_id)
    released = written if rulebook.judging.comments_released.value else []
    return OwnResult(
        entry=entry,
        round=scoring_round,
        shortlisted=shortlisted,
        awards=tuple(award for award in results.awards if award.entry_id == entry_id),
        judges=len(cards),
        mean_total=_mean([sum(points.values()) for points in cards]),
        dimensions=tuple(_outcome(dimension, cards, released) for dimension in rulebook.rubric),
        appeal_until=results.published_at + timedelta(days=rulebook.judging.appeal_days.value),
    )


def _outcome(
    dimension: Dimension, cards: Sequence[dict[str, int]], released: Sequence[Score]
) -> DimensionOutcome:
    points = [card[dimension.id] for card in cards]
    comments = sorted(
        comment for card in released if (comment := (card.submitted_comments or {}).get(dimension.id, ""))
    )
    share = sum(points) / (len(points) * dimension.points) if points else 0.0
    return DimensionOutcome(dimension, _mean(points), share, tuple(comments))


def _mean(points: Sequence[int]) -> str:
    return two_places(Fraction(sum(points), len(points))) if points else ""
