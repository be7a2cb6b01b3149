"""What the fraud ledger's JSON takes and gives."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from services.voting.domain.detectors import Detector
from services.voting.domain.disclosure import VoteState
from services.voting.fraud.cases import LEAST_REASON, MOST_REASON, Choice
from shared.contracts.event import LocalizedText


class DetectorView(BaseModel):
    detector: Detector
    name: LocalizedText
    points: int = Field(description="what it gives to a vote; hold_at points hold one")
    reason: LocalizedText = Field(description="what it looks at, with its thresholds")


class ReportLineView(BaseModel):
    detectors: str = Field(description="the detectors that agreed, such as agent+network")
    name: LocalizedText
    reason: LocalizedText
    cases: int
    votes: int
    held: int = Field(description="still waiting for two people")
    released: int
    struck: int
    decisions: tuple[str, ...] = Field(description="the approvers' reasons")


class FraudReportView(BaseModel):
    """Numbers by detector; no entry, no voter and no receipt."""

    contest_id: str
    state: VoteState
    hold_at: int | None = Field(description="points from which a vote is held; null: no detectors")
    held: int
    released: int
    struck: int
    detectors: tuple[DetectorView, ...]
    lines: tuple[ReportLineView, ...]
    looked_at: datetime | None


class CaseView(BaseModel):
    case_id: str
    entry_id: str
    detectors: str
    reason_th: str
    reason_en: str
    votes: int
    state: str = Field(description="open, released or struck")
    opened_at: datetime
    choice: Choice | None = Field(description="what the first approver chose")
    choice_reason: str
    chosen_at: datetime | None
    decided_at: datetime | None


class CasesView(BaseModel):
    contest_id: str
    cases: tuple[CaseView, ...] = Field(description="those that wait for somebody first, the largest first")


class CaseDecision(BaseModel):
    model_config = ConfigDict(extra="forbid")

    choice: Choice
    reason: str = Field(
        default="",
        max_length=MOST_REASON,
        description=f"of the first approver, at least {LEAST_REASON} characters; the public report shows it",
    )
    votes: int | None = Field(
        default=None, ge=0, description="the number you saw: a case that grew since is not decided"
    )
