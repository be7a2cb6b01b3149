"""Events of voting: the votes themselves, their tally, and every decision about them."""

from typing import Annotated, ClassVar

from pydantic import Field

from shared.contracts.event import Event, Instant, Part, Revision
from shared.contracts.ids import ContactId, EntryId, ReceiptId, VoterId
from shared.contracts.rulebook import VoteScope

Count = Annotated[int, Field(ge=0)]


class VoteSignals(Part):
    """What the fraud detectors may know of a vote: keyed hashes and classes, never an address.

    The keys of all its hashes are destroyed after the appeal period: nobody can tell then what was hashed.
    """

    subnet24: str = ""
    """Keyed hash of the IPv4 /24."""
    subnet48: str = ""
    """Keyed hash of the IPv6 /48."""
    mail_domain_class: str = ""
    code_age_seconds: int | None = None
    prefix: str = ""
    """Keyed hash of the IPv4 /16 or the IPv6 /32, about what one provider announces."""
    mail_domain: str = ""
    """Keyed hash of the mail domain."""
    agent: str = ""
    """Keyed hash of the user agent."""
    agent_class: str = ""
    """What kind of program it says it is: none, script, in_app, mobile, desktop."""


class VoteCast(Event):
    """A ballot as it was received. Whether it counts is the tally's business, not this event's."""

    SERVICE: ClassVar[str] = "voting"
    TOPIC: ClassVar[str] = "voting.vote.v1"
    KEY: ClassVar[str] = "voter_id"

    receipt_id: ReceiptId
    voter_id: VoterId
    slot: str
    """What "once" means under the rulebook: "" for the contest, a category id, or a day's ISO date."""
    entry_id: EntryId
    commitment: str
    """Salted commitment to the choice, hexadecimal; together with the receipt the leaf of the Merkle tree."""
    key_id: str
    """Which of the contest's keys derived voter id, receipt and salt."""
    signals: VoteSignals = VoteSignals()
    cast_at: Instant


class VotingSealed(Event):
    """The end of the vote in one partition: votes behind the partition's first seal are late.

    The record's key is the partition's number, and it is sent to that partition explicitly.
    """

    SERVICE: ClassVar[str] = "voting"
    TOPIC: ClassVar[str] = "voting.vote.v1"
    KEY: ClassVar[str] = "partition"

    partition: Annotated[int, Field(ge=0)]
    sealed_at: Instant


class TallyChanged(Event):
    """The cumulative count of one entry."""

    SERVICE: ClassVar[str] = "voting"
    TOPIC: ClassVar[str] = "voting.tally.v1"
    KEY: ClassVar[str] = "entry_id"

    entry_id: EntryId
    revision: Revision
    counted: Count
    changed_at: Instant


class VotingOpened(Event):
    """Ballots are accepted from here on."""

    SERVICE: ClassVar[str] = "voting"
    TOPIC: ClassVar[str] = "voting.decision.v1"
    KEY: ClassVar[str] = "contest_id"

    revision: Revision
    ballot: tuple[EntryId, ...]
    scope: VoteScope
    closes_at: Instant
    opened_at: Instant
    waived: tuple[str, ...] = ()
    """Requirements of a safe vote that were waived by name, such as ``replication-factor``."""
    head_key: str = ""
    """Ed25519 public key of the vote's tree heads, hexadecimal: named before the first vote is in."""


class PartitionSeal(Part):
    """Where the vote ends in one partition."""

    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]
    """Offset of the partition's first VotingSealed: a vote is in exactly if its offset is lower."""


class VotingClosed(Event):
    """The vote is over; the seals say, without any clock, which votes are in."""

    SERVICE: ClassVar[str] = "voting"
    TOPIC: ClassVar[str] = "voting.decision.v1"
    KEY: ClassVar[str] = "contest_id"

    revision: Revision
    seals: tuple[PartitionSeal, ...]
    closed_at: Instant


class VotesDecision(Event):
    """A decision about some received votes, named by their receipts."""

    SERVICE: ClassVar[str] = "voting"
    TOPIC: ClassVar[str] = "voting.decision.v1"
    KEY: ClassVar[str] = "contest_id"

    decision_id: str
    receipt_ids: tuple[ReceiptId, ...]
    reason: str
    decided_at: Instant
    case_id: str = ""
    """The case these votes belong to: a large one is told in several events, and may grow."""
    part: Annotated[int, Field(ge=1)] = 1
    """1 for the first event of this kind about the case, then 2, 3 …"""
    votes: int | None = None
    """How many votes this decision is about, in all its parts."""
    reason_en: str = ""


class VotesHeld(VotesDecision):
    """Detectors set these votes aside until two people decide."""

    detector: str
    """Which ones agreed, in alphabetical order with a plus sign between them: ``agent+network``."""


class VotesStruck(VotesDecision):
    """Two people struck held votes: they do not count."""

    approved_by: tuple[ContactId, ...]


class VotesReleased(VotesDecision):
    """Two people released held votes: they count."""

    approved_by: tuple[ContactId, ...]


class PartitionHead(Part):
    """Root of one partition's Merkle tree (RFC 9162 §2.1) over its first ``size`` votes."""

    partition: Annotated[int, Field(ge=0)]
    size: Count
    root: str


class TreeHeadSigned(Event):
    """The roots of all partitions' trees at one instant, signed: the log up to there cannot change unseen."""

    SERVICE: ClassVar[str] = "voting"
    TOPIC: ClassVar[str] = "voting.decision.v1"
    KEY: ClassVar[str] = "contest_id"

    revision: Revision
    heads: tuple[PartitionHead, ...]
    key_id: str
    signature: str
    """Ed25519 over the canonical JSON of contest_id, revision, heads and signed_at; hexadecimal."""
    signed_at: Instant


class IdentityKeysDestroyed(Event):
    """The keys that tied the contest's voters to people are gone, and with them every kept address."""

    SERVICE: ClassVar[str] = "voting"
    TOPIC: ClassVar[str] = "voting.decision.v1"
    KEY: ClassVar[str] = "contest_id"

    destroyed_by: str
    """The post of whoever gave the command."""
    addresses: Count
    """Sealed addresses that cannot be opened any more."""
    voters: Count
    """Voters who held a ballot."""
    linked: Count
    """How many of those tried could still be linked to a person: 0."""
    receipts_verified: Count
    """Receipts that were tried afterwards and verify as before."""
    destroyed_at: Instant
    networks_linked: Count | None = None
    """IPv4 networks of votes that could still be told, of those tried: 0. Null where none was tried."""


class EntryVotes(Part):
    """The final count of one entry."""

    entry_id: EntryId
    counted: Count


class PopularVoteCertified(Event):
    """The final result: received = counted + duplicate + late + held + struck, always."""

    SERVICE: ClassVar[str] = "voting"
    TOPIC: ClassVar[str] = "voting.decision.v1"
    KEY: ClassVar[str] = "contest_id"

    revision: Revision
    totals: tuple[EntryVotes, ...]
    received: Count
    counted: Count
    duplicate: Count
    late: Count
    held: Count
    struck: Count
    winner_entry_id: EntryId | None
    """Null where the first place is tied and the rulebook leaves it to the committee."""
    certified_by: tuple[ContactId, ...]
    certified_at: Instant
    tree_head_revision: int | None = None
    """Revision of the TreeHeadSigned over the log that was counted."""
    waived: tuple[str, ...] = ()
    """As VotingOpened said; repeated because the result must say it."""
    unreadable: Count = 0
    """Records of the vote topic before the seals that nobody can read: both signers accepted that so many
    are no votes."""
