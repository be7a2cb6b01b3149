"""A judge's queue and scorecards, and the ranking that staff see."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Response
from pydantic import AwareDatetime, BaseModel, Field

from services.scoring.domain.ranking import Standing, two_places
from services.scoring.domain.rounds import Opening
from services.scoring.domain.rubric import COMMENT_LIMIT
from services.scoring.handlers.queue import Desk, QueueItem, own_queue
from services.scoring.handlers.ranking import RoundRanking, rank_round
from services.scoring.handlers.scores import RecordScore, desk_of, record_score
from services.scoring.http.fields import PREFIX, ContestPath, EntryPath, NoNul, Reason, RoundQuery
from services.scoring.repository import scores
from services.scoring.tables import Score
from shared import known
from shared.contracts.event import LocalizedText
from shared.contracts.ids import CategoryId, ContestId, DimensionId, EntryId
from shared.contracts.intake import Role
from shared.contracts.scoring import Round
from shared.errors import Invalid
from shared.service import Resources
from shared.web.problems import PROBLEMS
from shared.web.sessions import Account, require

JudgeAccount = Annotated[Account, Depends(require(Role.JUDGE))]
Staff = Annotated[Account, Depends(require(Role.STAFF, Role.APPROVER))]
Points = Annotated[int, Field(ge=0, le=1_000, strict=True)]
Comment = Annotated[str, Field(max_length=COMMENT_LIMIT), NoNul]


class ScorecardInput(BaseModel):
    round: Round = Round.FIRST
    scores: dict[DimensionId, Points] = Field(description="whole points by dimension; a draft may have gaps")
    comments: dict[DimensionId, Comment] = {}
    submit: bool = Field(default=False, description="false keeps a draft that counts nothing yet")
    reason: Reason = Field(default="", description="why points that were submitted before change")


class Scorecard(BaseModel):
    entry_id: EntryId
    round: Round
    revision: int = Field(description="also in ETag; a later save sends it in If-Match")
    scores: dict[DimensionId, int]
    comments: dict[DimensionId, str]
    total: int
    saved_at: AwareDatetime | None = None
    submitted: bool = Field(description="a submitted score is in force")
    changed_since: bool = Field(description="the draft differs from what was submitted")
    submitted_scores: dict[DimensionId, int] | None = None
    submitted_at: AwareDatetime | None = None

    @classmethod
    def of(cls, entry_id: str, scoring_round: Round, score: Score | None) -> "Scorecard":
        """The scorecard as the API shows it; empty at revision 0 where nothing was saved."""
        if score is None:
            return cls(
                entry_id=EntryId(entry_id),
                round=scoring_round,
                revision=0,
                scores={},
                comments={},
                total=0,
                submitted=False,
                changed_since=False,
            )
        in_force = score.submitted_points
        return cls.model_validate(
            {
                "entry_id": entry_id,
                "round": scoring_round,
                "revision": score.revision,
                "scores": score.points,
                "comments": score.comments,
                "total": sum(score.points.values()),
                "saved_at": score.saved_at,
                "submitted": in_force is not None,
                "changed_since": in_force is not None
                and (in_force, score.submitted_comments) != (score.points, score.comments),
                "submitted_scores": in_force,
                "submitted_at": score.submitted_at,
            }
        )


class QueueEntry(BaseModel):
    entry_id: EntryId
    reference: str
    title: LocalizedText
    category_id: CategoryId
    round: Round
    due_at: AwareDatetime
    closes_at: AwareDatetime
    opening: Opening
    revision: int
    submitted: bool

    @classmethod
    def of(cls, item: QueueItem) -> "QueueEntry":
        """The item as the API shows it."""
        entry = item.desk.entry
        return cls.model_validate(
            {
                **entry.model_dump(include={"entry_id", "reference", "title", "category_id"}),
                "round": item.desk.assignment.round,
                "due_at": item.desk.assignment.due_at,
                "closes_at": item.desk.door.closes_at,
                "opening": item.opening,
                "revision": item.score.revision if item.score else 0,
                "submitted": item.submitted,
            }
        )


class Queue(BaseModel):
    judge_id: str
    round: Round
    submitted: int
    entries: list[QueueEntry]


class RankedEntry(BaseModel):
    rank: int
    entry_id: EntryId
    reference: str
    title: LocalizedText
    mean_total: str
    mean_total_exact: str = Field(description="the mean as a fraction, before any rounding")
    judges: int
    separated_by: str = Field(description="the measure that parts it from the line above; empty within a tie")
    separated_by_dimension: DimensionId | None = None

    @classmethod
    def of(cls, standing: Standing, ranking: RoundRanking) -> "RankedEntry":
        """The line as the API shows it."""
        entry = ranking.entries[standing.entry_id]
        separation = standing.separation
        return cls(
            rank=standing.rank,
            entry_id=standing.entry_id,
            reference=entry.reference,
            title=LocalizedText.model_validate(entry.title),
            mean_total=two_places(standing.mean_total),
            mean_total_exact=str(standing.mean_total),
            judges=len(standing.contender.scorecards),
            separated_by=separation.basis.value if separation else "",
            separated_by_dimension=separation.dimension_id if separation else None,
        )


class CategoryStandings(BaseModel):
    category_id: CategoryId
    standings: list[RankedEntry]
    unscored: list[EntryId]


class Ranking(BaseModel):
    round: Round
    awaited: int = Field(description="scorecards that judges still owe")
    lagging: int = Field(description="submitted scorecards that are still being counted")
    categories: list[CategoryStandings]


def router(resources: Resources) -> APIRouter:
    """Routes about scores."""
    api = APIRouter(prefix=f"{PREFIX}/contests/{{contest_id}}", tags=["scores"], responses=PROBLEMS)

    @api.get("/queue")
    async def queue(
        contest_id: ContestPath,
        account: JudgeAccount,
        scoring_round: RoundQuery = Round.FIRST,
    ) -> Queue:
        """The judge's own entries of a round."""
        async with resources.database.transaction() as session:
            await known.rulebook(session, contest_id)
            found = await own_queue(
                session, resources.clock, ContestId(contest_id), account.contact_id, scoring_round
            )
        return Queue(
            judge_id=found.judge.judge_id,
            round=scoring_round,
            submitted=sum(item.submitted for item in found.items),
            entries=[QueueEntry.of(item) for item in found.items],
        )

    @api.get("/entries/{entry_id}/score")
    async def read_score(
        contest_id: ContestPath,
        entry_id: EntryPath,
        account: JudgeAccount,
        response: Response,
        scoring_round: RoundQuery = Round.FIRST,
    ) -> Scorecard:
        """The judge's own scorecard of an entry."""
        async with resources.database.transaction() as session:
            desk: Desk = await desk_of(
                session, ContestId(contest_id), EntryId(entry_id), account.contact_id, scoring_round
            )
            score = await scores.score(
                session, contest_id, scoring_round.value, entry_id, desk.judge.judge_id
            )
        return _with_etag(response, Scorecard.of(entry_id, scoring_round, score))

    @api.put("/entries/{entry_id}/score")
    async def write_score(
        contest_id: ContestPath,
        entry_id: EntryPath,
        card: ScorecardInput,
        account: JudgeAccount,
        response: Response,
        if_match: Annotated[
            str | None, Header(description="the revision that was read; none for a first save")
        ] = None,
    ) -> Scorecard:
        """Save a draft, or submit. A save over someone else's newer save is refused (409); the same
        save sent twice counts once."""
        command = RecordScore(
            contest_id=ContestId(contest_id),
            entry_id=EntryId(entry_id),
            by=account.contact_id,
            round=card.round,
            points=card.scores,
            comments=card.comments,
            submit=card.submit,
            revision=_revision(if_match),
            reason=card.reason,
        )
        async with resources.database.transaction() as session:
            score = await record_score(session, resources.clock, command)
        return _with_etag(response, Scorecard.of(entry_id, card.round, score))

    @api.get("/ranking")
    async def ranking(
        contest_id: ContestPath,
        account: Staff,
        scoring_round: RoundQuery = Round.FIRST,
    ) -> Ranking:
        """The ranking of a round as it stands now, with what parts every two neighbours."""
        async with resources.database.transaction() as session:
            found = await rank_round(session, await known.rulebook(session, contest_id), scoring_round)
        return Ranking(
            round=scoring_round,
            awaited=found.awaited,
            lagging=found.lagging,
            categories=[
                CategoryStandings(
                    category_id=category.category_id,
                    standings=[RankedEntry.of(standing, found) for standing in category.standings],
                    unscored=[EntryId(entry.entry_id) for entry in category.unscored],
                )
                for category in found.categories
            ],
        )

    return api


def _with_etag(response: Response, card: Scorecard) -> Scorecard:
    response.headers["ETag"] = f'"{card.revision}"'
    return card


def _revision(if_match: str | None) -> int | None:
    """The revision of ``If-Match``; ``"0"`` is that of a scorecard never saved."""
    if if_match is None:
        return None
    bare = if_match.strip().removeprefix("W/").strip('"')
    if not bare.isascii() or not bare.isdecimal() or len(bare) > 9:
        raise Invalid(
            "If-Match ต้องเป็นเลขฉบับที่ได้จาก ETag",
            "If-Match must be the revision that ETag gave.",
            field="If-Match",
        )
    return int(bare) or None
