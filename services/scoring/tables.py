"""Scoring's tables. Every key starts with the contest."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, DateTime, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

Json = dict[str, Any]


class Row(SQLModel, registry=registry()):
    """What scoring's tables descend from: their own registry, so that services share a process."""


def _instant(*, nullable: bool = False) -> Any:
    return Field(
        default=None if nullable else ...,
        sa_column=Column(DateTime(timezone=True), nullable=nullable),
    )


def _json() -> Any:
    return Field(sa_column=Column(JSONB, nullable=False))


class EntryState(StrEnum):
    """Where an entry stands as far as judging is concerned; only accepted ones are judged."""

    SUBMITTED = "submitted"
    RETURNED = "returned"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class Entry(Row, table=True):
    """The whole entry as judges read it, kept from intake's events."""

    __tablename__ = "entry"

    contest_id: str = Field(primary_key=True)
    entry_id: str = Field(primary_key=True)
    revision: int
    state: str
    reference: str
    contact_id: str
    editor_ids: list[str] = _json()
    applicant_name: str
    applicant_kind: str
    province_code: str
    category_id: str
    title: Json = _json()
    summary: Json = _json()
    operating_since: str
    vendor: str
    sections: list[Json] = _json()
    attachments: list[Json] = _json()
    submitted_at: datetime = _instant()
    screened_at: datetime | None = _instant(nullable=True)


class Person(Row, table=True):
    """Names of judges and of staff who sign, so that pages need not show ids. Erased with the contact."""

    __tablename__ = "person"

    contest_id: str = Field(primary_key=True)
    contact_id: str = Field(primary_key=True)
    revision: int
    name: str
    organisation: str
    position: str
    province_code: str


class Judge(Row, table=True):
    """A contact who was asked to judge."""

    __tablename__ = "judge"
    __table_args__ = (UniqueConstraint("contest_id", "contact_id", name="judge_contact"),)

    contest_id: str = Field(primary_key=True)
    judge_id: str = Field(primary_key=True)
    contact_id: str
    revision: int
    category_ids: list[str] = _json()
    invited_at: datetime = _instant()
    accepted_at: datetime | None = _instant(nullable=True)
    conflicts_checked_at: datetime | None = _instant(nullable=True)
    """When the judge last went through the entries and named the conflicts."""


class Recusal(Row, table=True):
    """A judge who must not score an entry."""

    __tablename__ = "recusal"

    contest_id: str = Field(primary_key=True)
    judge_id: str = Field(primary_key=True)
    entry_id: str = Field(primary_key=True)
    conflict: str
    reason: str
    everywhere: bool
    """Also for every other entry of the same agency, province or vendor, now and later."""
    recused_at: datetime = _instant()


class Assignment(Row, table=True):
    """An entry that a judge has to score in a round."""

    __tablename__ = "assignment"

    contest_id: str = Field(primary_key=True)
    round: str = Field(primary_key=True)
    judge_id: str = Field(primary_key=True)
    entry_id: str = Field(primary_key=True)
    due_at: datetime = _instant()
    assigned_at: datetime = _instant()
    reopened_until: datetime | None = _instant(nullable=True)
    reopened_reason: str = ""
    reopened_by: str = ""


class Score(Row, table=True):
    """A judge's scorecard: the working copy, and what was submitted last."""

    __tablename__ = "score"

    contest_id: str = Field(primary_key=True)
    round: str = Field(primary_key=True)
    entry_id: str = Field(primary_key=True)
    judge_id: str = Field(primary_key=True)
    revision: int
    """Counts the saves; a save must name the one that it read."""
    points: dict[str, int] = _json()
    comments: dict[str, str] = _json()
    saved_at: datetime = _instant()
    submitted_points: dict[str, int] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    submitted_comments: dict[str, str] | None = Field(
        default=None, sa_column=Column(JSONB(none_as_null=True))
    )
    submitted_at: datetime | None = _instant(nullable=True)
    submitted_revision: int = 0
    """The revision that the last event carried; 0 before the first submission."""


class ScoreAmendment(Row, table=True):
    """Why a submitted score changed, and what it was."""

    __tablename__ = "score_amendment"

    contest_id: str = Field(primary_key=True)
    round: str = Field(primary_key=True)
    entry_id: str = Field(primary_key=True)
    judge_id: str = Field(primary_key=True)
    revision: int = Field(primary_key=True)
    points_before: dict[str, int] = _json()
    reason: str
    amended_at: datetime = _instant()


class CountedScore(Row, table=True):
    """The latest scorecard of a judge as the log tells it; the ranking is made of these."""

    __tablename__ = "counted_score"

    contest_id: str = Field(primary_key=True)
    round: str = Field(primary_key=True)
    entry_id: str = Field(primary_key=True)
    judge_id: str = Field(primary_key=True)
    revision: int
    points: dict[str, int] = _json()
    total: int
    scored_at: datetime = _instant()


class EntryTotal(Row, table=True):
    """How many judges scored an entry, and the sum of their totals; recomputed from the rows above."""

    __tablename__ = "entry_total"

    contest_id: str = Field(primary_key=True)
    round: str = Field(primary_key=True)
    entry_id: str = Field(primary_key=True)
    judges: int
    sum_of_totals: int
    sum_of_points: dict[str, int] = _json()


class DecisionKind(StrEnum):
    """What two people decide together."""

    SHORTLIST = "shortlist"
    WINNERS = "winners"
    RESULTS = "results"


class DecisionState(StrEnum):
    PROPOSED = "proposed"
    PUBLISHED = "published"
    REPLACED = "replaced"
    """A later proposal took its place."""


class Decision(Row, table=True):
    """A proposal, and what became of it. ``content`` is exactly what is published."""

    __tablename__ = "decision"
    __table_args__ = (
        Index(
            "decision_one_open",
            "contest_id",
            "kind",
            unique=True,
            postgresql_where=text("state = 'proposed'"),
        ),
        Index(
            "decision_one_published",
            "contest_id",
            "kind",
            unique=True,
            postgresql_where=text("state = 'published'"),
        ),
    )

    contest_id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    state: str
    content: Json = _json()
    note: str = ""
    proposed_by: str
    proposed_at: datetime = _instant()
    published_at: datetime | None = _instant(nullable=True)


class Signature(Row, table=True):
    """One person's approval of a proposal; the key lets each sign once."""

    __tablename__ = "signature"

    contest_id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    contact_id: str = Field(primary_key=True)
    signed_at: datetime = _instant()


class CommitteeDecision(Row, table=True):
    """How the committee parted a tie: entries in order, best first."""

    __tablename__ = "committee_decision"

    contest_id: str = Field(primary_key=True)
    scope: str = Field(primary_key=True)
    """``first/<category>``, ``second/<category>``, or ``popular``."""
    entry_ids: list[str] = _json()
    reason: str
    recorded_by: str
    recorded_at: datetime = _instant()


class PresentationSlot(Row, table=True):
    """When a finalist presents."""

    __tablename__ = "presentation_slot"
    __table_args__ = (UniqueConstraint("contest_id", "entry_id", name="presentation_slot_entry"),)

    contest_id: str = Field(primary_key=True)
    slot_id: str = Field(primary_key=True)
    entry_id: str
    category_id: str
    revision: int
    starts_at: datetime = _instant()
    ends_at: datetime = _instant()
    meeting_url: str


class PopularVote(Row, table=True):
    """The public vote as voting certified it."""

    __tablename__ = "popular_vote"

    contest_id: str = Field(primary_key=True)
    revision: int
    totals: dict[str, int] = _json()
    winner_entry_id: str | None = None
    counted: int
    certified_at: datetime = _instant()
