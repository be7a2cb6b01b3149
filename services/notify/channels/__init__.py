"""The ways out of the house: e-mail, webhooks, and gateways for LINE and SMS."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from services.notify.domain.delivery import Outcome
from services.notify.repository.notices import Claimed, Key

Settle = Callable[[Sequence[tuple[Key, Outcome]]], Awaitable[None]]
"""Writes down what became of notices, in one short transaction."""


class Sender(Protocol):
    """One channel. It tells of each notice once, as soon as it knows."""

    async def deliver(self, mails: Sequence[Claimed], settle: Settle) -> None:
        """Send what is claimed and settle it. What is not settled is tried again when the lease ends."""
