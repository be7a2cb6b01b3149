"""The Kafka kit: what services need to publish events and to act on them."""

from shared.messaging.envelope import Delivered, Envelope
from shared.messaging.outbox import EventTooLarge, publish, publish_all, publish_tombstone
from shared.messaging.subscription import BatchSubscription, Reject, Subscription, Timer

__all__ = [
    "BatchSubscription",
    "Delivered",
    "Envelope",
    "EventTooLarge",
    "Reject",
    "Subscription",
    "Timer",
    "publish",
    "publish_all",
    "publish_tombstone",
]
