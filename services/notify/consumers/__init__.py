"""What notify learns from the log, and the notices that follow."""

from services.notify.consumers import intake, scoring, voting
from shared import known
from shared.clock import Clock
from shared.messaging import Subscription

GROUP = "notify"
KNOWN_GROUP = "notify-known"


def subscriptions(clock: Clock) -> tuple[Subscription, ...]:
    """Everything that notify's workers consume."""
    return (
        *known.subscriptions(KNOWN_GROUP),
        *intake.subscriptions(GROUP, clock),
        *scoring.subscriptions(GROUP, clock),
        *voting.subscriptions(GROUP, clock),
    )
