"""The only modules that query notify's tables."""

from services.notify.repository import (
    board,
    cascade,
    certificates,
    erasure,
    letters,
    links,
    notices,
    people,
    progress,
    register,
    sending,
    signers,
    steps,
    unreached,
)

__all__ = [
    "board",
    "cascade",
    "certificates",
    "erasure",
    "letters",
    "links",
    "notices",
    "people",
    "progress",
    "register",
    "sending",
    "signers",
    "steps",
    "unreached",
]
