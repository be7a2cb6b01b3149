"""Bodies of notify's JSON API."""

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field

from services.notify import repository
from services.notify.certificate_tables import Certificate
from services.notify.domain.letters import DispatchState, LetterState
from services.notify.domain.notices import NoticeState
from services.notify.tables import Dispatch, Letter, Notice
from shared.contracts.event import LocalizedText
from shared.contracts.notify import Channel, LetterKind

Text = Annotated[str, Field(max_length=4_000)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class EnclosureText(_Body):
    text: Text
    copies: str = Field(default="", max_length=80)


class LetterDraft(_Body):
    """A letter to start. Texts replace those of the template."""

    template: str = Field(max_length=100, description="e.g. circular-governors; see GET …/letter-templates")
    subject: Text | None = None
    paragraphs: list[Text] | None = Field(default=None, max_length=20)
    urgency: str | None = Field(default=None, max_length=40)
    recipients_csv: str = Field(
        default="", max_length=2_000_000, description="code, place, post, email; empty = the template's list"
    )
    parent_id: str = Field(default="", max_length=64, description="the letter that it encloses and passes on")

    about: str = Field(
        default="", max_length=64, description="of a template with a letter for each row: the entry or judge"
    )
    to: Text | None = None
    references: list[Text] | None = Field(default=None, max_length=10)
    enclosures: list[EnclosureText] | None = Field(default=None, max_length=10)
    after: list[Text] | None = Field(default=None, max_length=20, description="what follows the table")

    def overrides(self) -> dict[str, Any]:
        texts = {"subject", "to", "urgency", "references", "enclosures", "paragraphs", "after"}
        return self.model_dump(include=texts, exclude_none=True)


class TemplateChosen(_Body):
    """A template of which there is a letter for each finalist, winner or judge."""

    template: str = Field(max_length=100, description="e.g. letter-winner; see GET …/letter-templates")


class Reason(_Body):
    reason: str = Field(min_length=1, max_length=500)


class Signing(_Body):
    code: str = Field(min_length=6, max_length=20, description="of the second factor, or a recovery code")


class SigningOfMany(Signing):
    letter_ids: list[str] = Field(min_length=1, max_length=50)


class Numbering(_Body):
    """Empty = the next number, dated today."""

    number: int | None = Field(default=None, ge=1, le=999_999)
    dated: date | None = Field(default=None, description="between the day of signing and today")
    reason: str = Field(
        default="", max_length=300, description="what numbers left out were given to, outside of this system"
    )


class Acknowledgement(_Body):
    """By a clerk with the link's token, or by staff who name the addressee."""

    receive_number: str = Field(min_length=1, max_length=40)
    token: str = Field(default="", max_length=100)
    dispatch_id: str = Field(default="", max_length=64)


class PassingOn(_Body):
    number: str = Field(min_length=1, max_length=80)
    issued_on: date
    signer_post: str = Field(min_length=1, max_length=120)
    recipients: int = Field(ge=1, le=100_000)
    token: str = Field(default="", max_length=100)
    dispatch_id: str = Field(default="", max_length=64)


class DispatchView(BaseModel):
    dispatch_id: str
    code: str
    place: str
    post: str
    email: str
    state: DispatchState
    sent_at: datetime | None
    opened_at: datetime | None
    acknowledged_at: datetime | None
    receive_number: str
    passed_on_at: datetime | None


class StepView(BaseModel):
    step: str
    by: str
    at: datetime
    note: str


class LetterSummary(BaseModel):
    letter_id: str
    contest_id: str
    template: str
    kind: LetterKind
    agency: str
    state: LetterState
    number: str = Field(description="with ASCII digits; empty until signed")
    subject: str
    addressee: str
    urgency: str
    drafted_at: datetime
    signed_at: datetime | None
    issued_at: datetime | None = Field(description="instant of the number")
    sha256: str = Field(description="of the PDF; empty until it is made")
    pages: int
    recipients: int
    received: int
    parent_id: str | None


class LetterView(LetterSummary):
    inputs_sha256: str
    paragraphs: list[str]
    findings: list[LocalizedText]
    steps: list[StepView]
    dispatches: list[DispatchView]


class TemplateView(BaseModel):
    template: str
    kind: LetterKind
    name: LocalizedText
    profile: str


class CertificateView(BaseModel):
    serial: str
    code: str
    award: LocalizedText
    title: LocalizedText
    recipient: str
    entry_id: str
    issued_at: datetime
    sha256: str = Field(description="of the PDF; empty until it is made")
    proposed: str = Field(description="the winner's correction, which staff accept; else empty")
    confirmed_at: datetime | None = Field(description="since when the name is settled")
    revoked_at: datetime | None


class NameConfirmed(_Body):
    """By the winner, with the link's token."""

    token: str = Field(min_length=20, max_length=100)
    name: str = Field(min_length=1, max_length=300)


class NameSettled(_Body):
    """By staff."""

    name: str = Field(min_length=1, max_length=300)
    reason: str = Field(default="", max_length=300, description="who gave the name; not for a correction")


class Verification(BaseModel):
    """What anyone may know of a certificate."""

    valid: bool
    serial: str
    recipient: str
    award: LocalizedText
    title: LocalizedText
    contest_id: str
    issued_at: datetime
    revoked_at: datetime | None
    rehearsal: bool


class NoticeView(BaseModel):
    notice_id: str
    event_id: str
    recipient: str
    contact_id: str | None
    channel: Channel
    event: str
    template: str
    state: NoticeState
    subject: str
    language: str
    message_id: str
    created_at: datetime
    sent_at: datetime | None
    read_at: datetime | None
    reviewed_at: datetime | None
    attempts: int
    bounces: int
    status: str
    last_error: str


class TodoView(BaseModel):
    kind: str
    title: LocalizedText
    hint: LocalizedText
    href: str


class CategoryView(BaseModel):
    category_id: str
    name: LocalizedText
    drafts: int
    submitted: int
    accepted: int
    refused: int
    withdrawn: int
    finalists: int
    scored: int
    to_score: int


class JudgeView(BaseModel):
    contact_id: str
    accepted: bool
    done: int
    total: int
    due_at: datetime | None
    late: bool


class VotesView(BaseModel):
    state: str
    counted: int
    held: int
    per_minute: int
    certified: dict[str, int]


class CircularView(BaseModel):
    letter_id: str
    subject: str
    number: str
    received: int
    total: int
    opened: int
    passed_on: int
    reached: int
    failed: int
    asleep: int


class BoardView(BaseModel):
    contest_id: str
    now: datetime
    todos: list[TodoView]
    categories: list[CategoryView]
    judges: list[JudgeView]
    votes: VotesView
    circulars: list[CircularView]
    notices: dict[str, int]
    briefing_guests: int
    waiting_events: int


def dispatch_view(row: Dispatch, address: str = "") -> DispatchView:
    """One addressee; ``address`` is that of a contact, which the row does not have."""
    return DispatchView.model_validate({**row.model_dump(), "email": row.email or address})


def letter_summary(letter: Letter, counts: dict[str, dict[str, int]]) -> LetterSummary:
    received, total = repository.letters.progress(counts.get(letter.letter_id, {}))
    fields = letter.model_dump(exclude={"recipients", "number"})
    return LetterSummary.model_validate(
        {
            **fields,
            "number": letter.number_text,
            "recipients": total or len(letter.recipients),
            "received": received,
        }
    )


def certificate_view(row: Certificate) -> CertificateView:
    return CertificateView.model_validate(row.model_dump(exclude={"pdf"}))


def notice_view(row: Notice) -> NoticeView:
    return NoticeView.model_validate(row.model_dump())


def pdf_response(content: bytes, name: str) -> Response:
    return Response(
        content,
        media_type="application/pdf",
        headers={
            "Content-Disposition": f'inline; filename="{name}.pdf"',
            "Cache-Control": "private, no-store",
        },
    )


PDF_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}},
        "description": "PDF",
    }
}
