"""What voting listens to."""

from datetime import timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting import handlers, tree
from services.voting.fraud import signals
from services.voting.tally import GROUP, fold_records
from services.voting.tree import grow_trees_from
from shared import known
from shared.contracts.intake import EntryWithdrawn
from shared.contracts.scoring import ShortlistPublished
from shared.contracts.voting import VoteCast, VotingSealed
from shared.messaging import (
    AnySubscription,
    Envelope,
    RecordSubscription,
    Subscription,
)

DETECTORS_LINGER = timedelta(milliseconds=500)
"""Large batches: the detectors are in no hurry, and the tally shares the machine."""


async def on_shortlist_published(
    session: AsyncSession, event: ShortlistPublished, envelope: Envelope
) -> None:
    await handlers.keep_shortlist(session, event)


async def on_entry_withdrawn(session: AsyncSession, event: EntryWithdrawn, envelope: Envelope) -> None:
    await handlers.keep_withdrawal(session, event)


def subscriptions() -> tuple[AnySubscription, ...]:
    """Every subscription of the worker."""
    return (
        *known.subscriptions("voting"),
        Subscription("voting", ShortlistPublished.TOPIC, {ShortlistPublished: on_shortlist_published}),
        Subscription("voting", EntryWithdrawn.TOPIC, {EntryWithdrawn: on_entry_withdrawn}),
        RecordSubscription(GROUP, VoteCast.TOPIC, (VoteCast, VotingSealed), fold_records),
        RecordSubscription(
            signals.GROUP,
            VoteCast.TOPIC,
            (VoteCast, VotingSealed),
            signals.keep_signals_from,
            linger=DETECTORS_LINGER,
        ),
        RecordSubscription(
            tree.GROUP,
            VoteCast.TOPIC,
            (VoteCast, VotingSealed),
            grow_trees_from,
            batch_size=tree.BATCH,
            linger=tree.LINGER,
        ),
    )
