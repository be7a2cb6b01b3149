"""How the read model follows intake's events."""

from sqlmodel.ext.asyncio.session import AsyncSession

from shared.contracts.intake import ContactUpserted, ContestAmended, ContestPublished
from shared.known.contacts import forget_contact, keep_contact
from shared.known.rulebooks import keep_rulebook
from shared.messaging.envelope import Envelope
from shared.messaging.subscription import Subscription


async def on_contest_published(session: AsyncSession, event: ContestPublished, envelope: Envelope) -> None:
    await keep_rulebook(session, event.rulebook, event.sealed_at)


async def on_contest_amended(session: AsyncSession, event: ContestAmended, envelope: Envelope) -> None:
    await keep_rulebook(session, event.rulebook, event.amended_at)


async def on_contact_upserted(session: AsyncSession, event: ContactUpserted, envelope: Envelope) -> None:
    await keep_contact(session, event)


async def on_contact_erased(session: AsyncSession, contact_id: str, envelope: Envelope) -> None:
    await forget_contact(session, contact_id)


def subscriptions(group: str) -> tuple[Subscription, ...]:
    """The subscriptions that keep this service's read model; every service but intake has them.

    A service that reads these topics for itself too gives another ``group`` here
    (``notify-known``), because a group reads each record once.
    """
    return (
        Subscription(
            group=group,
            topic=ContestPublished.TOPIC,
            handlers={ContestPublished: on_contest_published, ContestAmended: on_contest_amended},
        ),
        Subscription(
            group=group,
            topic=ContactUpserted.TOPIC,
            handlers={ContactUpserted: on_contact_upserted},
            on_tombstone=on_contact_erased,
        ),
    )
