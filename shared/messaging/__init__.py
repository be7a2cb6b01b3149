"""The Kafka kit: what services need to publish events and to act on them."""

from shared.messaging.envelope import Delivered, Envelope
from shared.messaging.outbox import EventTooLarge, publish, publish_all, publish_tombstone
from shared.messaging.subscription import (
    AnySubscription,
    RecordSubscription,
    Reject,
    Subscription,
    Timer,
)

__all__ = [
    "AnySubscription",
    "Delivered",
    "Envelope",
    "EventTooLarge",
    "RecordSubscription",
    "Reject",
    "Subscription",
    "Timer",
    "publish",
    "publish_all",
    "publish_tombstone",
]
