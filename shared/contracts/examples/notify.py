"""Examples of notify's events."""

from shared.contracts import notify
from shared.contracts.event import Event
from shared.contracts.examples.scene import APPLICANT, CONTEST, at
from shared.contracts.ids import LetterId, NoticeId

_NOTICE = {"contest_id": CONTEST, "notice_id": NoticeId("0181e000-0000-7d00-9000-000000000001")}
_LETTER = LetterId("0181e100-0000-7d00-9000-000000000001")

NOTIFY: tuple[Event, ...] = (
    notify.LetterIssued(
        **_NOTICE,
        letter_id=_LETTER,
        kind=notify.LetterKind.CIRCULAR,
        number="สศด. 0301/ว 01461",
        template="depa-circular",
        addressee="ผู้ว่าราชการจังหวัดทุกจังหวัด",
        sha256="77" * 32,
        dispatches=77,
        issued_at=at(6, 20),
    ),
    notify.LetterAcknowledged(
        **_NOTICE, letter_id=_LETTER, receive_number="4512/2565", acknowledged_at=at(6, 22)
    ),
    notify.NoticeSent(
        **_NOTICE,
        contact_id=APPLICANT,
        channel=notify.Channel.EMAIL,
        template="entry-submitted",
        source_event_id="0181b300-0000-7000-8000-000000000007",
        message_id="<0181e000-0000-7d00-9000-000000000001@showcase.invalid>",
        sent_at=at(7, 20),
    ),
    notify.NoticeFailed(
        **_NOTICE,
        contact_id=APPLICANT,
        channel=notify.Channel.EMAIL,
        template="entry-submitted",
        source_event_id="0181b300-0000-7000-8000-000000000007",
        reason="550 5.1.1 mailbox unknown",
        permanent=True,
        failed_at=at(7, 20),
    ),
)
