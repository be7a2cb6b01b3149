"""The identifiers that travel in events. All are opaque text; none can be turned back into a person."""

import os
import time
from typing import NewType
from uuid import UUID

ContestId = NewType("ContestId", str)
"""Slug of a contest, also its folder under ``contests/``: ``smart-city-2022``."""
ContactId = NewType("ContactId", str)
EntryId = NewType("EntryId", str)
RegistrationId = NewType("RegistrationId", str)
JudgeId = NewType("JudgeId", str)
CategoryId = NewType("CategoryId", str)
AwardId = NewType("AwardId", str)
DimensionId = NewType("DimensionId", str)
SlotId = NewType("SlotId", str)
VoterId = NewType("VoterId", str)
ReceiptId = NewType("ReceiptId", str)
NoticeId = NewType("NoticeId", str)
LetterId = NewType("LetterId", str)


def uuid7() -> UUID:
    """A time-ordered UUID, version 7 of RFC 9562: 48 bits of Unix milliseconds, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76
    value |= ((random >> 62) & 0xFFF) << 64
    value |= 0b10 << 62
    value |= random & ((1 << 62) - 1)
    return UUID(int=value)


def new_id() -> str:
    """A fresh opaque identifier: the text of a UUIDv7."""
    return str(uuid7())
