"""The vote as the board shows it, and its opening as finalists are told."""

from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify.channels.webhook import public_payload
from services.notify.handlers.tell import Happening, tell
from services.notify.repository import progress
from shared.clock import Clock
from shared.contracts.voting import (
    PopularVoteCertified,
    TallyChanged,
    VotesDecision,
    VotesHeld,
    VotesReleased,
    VotesStruck,
    VotingClosed,
    VotingOpened,
)
from shared.messaging import Envelope, Subscription

Json = dict[str, Any]


async def on_tally_changed(session: AsyncSession, event: TallyChanged, envelope: Envelope) -> None:
    await progress.keep_tally(
        session,
        contest_id=event.contest_id,
        entry_id=event.entry_id,
        revision=event.revision,
        counted=event.counted,
        at=event.changed_at,
    )


async def on_votes_decision(session: AsyncSession, event: VotesDecision, envelope: Envelope) -> None:
    kind = {VotesStruck: "struck", VotesReleased: "released"}.get(type(event), "held")
    await progress.keep_held_votes(
        session,
        {
            "contest_id": event.contest_id,
            "decision_id": f"{kind}:{event.decision_id}",
            "kind": kind,
            "receipts": len(event.receipt_ids),
            "reason": event.reason,
        },
    )


async def _decision(session: AsyncSession, event: Any, kind: str, at: Any, facts: Json) -> None:
    await progress.keep_decision(
        session,
        {
            "contest_id": event.contest_id,
            "kind": kind,
            "revision": event.revision,
            "at": at,
            "facts": facts,
        },
    )


async def on_voting_closed(session: AsyncSession, event: VotingClosed, envelope: Envelope) -> None:
    await _decision(session, event, "voting_closed", event.closed_at, {})


async def on_popular_vote_certified(
    session: AsyncSession, event: PopularVoteCertified, envelope: Envelope
) -> None:
    counts = event.model_dump(include={"received", "counted", "duplicate", "late", "held", "struck"})
    await _decision(session, event, "popular", event.certified_at, counts)


class VotingEvents:
    """Handlers that plan notices need the contest's clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def opened(self, session: AsyncSession, event: VotingOpened, envelope: Envelope) -> None:
        closes = {"closes_at": event.closes_at.isoformat()}
        await _decision(session, event, "voting_opened", event.opened_at, closes)
        happening = Happening(
            contest_id=event.contest_id,
            event="VotingOpened",
            event_id=envelope.id,
            facts={"vote.closes": {"at": event.closes_at.isoformat()}},
            finalists=tuple(event.ballot),
            payload=public_payload(event),
            correlation_id=envelope.correlation_id,
        )
        await tell(session, self._clock, happening)

    async def held(self, session: AsyncSession, event: VotesHeld, envelope: Envelope) -> None:
        await on_votes_decision(session, event, envelope)
        if event.part > 1:  # the same case again: staff were told when it began
            return
        happening = Happening(
            contest_id=event.contest_id,
            event="VotesHeld",
            event_id=envelope.id,
            facts={"votes.held": str(event.votes or len(event.receipt_ids)), "votes.reason": event.reason},
            correlation_id=envelope.correlation_id,
        )
        await tell(session, self._clock, happening)


def subscriptions(group: str, clock: Clock) -> tuple[Subscription, ...]:
    """Voting's topics, but for the votes themselves."""
    events = VotingEvents(clock)
    return (
        Subscription(group, TallyChanged.TOPIC, {TallyChanged: on_tally_changed}),
        Subscription(
            group,
            VotingOpened.TOPIC,
            {
                VotingOpened: events.opened,
                VotingClosed: on_voting_closed,
                VotesHeld: events.held,
                VotesStruck: on_votes_decision,
                VotesReleased: on_votes_decision,
                PopularVoteCertified: on_popular_vote_certified,
            },
        ),
    )
