"""Events of intake: the contest, contacts, briefing registrations and entries."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from shared.contracts.event import Event, Instant, LocalizedText, Part, Revision
from shared.contracts.ids import CategoryId, ContactId, EntryId, RegistrationId
from shared.contracts.rulebook import Rulebook


class ContestPublished(Event):
    """Staff sealed the contest; the rulebook is binding from here on."""

    SERVICE: ClassVar[str] = "intake"
    TOPIC: ClassVar[str] = "intake.contest.v1"
    KEY: ClassVar[str] = "contest_id"

    revision: Revision
    rulebook: Rulebook
    rulebook_sha256: str
    sealed_at: Instant


class ContestAmended(Event):
    """A numbered amendment: the whole new rulebook, what changed, and why."""

    SERVICE: ClassVar[str] = "intake"
    TOPIC: ClassVar[str] = "intake.contest.v1"
    KEY: ClassVar[str] = "contest_id"

    revision: Revision
    rulebook: Rulebook
    rulebook_sha256: str
    changed: tuple[str, ...]
    """Dotted paths into the rulebook, e.g. ``milestones.briefing.ends_at``."""
    reason: LocalizedText
    amended_at: Instant


class Role(StrEnum):
    """What a person may do. One person may hold several."""

    APPLICANT = "applicant"
    JUDGE = "judge"
    STAFF = "staff"
    ADMIN = "admin"
    APPROVER = "approver"
    """Second signature: certifies winners, releases votes, publishes."""
    CLERK = "clerk"
    AUDITOR = "auditor"


class ContactUpserted(Event):
    """The whole contact. The only event that carries personal data; its topic is compacted and a
    tombstone erases the person."""

    SERVICE: ClassVar[str] = "intake"
    TOPIC: ClassVar[str] = "intake.contact.v1"
    KEY: ClassVar[str] = "contact_id"

    contact_id: ContactId
    revision: Revision
    name: str
    email: str
    phone: str = ""
    organisation: str = ""
    position: str = ""
    """The post held, which official letters address instead of the name."""
    province_code: str = ""
    roles: tuple[Role, ...] = ()
    language: Annotated[str, Field(pattern="^(th|en)$")] = "th"
    sessions_valid_from: Instant
    """Sign-in tokens issued before this instant are revoked."""


class Attendance(StrEnum):
    """ท่านหรือผู้แทน: the invited person comes, or sends a representative."""

    SELF = "self"
    REPRESENTATIVE = "representative"


class BriefingRegistered(Event):
    """Someone will attend the briefing; registering again with other data is a higher revision."""

    SERVICE: ClassVar[str] = "intake"
    TOPIC: ClassVar[str] = "intake.briefing.v1"
    KEY: ClassVar[str] = "registration_id"

    registration_id: RegistrationId
    revision: Revision
    contact_id: ContactId
    attends_as: Attendance
    organisation: str
    province_code: str = ""
    registered_at: Instant


class BriefingCancelled(Event):
    """Whoever registered will not attend."""

    SERVICE: ClassVar[str] = "intake"
    TOPIC: ClassVar[str] = "intake.briefing.v1"
    KEY: ClassVar[str] = "registration_id"

    registration_id: RegistrationId
    revision: Revision
    contact_id: ContactId
    cancelled_at: Instant


class Applicant(Part):
    """The organisation that applies; organisations are public, people are not."""

    name: str
    kind: str
    """An id of the rulebook's applicant kinds."""
    province_code: str = ""


class EntrySection(Part):
    """One section of the application form, as its author wrote it."""

    id: str
    heading: LocalizedText
    text: str


class Attachment(Part):
    """A file of an entry; its bytes stay with intake."""

    attachment_id: str
    name: str
    media_type: str
    size: Annotated[int, Field(ge=0)]
    sha256: str


class EntryStarted(Event):
    """A draft exists: enough to remind its author before closing."""

    SERVICE: ClassVar[str] = "intake"
    TOPIC: ClassVar[str] = "intake.entry.v1"
    KEY: ClassVar[str] = "entry_id"

    entry_id: EntryId
    revision: Revision
    contact_id: ContactId
    category_id: CategoryId | None = None
    started_at: Instant


class EntryContent(Event):
    """What EntrySubmitted and EntryAmended both carry: the whole entry."""

    SERVICE: ClassVar[str] = "intake"
    TOPIC: ClassVar[str] = "intake.entry.v1"
    KEY: ClassVar[str] = "entry_id"

    entry_id: EntryId
    revision: Revision
    reference: str
    """What people quote: ``SC65-0017``."""
    contact_id: ContactId
    applicant: Applicant
    category_id: CategoryId
    title: LocalizedText
    summary: LocalizedText
    operating_since: str
    """ISO date on which the service began to run."""
    vendor: str = ""
    """The company that built it, for judges' conflicts of interest."""
    sections: tuple[EntrySection, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    editor_ids: tuple[ContactId, ...] = ()
    """Others who may edit the entry and hear of its decisions."""


class EntrySubmitted(EntryContent):
    """The applicant handed the entry in."""

    submitted_at: Instant


class EntryAmended(EntryContent):
    """The applicant changed a submitted entry before the closing instant; the whole entry again."""

    amended_at: Instant
    submitted_at: Instant
    """Of the first submission: a tie-break may ask for it."""


class EntryReason(Part):
    """Why staff returned or refused an entry, and the field it is about."""

    code: str
    text: LocalizedText
    field: str = ""


class EntryReturned(Event):
    """Staff ask for a correction before closing."""

    SERVICE: ClassVar[str] = "intake"
    TOPIC: ClassVar[str] = "intake.entry.v1"
    KEY: ClassVar[str] = "entry_id"

    entry_id: EntryId
    revision: Revision
    contact_id: ContactId
    reference: str = ""
    reasons: tuple[EntryReason, ...]
    returned_at: Instant


class EntryWithdrawn(Event):
    """The applicant took the entry back; nobody scores or votes for it any more."""

    SERVICE: ClassVar[str] = "intake"
    TOPIC: ClassVar[str] = "intake.entry.v1"
    KEY: ClassVar[str] = "entry_id"

    entry_id: EntryId
    revision: Revision
    contact_id: ContactId
    reference: str = ""
    reason: str = ""
    withdrawn_at: Instant


class EntryScreened(Event):
    """Staff decided whether the entry meets annex §1 and §3."""

    SERVICE: ClassVar[str] = "intake"
    TOPIC: ClassVar[str] = "intake.entry.v1"
    KEY: ClassVar[str] = "entry_id"

    entry_id: EntryId
    revision: Revision
    contact_id: ContactId
    reference: str = ""
    accepted: bool
    reasons: tuple[EntryReason, ...] = ()
    screened_by: ContactId
    screened_at: Instant
