"""Voting's tables. Every key starts with the contest, but for what the processes tell of themselves."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


def instant(*, nullable: bool = False) -> Any:
    """A column of aware datetimes."""
    return Field(default=None, sa_type=DateTime(timezone=True), nullable=nullable)


def by_folding(table: str) -> Index:
    """Finds what was folded lately without a word per row: rows lie in the order of their folding."""
    return Index(
        f"{table}_folded_at",
        "folded_at",
        postgresql_using="brin",
        postgresql_with={"autosummarize": "on", "pages_per_range": "32"},
    )


class Row(SQLModel, registry=registry()):
    """Base of voting's own tables, apart from those of the other services in the same process."""


class Shortlist(Row, table=True):
    """The newest ShortlistPublished that was seen."""

    contest_id: str = Field(primary_key=True)
    revision: int


class Finalist(Row, table=True):
    """An entry on the shortlist, with what the ballot shows of it."""

    contest_id: str = Field(primary_key=True)
    entry_id: str = Field(primary_key=True)
    category_id: str
    title_th: str
    title_en: str = ""
    applicant_name: str
    province_code: str = ""
    summary_th: str = ""
    summary_en: str = ""
    rank: int


class WithdrawnEntry(Row, table=True):
    """An entry whose applicant withdrew it: no longer on the ballot, and it cannot win."""

    __tablename__ = "withdrawn_entry"

    contest_id: str = Field(primary_key=True)
    entry_id: str = Field(primary_key=True)
    revision: int
    withdrawn_at: datetime = instant()


class Vote(Row, table=True):
    """A vote that counts (or did until it was held): one per voter and slot."""

    __table_args__ = (
        UniqueConstraint("contest_id", "receipt_id", name="vote_receipt"),
        by_folding("vote"),
    )

    contest_id: str = Field(primary_key=True)
    slot: str = Field(primary_key=True)
    voter_id: str = Field(primary_key=True)
    receipt_id: str
    entry_id: str
    partition: int
    offset: int = Field(sa_type=BigInteger)
    state: str
    """``counted``, ``held`` or ``struck``."""
    cast_at: datetime = instant()
    folded_at: datetime = instant()


class UncountedVote(Row, table=True):
    """A record that does not count: a duplicate or late."""

    __tablename__ = "uncounted_vote"
    __table_args__ = (
        Index("uncounted_vote_receipt", "contest_id", "receipt_id"),
        by_folding("uncounted_vote"),
    )

    contest_id: str = Field(primary_key=True)
    partition: int = Field(primary_key=True)
    offset: int = Field(primary_key=True, sa_type=BigInteger)
    receipt_id: str
    outcome: str
    """``duplicate`` or ``late``."""
    cast_at: datetime = instant()
    folded_at: datetime = instant()


class EntryCount(Row, table=True):
    """Counted votes of one entry in one partition: no row that two workers write."""

    __tablename__ = "entry_count"

    contest_id: str = Field(primary_key=True)
    entry_id: str = Field(primary_key=True)
    partition: int = Field(primary_key=True)
    counted: int = Field(sa_type=BigInteger)


class PartitionCount(Row, table=True):
    """What became of the records of one partition."""

    __tablename__ = "partition_count"

    contest_id: str = Field(primary_key=True)
    partition: int = Field(primary_key=True)
    counted: int = Field(default=0, sa_type=BigInteger)
    duplicate: int = Field(default=0, sa_type=BigInteger)
    late: int = Field(default=0, sa_type=BigInteger)
    held: int = Field(default=0, sa_type=BigInteger)
    struck: int = Field(default=0, sa_type=BigInteger)


class PublishedTally(Row, table=True):
    """The count of an entry as TallyChanged last told it."""

    __tablename__ = "published_tally"

    contest_id: str = Field(primary_key=True)
    entry_id: str = Field(primary_key=True)
    revision: int
    counted: int = Field(sa_type=BigInteger)


class PartitionSeal(Row, table=True):
    """The first VotingSealed of a partition: records behind it are late."""

    __tablename__ = "partition_seal"

    contest_id: str = Field(primary_key=True)
    partition: int = Field(primary_key=True)
    offset: int = Field(sa_type=BigInteger)


class SealingStart(Row, table=True):
    """Where each partition ended before anybody tried to seal it: the first seal lies at or behind it."""

    __tablename__ = "sealing_start"

    contest_id: str = Field(primary_key=True)
    partition: int = Field(primary_key=True)
    offset: int = Field(sa_type=BigInteger)


class TreeFrontier(Row, table=True):
    """How far the Merkle tree of a partition has grown, and its right edge."""

    __tablename__ = "tree_frontier"

    contest_id: str = Field(primary_key=True)
    partition: int = Field(primary_key=True)
    size: int = Field(sa_type=BigInteger)
    """Leaves: VoteCast records of the contest."""
    next_offset: int = Field(sa_type=BigInteger)
    """Records below it are in the tree already, or are none of its leaves."""
    peaks: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """Roots of the perfect subtrees from left to right, 32 bytes each."""


class TreeTile(Row, table=True):
    """Up to 256 hashes of a partition's tree; see ``domain/tiles.py``."""

    __tablename__ = "tree_tile"

    contest_id: str = Field(primary_key=True)
    partition: int = Field(primary_key=True)
    level: int = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_type=BigInteger)
    first_offset: int = Field(sa_type=BigInteger)
    """Offset of the first leaf of a tile of level 0; -1 on the levels above."""
    hashes: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    offsets: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """Of a tile of level 0: each leaf's offset in the log, 8 bytes, the highest first."""
    commitments: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """Of a tile of level 0: each leaf's commitment, 32 bytes."""


