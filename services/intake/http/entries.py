"""Entries over JSON."""

from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Body, Depends, File, Query, Response, UploadFile
from pydantic import AwareDatetime, BaseModel, Field
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake import repository
from services.intake.domain.entry import EntryContent, EntryState, Outcome
from services.intake.domain.files import MAXIMUM_SIZE
from services.intake.domain.screening import ScreeningCode
from services.intake.handlers import attachments, entries, screening
from services.intake.http.values import PREFIX, ContestPath, Id, IfMatch, Line, Words, expected_revision
from services.intake.tables import Attachment, Entry
from shared.contracts.event import LocalizedText
from shared.contracts.intake import EntryReason, Role
from shared.errors import Forbidden
from shared.service import Resources
from shared.web.problems import PROBLEMS
from shared.web.sessions import Account, current_account, require


class AttachmentView(BaseModel):
    attachment_id: str
    name: str
    media_type: str
    size: int
    sha256: str


class EntryView(BaseModel):
    """An entry. Its applicant sees the working copy, staff what was sent last."""

    contest_id: str
    entry_id: str
    contact_id: str
    revision: int
    state: EntryState
    reference: str | None
    content: EntryContent
    attachments: list[AttachmentView]
    unsent_changes: bool
    reasons: list[EntryReason]
    outcome: Outcome
    awards: list[LocalizedText]
    started_at: AwareDatetime
    changed_at: AwareDatetime
    submitted_at: AwareDatetime | None
    screened_at: AwareDatetime | None


class EntrySummary(BaseModel):
    entry_id: str
    revision: int
    state: EntryState
    reference: str | None
    title: str
    applicant_name: str
    province_code: str
    category_id: str
    outcome: Outcome
    submitted_at: AwareDatetime | None


class EntryList(BaseModel):
    entries: list[EntrySummary]
    total: int


class Withdrawal(BaseModel):
    reason: Words = ""


class ReasonBody(BaseModel):
    code: ScreeningCode
    field: Line = Field(default="", description="the field of the form that it is about")
    note: Words = ""

    def reason(self) -> screening.Reason:
        """As the use case takes it."""
        return screening.Reason(self.code, self.field, self.note)


class Return(BaseModel):
    reasons: list[ReasonBody] = Field(min_length=1, max_length=20)


class Screening(BaseModel):
    accepted: bool
    reasons: list[ReasonBody] = Field(default_factory=list, max_length=20)


Order = Literal[
    "reference", "-reference", "title", "-title", "applicant", "-applicant", "submitted", "-submitted"
]


def may_read(account: Account, entry: Entry) -> bool:
    """Whether the account is the entry's applicant.

    Raises:
        Forbidden: it is neither the applicant nor staff.
    """
    own = entry.contact_id == account.contact_id
    if not own and not account.may(Role.STAFF):
        raise Forbidden("ผลงานนี้เป็นของผู้อื่น", "This entry belongs to someone else.")
    return own


async def shown_files(session: AsyncSession, entry: Entry, *, own: bool) -> list[Attachment]:
    """The files of the working copy for its applicant, those that were sent for staff."""
    if own:
        return list(await repository.attachments(session, entry.contest_id, entry.entry_id))
    every = await repository.attachments(session, entry.contest_id, entry.entry_id, removed=True)
    return [file for file in every if file.attachment_id in entry.sent_attachments]


async def download(
    resources: Resources, account: Account, contest_id: str, entry_id: str, attachment_id: str
) -> Response:
    """A file of an entry, to be saved and never to be shown by the browser under this origin."""
    async with resources.database.transaction() as session:
        file = await attachments.open_attachment(
            session, contest_id, entry_id, attachment_id, account.contact_id, account.roles
        )
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name)}"}
    return Response(file.content, media_type=file.media_type, headers=headers)


