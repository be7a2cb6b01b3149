"""What scoring learns from the log: entries, people, its own scores, and the certified public vote."""

from sqlmodel.ext.asyncio.session import AsyncSession

from services.scoring.repository import decisions, entries, scores
from services.scoring.tables import EntryState
from shared import known
from shared.contracts.intake import (
    ContactUpserted,
    EntryAmended,
    EntryReturned,
    EntryScreened,
    EntrySubmitted,
    EntryWithdrawn,
    Role,
)
from shared.contracts.scoring import ScoreAmended, ScoreRecorded
from shared.contracts.voting import PopularVoteCertified
from shared.messaging import Envelope, Subscription

GROUP = "scoring"
AGGREGATE_GROUP = "scoring-aggregate"
PEOPLE_GROUP = "scoring-people"
_NAMED_ROLES = frozenset({Role.JUDGE, Role.STAFF, Role.ADMIN, Role.APPROVER})


async def on_entry_submitted(session: AsyncSession, event: EntrySubmitted, envelope: Envelope) -> None:
    await entries.keep_content(session, event, event.submitted_at)


async def on_entry_amended(session: AsyncSession, event: EntryAmended, envelope: Envelope) -> None:
    await entries.keep_content(session, event, event.submitted_at)


async def on_entry_returned(session: AsyncSession, event: EntryReturned, envelope: Envelope) -> None:
    await entries.set_state(session, event.contest_id, event.entry_id, event.revision, EntryState.RETURNED)


async def on_entry_withdrawn(session: AsyncSession, event: EntryWithdrawn, envelope: Envelope) -> None:
    await entries.set_state(session, event.contest_id, event.entry_id, event.revision, EntryState.WITHDRAWN)


async def on_entry_screened(session: AsyncSession, event: EntryScreened, envelope: Envelope) -> None:
    state = EntryState.ACCEPTED if event.accepted else EntryState.REFUSED
    await entries.set_state(
        session, event.contest_id, event.entry_id, event.revision, state, event.screened_at
    )


async def on_contact_upserted(session: AsyncSession, event: ContactUpserted, envelope: Envelope) -> None:
    """Keep the names of those who judge or sign; of everyone else nothing is kept here."""
    if _NAMED_ROLES.intersection(event.roles):
        await entries.keep_person(session, event)
    else:
        await entries.forget_person(session, event.contact_id)


async def on_contact_erased(session: AsyncSession, contact_id: str, envelope: Envelope) -> None:
    await entries.forget_person(session, contact_id)


async def on_score_recorded(session: AsyncSession, event: ScoreRecorded, envelope: Envelope) -> None:
    if await scores.count_score(session, event, event.recorded_at):
        await scores.recompute_total(session, event.contest_id, event.round.value, event.entry_id)


async def on_score_amended(session: AsyncSession, event: ScoreAmended, envelope: Envelope) -> None:
    if await scores.count_score(session, event, event.amended_at):
        await scores.recompute_total(session, event.contest_id, event.round.value, event.entry_id)


async def on_popular_vote_certified(
    session: AsyncSession, event: PopularVoteCertified, envelope: Envelope
) -> None:
    await decisions.keep_popular_vote(session, event)


def subscriptions() -> tuple[Subscription, ...]:
    """Everything that scoring's workers consume."""
    return (
        *known.subscriptions(GROUP),
        Subscription(
            group=GROUP,
            topic=EntrySubmitted.TOPIC,
            handlers={
                EntrySubmitted: on_entry_submitted,
                EntryAmended: on_entry_amended,
                EntryReturned: on_entry_returned,
                EntryWithdrawn: on_entry_withdrawn,
                EntryScreened: on_entry_screened,
            },
        ),
        Subscription(
            group=PEOPLE_GROUP,
            topic=ContactUpserted.TOPIC,
            handlers={ContactUpserted: on_contact_upserted},
            on_tombstone=on_contact_erased,
        ),
        Subscription(
            group=AGGREGATE_GROUP,
            topic=ScoreRecorded.TOPIC,
            handlers={ScoreRecorded: on_score_recorded, ScoreAmended: on_score_amended},
        ),
        Subscription(
            group=GROUP,
            topic=PopularVoteCertified.TOPIC,
            handlers={PopularVoteCertified: on_popular_vote_certified},
        ),
    )
