"""What voting's JSON API takes and gives."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.voting import identity
from services.voting.domain.disclosure import VoteState
from services.voting.domain.outcomes import Outcome
from services.voting.proof_views import HeadView
from shared.contracts.event import LocalizedText
from shared.contracts.rulebook import VoteScope
from shared.web.problems import MEDIA_TYPE

MAY_BE_RECORDED: dict[str, Any] = {
    "description": "Not now; see Retry-After",
    "content": {
        MEDIA_TYPE: {
            "schema": {
                "allOf": [{"$ref": "#/components/schemas/Problem"}],
                "properties": {
                    "receipt": {
                        "type": "string",
                        "description": "of type /problems/may-be-recorded: finds the vote if it was recorded",
                    }
                },
            }
        }
    },
}


class BallotEntryView(BaseModel):
    entry_id: str
    category_id: str
    category: LocalizedText
    title: LocalizedText
    summary: LocalizedText | None
    applicant_name: str
    province_code: str
    withdrawn: bool = Field(description="no longer takes votes")


class BallotView(BaseModel):
    contest_id: str
    state: VoteState
    scope: VoteScope = Field(description="what 'once' means for one voter")
    opens_at: datetime | None
    closes_at: datetime | None
    entries: tuple[BallotEntryView, ...]


class VoteView(BaseModel):
    contest_id: str
    state: VoteState
    opened_at: datetime
    closes_at: datetime
    closed_at: datetime | None
    ballot: tuple[str, ...]
    scope: VoteScope


class Opening(BaseModel):
    model_config = ConfigDict(extra="forbid")

    weak_durability_accepted_by: str = Field(
        default="",
        max_length=200,
        description="post of whoever accepts a log with fewer copies than production asks for; "
        "it is told with the result",
    )


class Voter(BaseModel):
    """Whoever wants a ballot: by the address that the contest's rulebook identifies voters with."""

    model_config = ConfigDict(extra="forbid")

    contest_id: str = Field(min_length=1, max_length=100)
    email: str = Field(default="", max_length=320)
    phone: str = Field(default="", max_length=40, description="in place of email, where the rulebook says so")

    @model_validator(mode="after")
    def _one_of_both(self) -> "Voter":
        if bool(self.email) == bool(self.phone):
            raise ValueError("give either email or phone")
        return self

    @property
    def typed(self) -> str:
        """The address, whichever it is."""
        return self.email or self.phone


class CodeRequest(Voter):
    proof: str = Field(
        default="",
        max_length=4_000,
        description="the solved puzzle, base64 of ALTCHA's JSON payload; without it the code waits longer",
    )


class CodeQueued(BaseModel):
    contest_id: str
    code_id: str = Field(description="for GET /contests/{contest_id}/ballot-codes/{code_id}")
    valid_seconds: int = Field(description="from the moment at which it is sent")
    sent: bool
    ahead: int = Field(description="codes that go out first")
    seconds: int = Field(description="about how long until it is sent")


class CodePlace(BaseModel):
    sent: bool
    refused: bool = Field(description="the address takes no messages: check it and ask again")
    unsent: bool = Field(description="nobody took messages for so long that it was given up: ask again")
    ahead: int
    seconds: int
    refresh_seconds: int = Field(description="when it is worth asking again")


class Puzzle(BaseModel):
    """A proof-of-work challenge of ALTCHA, version 2."""

    parameters: dict[str, Any]
    signature: str


class BallotRequest(Voter):
    code: str = Field(min_length=6, max_length=12, description="the six digits")


class BallotIssued(BaseModel):
    contest_id: str
    ballot: str = Field(description="token for POST /votes; whoever holds it votes as this voter")


class RehearsalBallots(BaseModel):
    model_config = ConfigDict(extra="forbid")

    count: int = Field(ge=1, le=identity.MAX_REHEARSAL_BALLOTS)


