"""What notify's component tests share: events as consumers get them, people, and a running service."""

import hashlib
import itertools
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default as modern
from typing import Any

from sqlalchemy import insert
from sqlmodel import col, select

from services.notify import consumers, repository
from services.notify.app import build
from services.notify.channels import Sender
from services.notify.channels.email import EmailSender
from services.notify.channels.webhook import WebhookSender
from services.notify.contest_files import contest_files
from services.notify.domain.keys import NotifyKeys
from services.notify.domain.second_factor import Seal, new_key
from services.notify.handlers import review
from services.notify.handlers.agencies import DUTIES
from services.notify.handlers.certificate_names import ask_names, confirm_name
from services.notify.handlers.certificates import finish_certificates
from services.notify.handlers.delivery import Dispatcher
from services.notify.mail.transport import Line, Transport
from services.notify.register_tables import Officer, RecoveryCode, SecondFactor
from services.notify.tables import Mail, Notice
from shared.clock import FixedClock
from shared.contracts.event import Event, LocalizedText
from shared.contracts.ids import CategoryId, ContactId, ContestId, EntryId, JudgeId, new_id
from shared.contracts.intake import Applicant, ContactUpserted, EntrySubmitted, Role
from shared.contracts.notify import Channel
from shared.contracts.scoring import JudgeInvited
from shared.db import Database
from shared.messaging import Envelope
from shared.service import Resources, Service
from shared.testing.rulebooks import CONTEST_ID, OPENING, SHORTLIST
from shared.testing.web import resources_for

_offsets = itertools.count()
NAME_LINK = re.compile(r"/verify/name/([A-Za-z0-9_-]{20,})")


def words_of_mail(raw: bytes) -> str:
    """The plain text of a mail."""
    body = message_from_bytes(raw, policy=modern).get_body(("plain",))
    assert body is not None
    return str(body.get_content())


SEAL = Seal.of(bytes.fromhex("1f" * 32))
"""Of the settings of tests."""


def envelope_of(event: Event, event_id: str = "") -> Envelope:
    """An envelope as the bus would give it."""
    return Envelope(
        id=event_id or new_id(),
        type=event.event_type(),
        source=f"/showcase/{event.SERVICE}",
        subject=event.key(),
        time=OPENING,
        correlation_id="corr-1",
        topic=event.TOPIC,
        partition=0,
        offset=next(_offsets),
    )


class Notify:
    """Notify on a real database: give it events, let it send, look at what it wrote."""

    def __init__(self, database: Database, clock: FixedClock | None = None, **settings: Any) -> None:
        self.clock = clock or FixedClock(OPENING)
        self.resources: Resources = resources_for(database, clock=self.clock, **settings)
        self.database = database
        self.transport = Kept()
        self.keys = NotifyKeys.of(self.resources.settings.notify_secret.get_secret_value())
        self.dispatcher = self.dispatcher_over(self.transport)
        self._subscriptions = consumers.subscriptions(self.clock)

    def dispatcher_over(self, transport: Transport, **changes: Any) -> Dispatcher:
        """A dispatcher that sends over ``transport``; ``changes`` are other settings."""
        settings = self.resources.settings.model_copy(update=changes)
        senders: dict[Channel, Sender] = {
            Channel.EMAIL: EmailSender(settings, transport, self.keys),
            Channel.WEBHOOK: WebhookSender(settings, self.database, self.clock, self.keys),
        }
        return Dispatcher(settings, self.clock, self.keys, senders)

    def service(self) -> Service:
        return build(self.resources)

    async def consume(self, event: Event, event_id: str = "") -> str:
        """Hand ``event`` to every handler of the service, each in its own transaction."""
        envelope = envelope_of(event, event_id)
        for subscription in self._subscriptions:
            handler = subscription.handlers.get(type(event))
            if subscription.topic == event.TOPIC and handler is not None:
                async with self.database.transaction() as session:
                    await handler(session, event, envelope)
        return envelope.id

    async def erase(self, contact_id: str) -> None:
        """A tombstone on the contact topic."""
        for subscription in self._subscriptions:
            if subscription.on_tombstone is not None:
                event = a_contact(contact_id)
                async with self.database.transaction() as session:
                    await subscription.on_tombstone(session, contact_id, envelope_of(event))

    async def send(self) -> None:
        """Everything that the worker's timers do."""
        await ask_names(self.database, self.clock, self.resources.settings)
        await finish_certificates(self.database, self.clock, self.resources.settings)
        await self.dispatcher.run(self.database)

    async def approve_all(self, by: str = "staff") -> int:
        """Let everything that waits for a review leave. Returns how many notices."""
        async with self.database.transaction() as session:
            waiting = await review.batches(session, CONTEST_ID)
            return sum([await review.approve(session, self.clock, one.notices, by) for one in waiting])

    async def confirm_names(self) -> None:
        """Every winner confirms the name by the link of the mail, as it was entered."""
        async with self.database.transaction() as session:
            waiting = await repository.certificates.certificates(session, CONTEST_ID)
        names = {row.token_sha256: row.recipient for row in waiting if row.confirmed_at is None}
        for _, raw in list(self.transport.sent):
            for token in NAME_LINK.findall(words_of_mail(raw)):
                name = names.get(hashlib.sha256(token.encode()).hexdigest())
                if name is not None:
                    async with self.database.transaction() as session:
                        await confirm_name(session, self.clock, token, name)

    async def notices(self) -> Sequence[Notice]:
        async with self.database.transaction() as session:
            return (await session.exec(select(Notice).order_by(col(Notice.notice_id)))).all()

    async def mails(self) -> Sequence[Mail]:
        async with self.database.transaction() as session:
            return (await session.exec(select(Mail).order_by(col(Mail.notice_id)))).all()

    async def enrol(self, *contact_ids: str, codes: int = 100) -> None:
        """Let people sign: a second factor with many recovery codes; see :func:`a_code`. They also sign for,
        and keep the registry of, every agency that is not the contest's own."""
        now = datetime(2022, 1, 1, tzinfo=UTC)
        async with self.database.transaction() as session:
            for person in contact_ids:
                sealed = SEAL.close(new_key(), person)
                session.add(
                    SecondFactor(
                        contest_id=CONTEST_ID,
                        contact_id=person,
                        sealed_secret=sealed,
                        begun_at=now,
                        confirmed_at=now,
                    )
                )
                hashes = [SEAL.hash_of(f"code{number:04}", person) for number in range(codes)]
                rows = [
                    {"contest_id": CONTEST_ID, "contact_id": person, "code_sha256": hashed}
                    for hashed in hashes
                ]
                await session.flush()
                await session.execute(insert(RecoveryCode), rows)
                for agency in contest_files(CONTEST_ID).profile_names():
                    if contest_files(CONTEST_ID).profile(agency).home:
                        continue
                    for duty in DUTIES:
                        session.add(
                            Officer(
                                contest_id=CONTEST_ID,
                                agency=agency,
                                contact_id=person,
                                duty=duty,
                                lines=[],
                                authorised_by="",
                                valid_from=now.date(),
                                appointed_by="test",
                                appointed_at=now,
                            )
                        )


