"""Identity's tables: codes that were asked for, the queue, spent puzzles, and who destroyed the keys.

What people typed is not here: it lies in the vault, in a schema of its own.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from services.voting.tables import Row, instant


class BallotCode(Row, table=True):
    """A one-time code that was asked for: hashes only, never an address and never the digits."""

    __tablename__ = "ballot_code"
    __table_args__ = (Index("ballot_code_subject", "contest_id", "subject", "asked_at"),)

    contest_id: str = Field(primary_key=True)
    code_id: str = Field(primary_key=True)
    subject: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    tries: int = 0
    channel: str
    """``email`` or ``phone``."""
    risk: int
    """Level of risk of the request, 0 to 3."""
    shared_network: bool
    """Flagged: many codes were asked for from its network of late."""
    proved: bool
    """Whether a puzzle was solved for it."""
    asked_at: datetime = instant()
    sent_at: datetime | None = instant(nullable=True)
    """When it was handed over for delivery; the ten minutes begin here."""
    refused_at: datetime | None = instant(nullable=True)
    """When the mail server or the gateway refused the address for good."""
    unsent_at: datetime | None = instant(nullable=True)
    """When the courier gave up, because nobody took messages for so long."""
    used_at: datetime | None = instant(nullable=True)


class OutgoingCode(Row, table=True):
    """A code that waits to be sent. Instants are real time, not the contest's; the address lies sealed
    in the vault."""

    __tablename__ = "outgoing_code"
    __table_args__ = (Index("outgoing_code_due", "due_at", "code_id"),)

    contest_id: str = Field(primary_key=True)
    code_id: str = Field(primary_key=True)
    subject: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    channel: str
    provider: str
    """Whom the pace spares: a well-known provider, a country's prefix, or a keyed hash of the domain."""
    language: str
    attempts: int = 0
    queued_at: datetime = instant()
    due_at: datetime = instant()
    claimed_until: datetime | None = instant(nullable=True)
    """A courier has it in hand until then; one that died loses it to the next."""


class AccountSubject(Row, table=True):
    """Who got a ballot by an account elsewhere: a keyed hash, kept so that the destruction of the identity
    keys can be checked for these voters too."""

    __tablename__ = "account_subject"

    contest_id: str = Field(primary_key=True)
    subject: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))


class SpentPuzzle(Row, table=True):
    """A puzzle whose answer was taken; it is not taken again."""

    __tablename__ = "spent_puzzle"
    __table_args__ = (Index("spent_puzzle_expires", "expires_at"),)

    contest_id: str = Field(primary_key=True)
    nonce: str = Field(primary_key=True)
    expires_at: datetime = instant()


class IdentityDestruction(Row, table=True):
    """The record of who destroyed a contest's identity keys, and of what was checked afterwards."""

    __tablename__ = "identity_destruction"

    contest_id: str = Field(primary_key=True)
    destroyed_by: str
    """The post of whoever typed the command."""
    destroyed_at: datetime = instant()
    report: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
