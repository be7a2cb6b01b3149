"""Fingerprints of what the log gives, by which voting's own database can be held against it.

Rows are fingerprinted in blocks of 4,096 offsets and leaves in tiles of 256, so that two long accounts
are compared by a few hashes; where one differs, the log is read again with a :class:`Watch` on that
block, and the first row or leaf that differs has a name.
"""

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field

ROW_BLOCK = 4_096
TILE = 256
COUNTED = ("counted", "held", "struck")


@dataclass(frozen=True, slots=True)
class Watch:
    """The part of one partition of which single records are kept."""

    partition: int
    row_block: int = -1
    tile: int = -1


TileHashes = tuple["hashlib._Hash", "hashlib._Hash", "hashlib._Hash"]
"""Running SHA-256 over a tile's leaf hashes, over their offsets and over their commitments."""


def row_line(offset: int, outcome: str, receipt: str, voter: str, slot: str, entry: str) -> str:
    """A record as its row should be. Of one that does not count, voting keeps the receipt only."""
    if outcome in COUNTED:
        return f"{offset}|{outcome}|{receipt}|{voter}|{slot}|{entry}\n"
    return f"{offset}|{outcome}|{receipt}\n"


@dataclass(slots=True)
class Evidence:
    """What the log gives, in fingerprints."""

    watch: Watch | None = None
    rows: dict[tuple[int, int], "hashlib._Hash"] = field(default_factory=dict)
    """By partition and block of offsets."""
    tiles: dict[int, list[TileHashes]] = field(default_factory=lambda: defaultdict(list))
    """By partition, one for each 256 leaves."""
    nodes: dict[int, dict[int, list[bytes]]] = field(default_factory=dict)
    """By partition and level: the roots of full tiles."""
    roots: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    """By partition: size and root of the whole tree."""
    in_time: dict[int, int] = field(default_factory=dict)
    """By partition: leaves before the first seal."""
    heads: dict[int, bytes] = field(default_factory=dict)
    """By revision: SHA-256 of the head's canonical JSON."""
    by_partition: dict[tuple[int, str], int] = field(default_factory=lambda: defaultdict(int))
    """Records by partition and outcome."""
    by_entry: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))
    """Counted votes by entry and partition."""
    watched_rows: dict[int, str] = field(default_factory=dict)
    """By offset."""
    watched_leaves: dict[int, bytes] = field(default_factory=dict)
    """By index: leaf hash, offset and commitment, 72 bytes."""

    def row(
        self, partition: int, offset: int, outcome: str, receipt: str, voter: str, slot: str, entry: str
    ) -> None:
        """One record and what became of it."""
        line = row_line(offset, outcome, receipt, voter, slot, entry)
        block = (partition, offset // ROW_BLOCK)
        fingerprint = self.rows.get(block)
        if fingerprint is None:
            fingerprint = self.rows[block] = hashlib.sha256()
        fingerprint.update(line.encode())
        self.by_partition[partition, outcome] += 1
        if outcome == "counted":
            self.by_entry[entry, partition] += 1
        if self.watch and (self.watch.partition, self.watch.row_block) == block:
            self.watched_rows[offset] = line

    def leaf(self, partition: int, index: int, leaf_hash: bytes, offset: int, commitment: bytes) -> None:
        """One leaf of a partition's tree."""
        tiles = self.tiles[partition]
        if not index % TILE:
            tiles.append((hashlib.sha256(), hashlib.sha256(), hashlib.sha256()))
        hashes, offsets, commitments = tiles[-1]
        place = offset.to_bytes(8, "big")
        hashes.update(leaf_hash)
        offsets.update(place)
        commitments.update(commitment)
        if self.watch and (self.watch.partition, self.watch.tile) == (partition, index // TILE):
            self.watched_leaves[index] = leaf_hash + place + commitment


def leaves_of(hashes: bytes, offsets: bytes, commitments: bytes) -> list[bytes]:
    """A tile's leaves, 72 bytes each; the last may be short where a column is."""
    number = max(len(hashes) // 32, len(offsets) // 8, len(commitments) // 32)
    return [
        hashes[32 * at : 32 * at + 32] + offsets[8 * at : 8 * at + 8] + commitments[32 * at : 32 * at + 32]
        for at in range(number)
    ]
