"""An entry: what its applicant writes, the states it goes through, and who may do what when."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.contracts.rulebook import Milestone, MilestoneKind, Rulebook

_NO_NUL = r"^[^\x00]*$"
"""PostgreSQL's text cannot hold a NUL."""
Short = Annotated[str, StringConstraints(max_length=300, strip_whitespace=True, pattern=_NO_NUL)]
Long = Annotated[str, StringConstraints(max_length=2_000, strip_whitespace=True, pattern=_NO_NUL)]
SectionText = Annotated[str, StringConstraints(max_length=50_000, pattern=_NO_NUL)]
SectionId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{1,62}$")]


class EntryState(StrEnum):
    """``returned`` asks the applicant for a correction; it is open for amendment like ``submitted``."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class Outcome(StrEnum):
    """What the judges decided, as far as it is published."""

    PENDING = "pending"
    SHORTLISTED = "shortlisted"
    NOT_SELECTED = "not_selected"
    WINNER = "winner"
    FINALIST = "finalist"
    """On the shortlist, without an award, after the results."""


EDITABLE = frozenset({EntryState.DRAFT, EntryState.SUBMITTED, EntryState.RETURNED})
SENT = frozenset({EntryState.SUBMITTED, EntryState.RETURNED, EntryState.ACCEPTED, EntryState.REFUSED})
"""States of an entry that was submitted and not withdrawn."""


class EntryContent(BaseModel):
    """Everything that the applicant writes. A draft may leave any of it empty."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    applicant_name: Short = ""
    applicant_kind: Short = ""
    province_code: Annotated[str, StringConstraints(pattern=r"^(\d{2})?$")] = ""
    category_id: Short = ""
    title_th: Short = ""
    title_en: Short = ""
    summary_th: Long = ""
    summary_en: Long = ""
    operating_since: date | None = None
    vendor: Short = ""
    interest_declared: bool = False
    """The applicant declares that it is, or wants to become, a smart city promotion zone (annex §3)."""
    sections: dict[SectionId, SectionText] = Field(default_factory=dict, max_length=50)


class Door(StrEnum):
    """Whether applications are taken at an instant."""

    NOT_YET = "not_yet"
    OPEN = "open"
    CLOSED = "closed"


def door(rulebook: Rulebook, now: datetime) -> Door:
    """The door at ``now``: open from the opening up to and without the closing instant (annex §6)."""
    period: Milestone = rulebook.milestone(MilestoneKind.APPLICATIONS)
    if now < period.starts_at:
        return Door.NOT_YET
    return Door.OPEN if now < period.ends_at else Door.CLOSED


def reference(prefix: str, number: int) -> str:
    """What people quote: ``SC65-0001``."""
    return f"{prefix}-{number:04d}"
