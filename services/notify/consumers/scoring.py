"""Judges, their progress, and the decisions that make finalists, appointments and winners."""

from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify.channels.webhook import public_payload
from services.notify.handlers.certificates import issue_certificates
from services.notify.handlers.drafting import draft_announcements
from services.notify.handlers.tell import Happening, tell
from services.notify.mail.words import span
from services.notify.repository import people, progress
from shared.clock import Clock
from shared.contracts.scoring import (
    ApprovalAwaited,
    DecisionName,
    JudgeAccepted,
    JudgeAssigned,
    JudgeInvited,
    JudgeRecused,
    PresentationEvent,
    PresentationMoved,
    PresentationScheduled,
    ResultsPublished,
    ScoreAmended,
    ScoreEvent,
    ScoreRecorded,
    ShortlistPublished,
    WinnersCertified,
)
from shared.messaging import Envelope, Subscription

Json = dict[str, Any]
_DECISIONS = {
    DecisionName.SHORTLIST: ("รายชื่อผู้ผ่านการคัดเลือกรอบแรก", "the shortlist"),
    DecisionName.WINNERS: ("ผลการตัดสินของกรรมการ", "the judges' awards"),
    DecisionName.RESULTS: ("ผลรางวัลทั้งหมด", "the results"),
}


async def on_score(session: AsyncSession, event: ScoreEvent, envelope: Envelope) -> None:
    values = event.model_dump(include={"contest_id", "entry_id", "judge_id", "revision"})
    await progress.keep_score(session, {**values, "round": event.round.value})


