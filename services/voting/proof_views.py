"""What the proof API takes and gives. A head is served byte for byte as it was signed; these models
describe it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class PartitionHeadView(BaseModel):
    partition: int
    root: str = Field(description="root of its Merkle tree (RFC 9162 §2.1), 64 hexadecimal digits")
    size: int = Field(description="its leaves: VoteCast records of this contest in offset order")


class HeadView(BaseModel):
    """A signed tree head. The signature is Ed25519 over the canonical JSON (sorted keys, no spaces,
    UTF-8) of contest_id, heads, revision and signed_at as they stand here."""

    contest_id: str
    heads: list[PartitionHeadView]
    key_id: str = Field(description="first 16 hexadecimal digits of the SHA-256 of the public key")
    revision: int = Field(description="1 for the first head, without gaps")
    signature: str = Field(description="128 hexadecimal digits")
    signed_at: str


class HeadSummary(BaseModel):
    revision: int
    size: int = Field(description="leaves of all partitions together")
    at_close: bool = Field(description="whether every partition's seal lies within it")
    signed_at: str


class HeadList(BaseModel):
    contest_id: str
    heads: list[HeadSummary] = Field(description="newest first")
    next_before: int | None = Field(description="give it as `before` for the next page; null on the last")


class HeadKey(BaseModel):
    contest_id: str
    key_id: str
    public_key: str = Field(description="Ed25519, 64 hexadecimal digits; VotingOpened names it too")


class InclusionView(BaseModel):
    """What a voter keeps: with it anybody checks, without this server, that the receipt's record lies
    under the signed head. It does not show the choice."""

    format: Literal["showcase-receipt-1"]
    contest_id: str
    receipt: str
    commitment: str = Field(description="salted SHA-256 of the choice; the organiser keeps the salt")
    partition: int
    index: int = Field(description="of the leaf in the partition's tree; the first is 0")
    proof: list[str] = Field(
        description="hashes from the leaf up (RFC 9162 §2.1.3); the leaf's own is SHA-256 over 0x00, the "
        "receipt, a line feed and the commitment"
    )
    head: HeadView
    public_key: str


class PartitionProof(BaseModel):
    partition: int
    proof: list[str] = Field(description="RFC 9162 §2.1.4; empty for equal sizes and for an empty tree")


class ConsistencyView(BaseModel):
    """Proof that the later head only added to the earlier one, partition by partition."""

    format: Literal["showcase-consistency-1"]
    contest_id: str
    earlier: HeadView
    later: HeadView
    partitions: list[PartitionProof]
    public_key: str


class GrantOpenings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    contact_id: str = Field(min_length=1, max_length=100, description="the auditor's")


class OpeningsGranted(BaseModel):
    contest_id: str
    contact_id: str
    granted_by: str


class Opening(BaseModel):
    """One line of the openings: whoever has it sees which entry the commitment is to."""

    partition: int
    offset: int
    salt: str = Field(description="64 hexadecimal digits; commitment = SHA-256(salt, contest, LF, entry)")
