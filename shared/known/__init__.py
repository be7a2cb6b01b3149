"""What every service knows of the contest and of its people: rulebooks and contacts, kept from events.

A contact is known here by its opaque id, roles and language; nothing of it is personal data.
"""

from shared.known.consume import subscriptions
from shared.known.contacts import KnownContact, contact, forget_contact, keep_contact
from shared.known.rulebooks import contests, current_contest, keep_rulebook, rulebook

__all__ = [
    "KnownContact",
    "contact",
    "contests",
    "current_contest",
    "forget_contact",
    "keep_contact",
    "keep_rulebook",
    "rulebook",
    "subscriptions",
]