class RehearsalBallotsIssued(BaseModel):
    contest_id: str
    ballots: tuple[str, ...]


class Vote(BaseModel):
    model_config = ConfigDict(extra="forbid")

    ballot: str = Field(min_length=1, max_length=200, description="token from POST /ballots")
    entry_id: str = Field(min_length=1, max_length=100)
    key: str = Field(
        min_length=8,
        max_length=64,
        description="your own name for this attempt: the same again for a retry gives the same receipt",
    )


class VoteAccepted(BaseModel):
    receipt: str = Field(description="such as 7KQ2-M9XD-4TBA; shows no choice")


class ReceiptView(BaseModel):
    receipt: str
    status: Outcome
    contest_id: str | None = Field(description="null while pending")
    partition: int | None
    offset: int | None = Field(description="the record's place in the partition")
    cast_at: datetime | None
    counted_at: datetime | None = Field(description="when the tally met it")


class EntryTally(BaseModel):
    entry_id: str
    counted: int


class TotalsView(BaseModel):
    """received = counted + duplicate + late + held + struck, always."""

    received: int
    counted: int
    duplicate: int
    late: int
    held: int
    struck: int


class TallyView(BaseModel):
    contest_id: str
    state: VoteState
    visible: bool = Field(description="whether you may see totals now; by the rulebook")
    reason: LocalizedText | None = Field(description="why not")
    totals: TotalsView | None
    entries: tuple[EntryTally, ...] = Field(description="highest first; empty where totals are hidden")
    winner_entry_id: str | None = Field(description="after the certificate; null also for a tie")
    winner_withdrawn: bool = Field(description="left the contest after the certificate; the result stands")
    certified_at: datetime | None
    weak_durability_accepted_by: str


class CertificationView(BaseModel):
    contest_id: str
    proposed_by: str
    proposed_at: datetime
    certified_by: str | None
    certified_at: datetime | None
    report: dict[str, Any] = Field(
        description="what both people signed: winner and recount from the log; only late votes and heads "
        "may have come between the two"
    )
    report_sha256: str


class SealView(BaseModel):
    partition: int
    offset: int


class AuditView(BaseModel):
    """What an auditor starts from."""

    contest_id: str
    state: VoteState
    rulebook_number: int
    rulebook_sha256: str
    seals: tuple[SealView, ...]
    ballots_issued: int | None = Field(description="voters who hold a ballot; null while totals are hidden")
    tally: TallyView


class OpenDataRow(BaseModel):
    """So many ballots that say the same: entry and period."""

    entry_id: str
    hour: datetime = Field(description="where the period begins")
    until: datetime = Field(description="where it ends: an hour later, or more where few voted")
    votes: int


class OpenDecision(BaseModel):
    """One event of the decision topic, without receipts and without who decided."""

    kind: str = Field(
        description="VotingOpened, VotingClosed, VotesHeld, VotesStruck, IdentityKeysDestroyed …"
    )
    at: datetime
    receipts: int | None = Field(description="how many votes it is about")
    detector: str
    reason: str
    people: int = Field(description="how many people approved it")


class OpenHeads(BaseModel):
    count: int
    last: HeadView | None
    list: str = Field(description="address of all of them")
    public_key: str


class OpenData(BaseModel):
    """Rows are sorted by what they say, never by when a vote came; hours with few ballots, or with ballots
    for one entry only, are joined with the next, so that no row tells the choice behind a receipt."""

    contest_id: str
    rulebook_number: int
    rulebook_sha256: str
    totals: TotalsView
    entries: tuple[EntryTally, ...] = Field(description="highest first")
    winner_entry_id: str | None = Field(description="null for a tie")
    winner_withdrawn: bool = Field(description="left the contest after the certificate; the result stands")
    rows: tuple[OpenDataRow, ...] = Field(description="ballots by entry and period, linked to nobody")
    decisions: tuple[OpenDecision, ...]
    heads: OpenHeads