class ScoringEvents:
    """Handlers that plan notices need the contest's clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def _judge(self, session: AsyncSession, event: Any, *, accepted: bool) -> None:
        values = event.model_dump(include={"contest_id", "judge_id", "revision", "contact_id"})
        await progress.keep_judge(session, {**values, "accepted": accepted})

    async def invited(self, session: AsyncSession, event: JudgeInvited, envelope: Envelope) -> None:
        await self._judge(session, event, accepted=False)
        await self._tell(session, event, envelope, contact_id=event.contact_id)

    async def accepted(self, session: AsyncSession, event: JudgeAccepted, envelope: Envelope) -> None:
        await self._judge(session, event, accepted=True)
        names = await people.names(session, [event.contact_id])
        facts = {"judge.name": names.get(event.contact_id, "–")}
        await self._tell(session, event, envelope, facts=facts, contact_id=event.contact_id)

    async def assigned(self, session: AsyncSession, event: JudgeAssigned, envelope: Envelope) -> None:
        await self._judge(session, event, accepted=True)
        values = event.model_dump(include={"contest_id", "judge_id", "revision", "due_at"})
        await progress.keep_assignment(
            session, {**values, "round": event.round.value, "entry_ids": list(event.entry_ids)}
        )
        facts = {"judge.count": str(len(event.entry_ids)), "judge.due": {"at": event.due_at.isoformat()}}
        await self._tell(session, event, envelope, facts=facts, contact_id=event.contact_id)

    async def recused(self, session: AsyncSession, event: JudgeRecused, envelope: Envelope) -> None:
        values = event.model_dump(include={"contest_id", "judge_id", "entry_id"})
        await progress.keep_recusal(session, {**values, "at": event.recused_at})
        await self._tell(session, event, envelope, facts={"entry_id": event.entry_id})

    async def shortlisted(self, session: AsyncSession, event: ShortlistPublished, envelope: Envelope) -> None:
        finalists = [finalist.model_dump(mode="json") for finalist in event.finalists]
        await progress.keep_decision(
            session,
            {
                "contest_id": event.contest_id,
                "kind": "shortlist",
                "revision": event.revision,
                "at": event.published_at,
                "facts": {"finalists": finalists, "not_selected": list(event.not_selected)},
            },
        )
        await self._tell(
            session,
            event,
            envelope,
            finalists=tuple(finalist.entry_id for finalist in event.finalists),
            not_selected=tuple(event.not_selected),
        )
        await draft_announcements(session, self._clock, event)

    async def scheduled(
        self, session: AsyncSession, event: PresentationScheduled, envelope: Envelope
    ) -> None:
        await self._slot(session, event, envelope, {})

    async def moved(self, session: AsyncSession, event: PresentationMoved, envelope: Envelope) -> None:
        facts: Json = {
            "slot.before": {"at": event.previous_starts_at.isoformat()},
            "slot.reason": event.reason or "–",
        }
        await self._slot(session, event, envelope, facts)

    async def _slot(
        self, session: AsyncSession, event: PresentationEvent, envelope: Envelope, facts: Json
    ) -> None:
        fields = {"contest_id", "slot_id", "revision", "entry_id", "starts_at", "ends_at", "meeting_url"}
        await progress.keep_slot(session, event.model_dump(include=fields))
        facts |= {
            "slot.day": {"day": event.starts_at.isoformat()},
            "slot.hours": {
                language: span(event.starts_at, event.ends_at, language) for language in ("th", "en")
            },
            "slot.url": event.meeting_url,
            "ics.uid": f"slot-{event.slot_id}",
            "ics.sequence": event.revision - 1,
            "ics.starts_at": event.starts_at.isoformat(),
            "ics.ends_at": event.ends_at.isoformat(),
        }
        await self._tell(session, event, envelope, facts=facts, entry_id=event.entry_id)

    async def awaited(self, session: AsyncSession, event: ApprovalAwaited, envelope: Envelope) -> None:
        th, en = _DECISIONS[event.decision]
        facts = {"decision.name": {"th": th, "en": en}}
        people = frozenset(event.waits_on_others_than)
        await progress.keep_decision(
            session,
            {
                "contest_id": event.contest_id,
                "kind": progress.awaited_kind(event.decision),
                "revision": event.proposal * 10 + event.signatures,
                "at": event.awaited_at,
                "facts": {},
            },
        )
        await self._tell(session, event, envelope, facts=facts, but_not=people)

    async def certified(self, session: AsyncSession, event: WinnersCertified, envelope: Envelope) -> None:
        await self._awards(session, event, "winners", event.certified_at)

    async def results(self, session: AsyncSession, event: ResultsPublished, envelope: Envelope) -> None:
        await self._awards(session, event, "results", event.published_at)
        winners = tuple(str(award.entry_id) for award in event.awards if award.entry_id)
        await self._tell(session, event, envelope, winners=winners)
        await issue_certificates(session, event)
        await draft_announcements(session, self._clock, event)

    async def _awards(
        self, session: AsyncSession, event: WinnersCertified | ResultsPublished, kind: str, at: Any
    ) -> None:
        awards = [award.model_dump(mode="json") for award in event.awards]
        await progress.keep_decision(
            session,
            {
                "contest_id": event.contest_id,
                "kind": kind,
                "revision": event.revision,
                "at": at,
                "facts": {"awards": awards},
            },
        )

    async def _tell(self, session: AsyncSession, event: Any, envelope: Envelope, **about: Any) -> None:
        happening = Happening(
            contest_id=event.contest_id,
            event=type(event).__name__,
            event_id=envelope.id,
            correlation_id=envelope.correlation_id,
            payload=public_payload(event),
            **about,
        )
        await tell(session, self._clock, happening)


def subscriptions(group: str, clock: Clock) -> tuple[Subscription, ...]:
    """Scoring's topics."""
    events = ScoringEvents(clock)
    return (
        Subscription(
            group,
            JudgeInvited.TOPIC,
            {
                JudgeInvited: events.invited,
                JudgeAccepted: events.accepted,
                JudgeAssigned: events.assigned,
                JudgeRecused: events.recused,
            },
        ),
        Subscription(group, ScoreRecorded.TOPIC, {ScoreRecorded: on_score, ScoreAmended: on_score}),
        Subscription(
            group,
            ShortlistPublished.TOPIC,
            {
                ShortlistPublished: events.shortlisted,
                PresentationScheduled: events.scheduled,
                PresentationMoved: events.moved,
                ApprovalAwaited: events.awaited,
                WinnersCertified: events.certified,
                ResultsPublished: events.results,
            },
        ),
    )
