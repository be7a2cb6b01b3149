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
    return UUID(new_id())


def new_id() -> str:
    """A fresh opaque identifier: the text of a UUIDv7. Made once a vote, so without a UUID in between."""
    raw = bytearray(os.urandom(16))
    raw[:6] = (time.time_ns() // 1_000_000).to_bytes(6, "big")
    raw[6] = 0x70 | raw[6] & 0x0F
    raw[8] = 0x80 | raw[8] & 0x3F
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
