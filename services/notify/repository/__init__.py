"""The only modules that query notify's tables."""

from services.notify.repository import (
    board,
    cascade,
    certificates,
    letters,
    notices,
    people,
    progress,
    register,
    sending,
    signers,
)

__all__ = [
    "board",
    "cascade",
    "certificates",
    "letters",
    "notices",
    "people",
    "progress",
    "register",
    "sending",
    "signers",
]
