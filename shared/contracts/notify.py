"""Events of notify: what was issued and what was delivered."""

from enum import StrEnum
from typing import ClassVar

from shared.contracts.event import Event, Instant
from shared.contracts.ids import ContactId, EntryId, LetterId, NoticeId


class LetterKind(StrEnum):
    """The kinds of official document (LETTERS: หนังสือภายนอก, หนังสือเวียน, …)."""

    EXTERNAL = "external"
    CIRCULAR = "circular"
    MEMORANDUM = "memorandum"
    ANNOUNCEMENT = "announcement"
    ORDER = "order"
    CERTIFICATE = "certificate"
    MINUTES = "minutes"


class Channel(StrEnum):
    """How a notice reaches its recipient."""

    EMAIL = "email"
    LETTER = "letter"
    WEBHOOK = "webhook"
    IN_APP = "in_app"


class DeliveryEvent(Event):
    """Something that left the house, or did not."""

    SERVICE: ClassVar[str] = "notify"
    TOPIC: ClassVar[str] = "notify.delivery.v1"
    KEY: ClassVar[str] = "notice_id"

    notice_id: NoticeId


class LetterIssued(DeliveryEvent):
    """A letter or certificate has its number, its date and its bytes."""

    letter_id: LetterId
    kind: LetterKind
    number: str
    """As printed, with ASCII digits: ``สศด. 0301/ว 01461``; a certificate's serial."""
    template: str
    addressee: str
    """The post addressed, never a person's name."""
    sha256: str
    """Of the PDF."""
    dispatches: int
    """To how many addressees it goes; a circular is one letter with many."""
    issued_at: Instant
    entry_id: EntryId | None = None
    """The entry that a certificate is for."""


class LetterAcknowledged(DeliveryEvent):
    """The receiver entered the letter in its own register."""

    letter_id: LetterId
    receive_number: str
    """The receiver's เลขรับ."""
    acknowledged_at: Instant


class NoticeSent(DeliveryEvent):
    """A notice was handed to its channel; ``contact_id`` is null for an office that is no contact."""

    contact_id: ContactId | None
    channel: Channel
    template: str
    source_event_id: str
    """The ce_id of the event that this notice tells of."""
    message_id: str
    sent_at: Instant


class NoticeFailed(DeliveryEvent):
    """A notice could not be delivered; ``permanent`` means nobody will try again."""

    contact_id: ContactId | None
    channel: Channel
    template: str
    source_event_id: str
    reason: str
    permanent: bool
    failed_at: Instant
