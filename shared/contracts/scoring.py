"""Events of scoring: judges, scores, and the decisions that follow from them."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from shared.contracts.event import Event, Instant, LocalizedText, Part, Revision
from shared.contracts.ids import AwardId, CategoryId, ContactId, DimensionId, EntryId, JudgeId, SlotId
from shared.contracts.rulebook import AwardKind


class Round(StrEnum):
    """Paper scores, and scores after the presentations."""

    FIRST = "first"
    SECOND = "second"


class JudgeInvited(Event):
    """A contact was asked to judge."""

    SERVICE: ClassVar[str] = "scoring"
    TOPIC: ClassVar[str] = "scoring.judge.v1"
    KEY: ClassVar[str] = "judge_id"

    judge_id: JudgeId
    revision: Revision
    contact_id: ContactId
    category_ids: tuple[CategoryId, ...]
    """Where the judge's expertise lies; empty = all."""
    invited_at: Instant


class JudgeAccepted(Event):
    """The judge will serve, and has declared conflicts first."""

    SERVICE: ClassVar[str] = "scoring"
    TOPIC: ClassVar[str] = "scoring.judge.v1"
    KEY: ClassVar[str] = "judge_id"

    judge_id: JudgeId
    revision: Revision
    contact_id: ContactId
    accepted_at: Instant


class JudgeAssigned(Event):
    """The judge's whole list of entries in a round: replaces the one before."""

    SERVICE: ClassVar[str] = "scoring"
    TOPIC: ClassVar[str] = "scoring.judge.v1"
    KEY: ClassVar[str] = "judge_id"

    judge_id: JudgeId
    revision: Revision
    contact_id: ContactId
    round: Round
    entry_ids: tuple[EntryId, ...]
    due_at: Instant
    assigned_at: Instant


class ConflictKind(StrEnum):
    """Why a judge must not score an entry."""

    AGENCY = "agency"
    PROVINCE = "province"
    VENDOR = "vendor"
    PERSONAL = "personal"


class JudgeRecused(Event):
    """The judge must not score this entry; what was scored before no longer counts."""

    SERVICE: ClassVar[str] = "scoring"
    TOPIC: ClassVar[str] = "scoring.judge.v1"
    KEY: ClassVar[str] = "judge_id"

    judge_id: JudgeId
    revision: Revision
    contact_id: ContactId
    entry_id: EntryId
    conflict: ConflictKind
    recused_at: Instant


class DimensionScore(Part):
    """What a judge gave in one dimension of the rubric."""

    dimension_id: DimensionId
    points: Annotated[int, Field(ge=0)]
    """Whole points, from 0 to the dimension's maximum (annex §8)."""


class ScoreEvent(Event):
    """One judge's complete scores of one entry in one round. ``total`` is the sum of the points."""

    SERVICE: ClassVar[str] = "scoring"
    TOPIC: ClassVar[str] = "scoring.score.v1"
    KEY: ClassVar[str] = "entry_id"

    entry_id: EntryId
    judge_id: JudgeId
    round: Round
    revision: Revision
    scores: tuple[DimensionScore, ...]
    total: Annotated[int, Field(ge=0)]


class ScoreRecorded(ScoreEvent):
    """A judge submitted the scores of an entry for the first time in this round."""

    recorded_at: Instant


class ScoreAmended(ScoreEvent):
    """The judge changed a submitted score; the higher revision counts."""

    reason: str
    amended_at: Instant


class Finalist(Part):
    """An entry on the shortlist, with what pages of other services show of it."""

    entry_id: EntryId
    category_id: CategoryId
    title: LocalizedText
    applicant_name: str
    province_code: str = ""
    summary: LocalizedText | None = None
    rank: Annotated[int, Field(ge=1)]
    """Place within its category in the first round."""


class ShortlistPublished(Event):
    """The finalists of every category, approved by a second person; a ballot is made of them."""

    SERVICE: ClassVar[str] = "scoring"
    TOPIC: ClassVar[str] = "scoring.decision.v1"
    KEY: ClassVar[str] = "contest_id"

    revision: Revision
    finalists: tuple[Finalist, ...]
    not_selected: tuple[EntryId, ...]
    approved_by: tuple[ContactId, ...]
    published_at: Instant


class PresentationEvent(Event):
    """A finalist's turn before the committee; ``revision`` counts the states of the slot."""

    SERVICE: ClassVar[str] = "scoring"
    TOPIC: ClassVar[str] = "scoring.decision.v1"
    KEY: ClassVar[str] = "contest_id"

    slot_id: SlotId
    revision: Revision
    entry_id: EntryId
    starts_at: Instant
    ends_at: Instant
    meeting_url: str


class PresentationScheduled(PresentationEvent):
    """A finalist has a slot."""

    scheduled_at: Instant


class PresentationMoved(PresentationEvent):
    """The slot has another time; the instants are the new ones."""

    previous_starts_at: Instant
    reason: str
    moved_at: Instant


class AwardGiven(Part):
    """An award and its winner; ``entry_id`` is None where the category stays without one."""

    award_id: AwardId
    kind: AwardKind
    name: LocalizedText
    category_id: CategoryId | None = None
    entry_id: EntryId | None = None
    title: LocalizedText | None = None
    applicant_name: str = ""
    mean_total: str = ""
    """Mean of the judges' totals as a decimal with two places; empty for the popular award."""
    votes: int | None = None
    decided_by: str = ""
    """Which tie-break step separated the first two, where one was needed."""


class DecisionName(StrEnum):
    """What two people have to sign."""

    SHORTLIST = "shortlist"
    WINNERS = "winners"
    RESULTS = "results"


class ApprovalAwaited(Event):
    """A decision was proposed or signed once, and waits for the signature of another person; what it
    says stays inside until it is published."""

    SERVICE: ClassVar[str] = "scoring"
    TOPIC: ClassVar[str] = "scoring.decision.v1"
    KEY: ClassVar[str] = "contest_id"

    decision: DecisionName
    proposal: Annotated[int, Field(ge=1)]
    """Number of the proposal of this kind; a new proposal takes the place of an open one."""
    signatures: Annotated[int, Field(ge=0)]
    """How many have signed so far, besides the proposal itself."""
    waits_on_others_than: tuple[ContactId, ...]
    """Who proposed or signed: the next signature is somebody else's."""
    awaited_at: Instant


class WinnersCertified(Event):
    """Two people certified the judged awards."""

    SERVICE: ClassVar[str] = "scoring"
    TOPIC: ClassVar[str] = "scoring.decision.v1"
    KEY: ClassVar[str] = "contest_id"

    revision: Revision
    awards: tuple[AwardGiven, ...]
    certified_by: tuple[ContactId, ...]
    certified_at: Instant


class ResultsPublished(Event):
    """All awards, judged and popular, are public."""

    SERVICE: ClassVar[str] = "scoring"
    TOPIC: ClassVar[str] = "scoring.decision.v1"
    KEY: ClassVar[str] = "contest_id"

    revision: Revision
    awards: tuple[AwardGiven, ...]
    approved_by: tuple[ContactId, ...]
    published_at: Instant