async def _view(session: AsyncSession, entry: Entry, *, own: bool) -> EntryView:
    content = entry.content if own else entry.sent or {}
    files = await shown_files(session, entry, own=own)
    return EntryView.model_validate(
        {
            **entry.model_dump(exclude={"content", "sent", "sent_attachments"}),
            "content": content,
            "attachments": [file.model_dump() for file in files],
        }
    )


def router(resources: Resources) -> APIRouter:
    """Routes of ``/contests/{contest_id}/entries``."""
    api = APIRouter(prefix=f"{PREFIX}/contests/{{contest_id}}/entries", tags=["entries"], responses=PROBLEMS)
    applicant = Annotated[Account, Depends(require(Role.APPLICANT))]
    staff = Annotated[Account, Depends(require(Role.STAFF))]
    anyone = Annotated[Account, Depends(current_account)]
    database, clock = resources.database, resources.clock

    @api.get("")
    async def list_entries(
        contest_id: ContestPath,
        account: anyone,
        q: Annotated[Line, Query()] = "",
        state: Annotated[EntryState | None, Query()] = None,
        category: Annotated[Line, Query()] = "",
        sort: Annotated[Order, Query()] = "reference",
        page: Annotated[int, Query(ge=1, le=100_000)] = 1,
        size: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> EntryList:
        """Staff: every entry that was sent. Everybody else: their own; filters are staff's."""
        async with database.transaction() as session:
            await repository.contest(session, contest_id)
            if account.may(Role.STAFF):
                wanted = repository.EntryFilter(
                    words=q,
                    state=state.value if state else "",
                    category=category,
                    sort=sort.removeprefix("-"),
                    descending=sort.startswith("-"),
                )
                rows, total = await repository.entries(
                    session, contest_id, wanted, limit=size, offset=(page - 1) * size
                )
            else:
                rows = await repository.entries_of(session, contest_id, account.contact_id)
                total = len(rows)
        shown = [
            EntrySummary.model_validate(row.model_dump(include=set(EntrySummary.model_fields)))
            for row in rows
        ]
        return EntryList(entries=shown, total=total)

    @api.post("", status_code=201)
    async def start_entry(
        contest_id: ContestPath, body: EntryContent, account: applicant, response: Response
    ) -> EntryView:
        """Begin a draft; it may leave anything empty."""
        async with database.transaction() as session:
            entry = await entries.start_entry(session, clock, contest_id, account.contact_id, body)
            await session.flush()
            response.headers["ETag"] = f'"{entry.revision}"'
            return await _view(session, entry, own=True)

    @api.get("/{entry_id}")
    async def read_entry(
        contest_id: ContestPath, entry_id: Id, account: anyone, response: Response
    ) -> EntryView:
        """One entry, with its revision as ``ETag``."""
        async with database.transaction() as session:
            entry = await repository.entry(session, contest_id, entry_id)
            own = may_read(account, entry)
            response.headers["ETag"] = f'"{entry.revision}"'
            return await _view(session, entry, own=own)

    @api.put("/{entry_id}")
    async def save_entry(
        contest_id: ContestPath,
        entry_id: Id,
        body: EntryContent,
        account: applicant,
        response: Response,
        if_match: IfMatch = None,
    ) -> EntryView:
        """Save the working copy; 409 where it changed since the revision in ``If-Match``."""
        async with database.transaction() as session:
            entry = await entries.save_entry(
                session,
                clock,
                contest_id,
                entry_id,
                account.contact_id,
                body,
                revision=expected_revision(if_match),
            )
            response.headers["ETag"] = f'"{entry.revision}"'
            return await _view(session, entry, own=True)

    @api.get(
        "/{entry_id}/attachments/{attachment_id}",
        response_class=Response,
        responses={200: {"content": {"application/octet-stream": {}}, "description": "The file's bytes"}},
    )
    async def download_attachment(
        contest_id: ContestPath, entry_id: Id, attachment_id: Id, account: anyone
    ) -> Response:
        """A file, for the entry's applicant, for staff, and for the judges who have the entry."""
        return await download(resources, account, contest_id, entry_id, attachment_id)

    @api.post("/{entry_id}/attachments", status_code=201)
    async def add_attachment(
        contest_id: ContestPath, entry_id: Id, account: applicant, file: Annotated[UploadFile, File()]
    ) -> AttachmentView:
        """Add a file: PDF, JPG, PNG, DOCX, XLSX or PPTX, 10 MB at most."""
        content = await file.read(MAXIMUM_SIZE + 1)
        async with database.transaction() as session:
            row, _ = await attachments.add_attachment(
                session, clock, contest_id, entry_id, account.contact_id, file.filename or "", content
            )
            return AttachmentView.model_validate(row.model_dump())

    @api.delete("/{entry_id}/attachments/{attachment_id}", status_code=204)
    async def remove_attachment(
        contest_id: ContestPath, entry_id: Id, attachment_id: Id, account: applicant
    ) -> None:
        """Take a file out of the working copy."""
        async with database.transaction() as session:
            await attachments.remove_attachment(
                session, clock, contest_id, entry_id, account.contact_id, attachment_id
            )

    @api.post("/{entry_id}/submission")
    async def submit_entry(
        contest_id: ContestPath, entry_id: Id, account: applicant, if_match: IfMatch = None
    ) -> EntryView:
        """Submit; 410 from the closing instant on, 422 with every field that breaks a rule."""
        async with database.transaction() as session:
            entry = await entries.submit_entry(
                session,
                clock,
                contest_id,
                entry_id,
                account.contact_id,
                revision=expected_revision(if_match),
            )
            return await _view(session, entry, own=True)

    @api.post("/{entry_id}/amendment")
    async def amend_entry(
        contest_id: ContestPath,
        entry_id: Id,
        account: applicant,
        body: Annotated[EntryContent | None, Body()] = None,
        if_match: IfMatch = None,
    ) -> EntryView:
        """Send the working copy again, or the whole new content where one is given."""
        revision = expected_revision(if_match)
        async with database.transaction() as session:
            if body is not None:
                await repository.contest(session, contest_id, lock=True)
                await entries.save_entry(
                    session, clock, contest_id, entry_id, account.contact_id, body, revision=revision
                )
                revision = None
            entry = await entries.submit_entry(
                session, clock, contest_id, entry_id, account.contact_id, revision=revision
            )
            return await _view(session, entry, own=True)

    @api.post("/{entry_id}/withdrawal")
    async def withdraw_entry(
        contest_id: ContestPath,
        entry_id: Id,
        body: Withdrawal,
        account: applicant,
        if_match: IfMatch = None,
    ) -> EntryView:
        """Take the entry back, until results are out."""
        async with database.transaction() as session:
            entry = await entries.withdraw_entry(
                session,
                clock,
                contest_id,
                entry_id,
                account.contact_id,
                reason=body.reason,
                revision=expected_revision(if_match),
            )
            return await _view(session, entry, own=True)

    @api.post("/{entry_id}/return")
    async def return_entry(
        contest_id: ContestPath, entry_id: Id, body: Return, account: staff, if_match: IfMatch = None
    ) -> EntryView:
        """Ask for a correction, with reasons and fields, while applications are open."""
        command = screening.Screen(
            contest_id,
            entry_id,
            account.contact_id,
            tuple(reason.reason() for reason in body.reasons),
            expected_revision(if_match),
        )
        async with database.transaction() as session:
            entry = await screening.return_entry(session, clock, command)
            return await _view(session, entry, own=False)

    @api.post("/{entry_id}/screening")
    async def screen_entry(
        contest_id: ContestPath, entry_id: Id, body: Screening, account: staff, if_match: IfMatch = None
    ) -> EntryView:
        """Accept, or refuse with coded reasons."""
        command = screening.Screen(
            contest_id,
            entry_id,
            account.contact_id,
            tuple(reason.reason() for reason in body.reasons),
            expected_revision(if_match),
        )
        async with database.transaction() as session:
            entry = await screening.screen_entry(session, clock, command, accepted=body.accepted)
            return await _view(session, entry, own=False)

    return api
