"""Contacts, the rules, briefing registrations and entries."""

from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify.handlers.erasing import erase_person
from services.notify.handlers.tell import Happening, tell
from services.notify.repository import people, progress
from shared.clock import Clock
from shared.contracts.intake import (
    BriefingCancelled,
    BriefingRegistered,
    ContactUpserted,
    ContestAmended,
    EntryAmended,
    EntryContent,
    EntryReason,
    EntryReturned,
    EntryScreened,
    EntryStarted,
    EntrySubmitted,
    EntryWithdrawn,
)
from shared.messaging import Envelope, Subscription

Json = dict[str, Any]
_BRIEFING = "milestones.briefing"


async def on_contact_upserted(session: AsyncSession, event: ContactUpserted, envelope: Envelope) -> None:
    await people.keep_contact(session, event)


def _reasons(reasons: tuple[EntryReason, ...]) -> Json:
    return {"list": [reason.text.model_dump() for reason in reasons]}


def _content(event: EntryContent, state: str) -> Json:
    return {
        "contest_id": event.contest_id,
        "entry_id": event.entry_id,
        "revision": event.revision,
        "state": state,
        "contact_id": event.contact_id,
        "reference": event.reference,
        "applicant_name": event.applicant.name,
        "province_code": event.applicant.province_code,
        "category_id": event.category_id,
        "title": event.title.model_dump(),
    }


def amendment(event: ContestAmended) -> Json:
    """What other systems are told of an amendment; the rulebook itself is on its topic."""
    return {
        "contest_id": event.contest_id,
        "number": event.rulebook.number,
        "changed": list(event.changed),
        "reason": event.reason.model_dump(),
        "rulebook_sha256": event.rulebook_sha256,
        "amended_at": event.amended_at.isoformat(),
    }