class TreeHead(Row, table=True):
    """A signed head over all partitions, as TreeHeadSigned told it."""

    __tablename__ = "tree_head"

    contest_id: str = Field(primary_key=True)
    revision: int = Field(primary_key=True)
    size: int = Field(sa_type=BigInteger)
    """Leaves of all partitions together."""
    at_close: bool
    """Whether every partition's seal lies within it."""
    signed_at: datetime = instant()
    document: str
    """Canonical JSON with the signature: the bytes that are served."""


class OpeningsGrant(Row, table=True):
    """Who may have the salts of a contest's commitments, given by whom; and when they were taken."""

    __tablename__ = "openings_grant"

    contest_id: str = Field(primary_key=True)
    contact_id: str = Field(primary_key=True)
    granted_by: str
    granted_at: datetime = instant()
    taken_at: datetime | None = instant(nullable=True)


class VoteWindow(Row, table=True):
    """One contest's vote from its opening on."""

    __tablename__ = "vote_window"

    contest_id: str = Field(primary_key=True)
    revision: int
    """Of the contest's decisions on ``voting.decision.v1``."""
    state: str
    ballot: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    scope: str
    opened_at: datetime = instant()
    closes_at: datetime = instant()
    closing_requested_at: datetime | None = instant(nullable=True)
    closed_at: datetime | None = instant(nullable=True)
    weak_durability_accepted_by: str = ""
    """The post that accepted a log with fewer copies than production asks for; told with the result."""
    waived: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(String), nullable=False, server_default="{}")
    )
    """Requirements of a safe vote that its log did not meet when the vote opened."""


class Certification(Row, table=True):
    """The first of two people found the recounts equal; the second one's act publishes the result."""

    contest_id: str = Field(primary_key=True)
    report: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    report_sha256: str
    proposed_by: str
    proposed_at: datetime = instant()
    certified_by: str | None = None
    certified_at: datetime | None = instant(nullable=True)
    tree_head_revision: int | None = None
    """The signed head over the log that was counted."""

    @property
    def winner(self) -> str | None:
        """The entry in first place as it was signed, whatever became of it since; None for a tie."""
        winner: str | None = self.report.get("winner_entry_id")
        return winner


class IdentityPepper(Row, table=True):
    """What ties voters of a contest to people; emptied, nobody can tie them again."""

    __tablename__ = "identity_pepper"

    contest_id: str = Field(primary_key=True)
    pepper: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class IssuedBallot(Row, table=True):
    """Who holds a ballot: voters seen on the log are reconciled with it."""

    __tablename__ = "issued_ballot"

    contest_id: str = Field(primary_key=True)
    voter_id: str = Field(primary_key=True)
    mail_class: int
    first_issued_at: datetime = instant()
    domain: str = ""
    """Keyed hash of the mail domain; empty for webmail, government, schools and rehearsal ballots."""
    shape: str = ""
    """Keyed hash of the address without its last digits; empty where it has none."""


class VoteSignal(Row, table=True):
    """What the detectors know of a voter's first vote in a slot: hashes, classes and times."""

    __tablename__ = "vote_signal"

    contest_id: str = Field(primary_key=True)
    slot: str = Field(primary_key=True)
    voter_id: str = Field(primary_key=True)
    entry_id: str
    network: str
    agent: str
    agent_class: str
    domain: str
    mail_class: str
    shape: str
    age: int | None = None
    """Seconds between the ballot and the vote."""
    cast_at: datetime = instant()


class FraudPass(Row, table=True):
    """How far the detectors had read when they last looked."""

    __tablename__ = "fraud_pass"

    contest_id: str = Field(primary_key=True)
    read_up_to: dict[str, int] = Field(sa_column=Column(JSONB, nullable=False))
    """In each partition the next offset of theirs or of the tally, whichever is less."""
    passed_at: datetime = instant()


class FraudCase(Row, table=True):
    """Votes for one entry that were held for the same reason, and what two people decide of them."""

    __tablename__ = "fraud_case"
    __table_args__ = (Index("fraud_case_open", "contest_id", "entry_id", "detectors"),)

    contest_id: str = Field(primary_key=True)
    case_id: str = Field(primary_key=True)
    entry_id: str
    detectors: str
    """``agent+network``."""
    reason_th: str
    reason_en: str
    findings: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    """What was measured when the case was opened or last grew."""
    votes: int
    parts: int
    """How many VotesHeld told of it."""
    state: str
    """``open``, ``released`` or ``struck``."""
    opened_at: datetime = instant()
    choice: str | None = None
    """What the first person chose: ``release`` or ``strike``."""
    choice_reason: str = ""
    chosen_by: str | None = None
    chosen_at: datetime | None = instant(nullable=True)
    decided_by: str | None = None
    """The second person."""
    decided_at: datetime | None = instant(nullable=True)


class HeldVote(Row, table=True):
    """A vote that belongs to a case. It stays here when it is decided: nothing is held twice."""

    __tablename__ = "held_vote"
    __table_args__ = (Index("held_vote_case", "contest_id", "case_id"),)

    contest_id: str = Field(primary_key=True)
    slot: str = Field(primary_key=True)
    voter_id: str = Field(primary_key=True)
    case_id: str
    receipt_id: str
    partition: int


class RefusalCount(Row, table=True):
    """How many votes one api process turned away for one reason, from one minute's quiet to the next."""

    __tablename__ = "refusal_count"

    process: str = Field(primary_key=True)
    """An id that each process makes anew, also after a minute's quiet."""
    reason: str = Field(primary_key=True)
    """``too-busy`` or ``may-be-recorded``."""
    total: int = Field(sa_type=BigInteger)
    per_second: float
    """Between its last two words."""
    at: datetime = instant()