_codes = itertools.count()


def a_code() -> str:
    """A code that nobody has used yet, for whom :meth:`Notify.enrol` made ready."""
    return f"code{next(_codes) % 100:04}"


class Kept:
    """A transport that keeps what it is given; ``refuse`` says what the server answers to an address."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.senders: list[str] = []
        """The return path of each."""
        self.refuse: dict[str, Exception] = {}
        self.away: Exception | None = None

    def line(self) -> "_KeptLine":
        return _KeptLine(self)


class _KeptLine:
    def __init__(self, transport: Kept) -> None:
        self._transport = transport

    async def __aenter__(self) -> Line:
        if self._transport.away:
            raise self._transport.away
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def send(self, sender: str, to: str, message: bytes) -> None:
        if to in self._transport.refuse:
            raise self._transport.refuse[to]
        self._transport.sent.append((to, message))
        self._transport.senders.append(sender)


def a_contact(
    contact_id: str = "", *, roles: tuple[Role, ...] = (Role.APPLICANT,), **changes: Any
) -> ContactUpserted:
    fields: dict[str, Any] = {
        "contest_id": ContestId(CONTEST_ID),
        "contact_id": ContactId(contact_id or new_id()),
        "revision": 1,
        "name": "ผู้ประสานงานตัวอย่าง",
        "email": f"{contact_id or 'someone'}@office.example",
        "organisation": "เทศบาลนครตัวอย่าง",
        "roles": roles,
        "sessions_valid_from": datetime(2020, 1, 1, tzinfo=UTC),
    }
    return ContactUpserted(**{**fields, **changes})


def a_judge(judge_id: str) -> JudgeInvited:
    """The invitation of the judge who is the contact of the same id."""
    return JudgeInvited(
        contest_id=ContestId(CONTEST_ID),
        judge_id=JudgeId(judge_id),
        revision=1,
        contact_id=ContactId(judge_id),
        category_ids=(),
        invited_at=SHORTLIST,
    )


def an_entry(entry_id: str = "entry-1", contact_id: str = "applicant-1", **changes: Any) -> EntrySubmitted:
    fields: dict[str, Any] = {
        "contest_id": ContestId(CONTEST_ID),
        "entry_id": EntryId(entry_id),
        "revision": 2,
        "reference": "SC65-0001",
        "contact_id": ContactId(contact_id),
        "applicant": Applicant(name="เทศบาลนครตัวอย่าง", kind="municipality", province_code="96"),
        "category_id": CategoryId("environment"),
        "title": LocalizedText(th="คลองใส เมืองเย็น", en="Clear canals, cool city"),
        "summary": LocalizedText(th="สรุป"),
        "operating_since": "2021-01-01",
        "submitted_at": OPENING,
    }
    return EntrySubmitted(**{**fields, **changes})