class IntakeEvents:
    """Handlers that plan notices need the contest's clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def amended(self, session: AsyncSession, event: ContestAmended, envelope: Envelope) -> None:
        facts: Json = {
            "amendment.number": str(event.rulebook.number),
            "amendment.reason": event.reason.model_dump(),
            "amendment.changed": ", ".join(event.changed) or "–",
            "rulebook.number": event.rulebook.number,
        }
        await self._tell(session, event, envelope, facts=facts, payload=amendment(event))
        if any(path.startswith(_BRIEFING) for path in event.changed):
            await self._briefing_changed(session, event, envelope)

    async def _briefing_changed(
        self, session: AsyncSession, event: ContestAmended, envelope: Envelope
    ) -> None:
        """Every guest gets the appointment anew: the same UID with a higher sequence moves it."""
        for registration in await progress.standing_briefings(session, event.contest_id):
            facts: Json = {
                "amendment.reason": event.reason.model_dump(),
                "rulebook.number": event.rulebook.number,
                "ics.uid": f"briefing-{registration.registration_id}",
                "ics.sequence": registration.revision - 1,
            }
            happening = Happening(
                contest_id=event.contest_id,
                event="BriefingChanged",
                event_id=f"{envelope.id}:{registration.registration_id}",
                contact_id=registration.contact_id,
                facts=facts,
                correlation_id=envelope.correlation_id,
            )
            await tell(session, self._clock, happening)

    async def registered(self, session: AsyncSession, event: BriefingRegistered, envelope: Envelope) -> None:
        await self._briefing(session, event, envelope, cancelled=False)

    async def cancelled(self, session: AsyncSession, event: BriefingCancelled, envelope: Envelope) -> None:
        await self._briefing(session, event, envelope, cancelled=True)

    async def _briefing(
        self,
        session: AsyncSession,
        event: BriefingRegistered | BriefingCancelled,
        envelope: Envelope,
        *,
        cancelled: bool,
    ) -> None:
        values = event.model_dump(include={"contest_id", "registration_id", "revision", "contact_id"})
        await progress.keep_briefing(session, {**values, "cancelled": cancelled})
        facts = {"ics.uid": f"briefing-{event.registration_id}", "ics.sequence": event.revision - 1}
        await self._tell(session, event, envelope, facts=facts, contact_id=event.contact_id)

    async def erased(self, session: AsyncSession, contact_id: str, envelope: Envelope) -> None:
        await erase_person(session, self._clock, contact_id)

    async def started(self, session: AsyncSession, event: EntryStarted, envelope: Envelope) -> None:
        values = event.model_dump(include={"contest_id", "entry_id", "revision", "contact_id"})
        category = {"category_id": event.category_id} if event.category_id else {}
        await progress.keep_entry(
            session, {**values, **category, "state": "draft", "changed_at": event.started_at}
        )

    async def submitted(self, session: AsyncSession, event: EntrySubmitted, envelope: Envelope) -> None:
        before = await progress.entry(session, event.contest_id, event.entry_id)
        again = before is not None and before.state == "returned"
        await progress.keep_entry(session, {**_content(event, "submitted"), "changed_at": event.submitted_at})
        facts = {"entry.submitted": {"at": event.submitted_at.isoformat()}}
        condition = "again" if again else "first"
        await self._tell(session, event, envelope, facts=facts, entry_id=event.entry_id, condition=condition)

    async def entry_amended(self, session: AsyncSession, event: EntryAmended, envelope: Envelope) -> None:
        await progress.keep_entry(session, {**_content(event, "submitted"), "changed_at": event.amended_at})
        await self._tell(session, event, envelope, entry_id=event.entry_id)

    async def returned(self, session: AsyncSession, event: EntryReturned, envelope: Envelope) -> None:
        await self._state(session, event, "returned", event.returned_at)
        facts = {"reasons": _reasons(event.reasons)}
        await self._tell(session, event, envelope, facts=facts, entry_id=event.entry_id)

    async def withdrawn(self, session: AsyncSession, event: EntryWithdrawn, envelope: Envelope) -> None:
        await self._state(session, event, "withdrawn", event.withdrawn_at)
        await self._tell(session, event, envelope, entry_id=event.entry_id)

    async def screened(self, session: AsyncSession, event: EntryScreened, envelope: Envelope) -> None:
        state = "accepted" if event.accepted else "refused"
        await self._state(session, event, state, event.screened_at)
        facts = {"reasons": _reasons(event.reasons)}
        await self._tell(session, event, envelope, facts=facts, entry_id=event.entry_id, condition=state)

    async def _state(self, session: AsyncSession, event: Any, state: str, at: Any) -> None:
        values = event.model_dump(include={"contest_id", "entry_id", "revision", "contact_id"})
        await progress.keep_entry(session, {**values, "state": state, "changed_at": at})

    async def _tell(self, session: AsyncSession, event: Any, envelope: Envelope, **about: Any) -> None:
        happening = Happening(
            contest_id=event.contest_id,
            event=type(event).__name__,
            event_id=envelope.id,
            correlation_id=envelope.correlation_id,
            **about,
        )
        await tell(session, self._clock, happening)


def subscriptions(group: str, clock: Clock) -> tuple[Subscription, ...]:
    """Intake's topics."""
    events = IntakeEvents(clock)
    return (
        Subscription(group, ContestAmended.TOPIC, {ContestAmended: events.amended}),
        Subscription(
            group,
            ContactUpserted.TOPIC,
            {ContactUpserted: on_contact_upserted},
            on_tombstone=events.erased,
        ),
        Subscription(
            group,
            BriefingRegistered.TOPIC,
            {BriefingRegistered: events.registered, BriefingCancelled: events.cancelled},
        ),
        Subscription(
            group,
            EntrySubmitted.TOPIC,
            {
                EntryStarted: events.started,
                EntrySubmitted: events.submitted,
                EntryAmended: events.entry_amended,
                EntryReturned: events.returned,
                EntryWithdrawn: events.withdrawn,
                EntryScreened: events.screened,
            },
        ),
    )
