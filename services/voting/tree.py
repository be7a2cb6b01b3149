"""The Merkle trees over the vote log: one per contest and partition, grown batch by batch.

The leaves are *all* VoteCast records of the contest in offset order, whatever the tally makes of them,
so a tree follows from the log alone. A batch is one transaction, opened by the messaging kit together
with the fence of this consumer's own group; the frontier keeps its next offset besides, so that a log
that is read again from its beginning adds no leaf twice.

    votes ──► leaf hashes ──► frontier (size, right edge) ──► roots, for the signed heads
                   └────────► tiles, 256 hashes a row ──────► proofs

Only rows on a tree's right edge are written: one of level 0 for each batch, one of a level above for
every 256 leaves.
"""

import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting.domain.heads import leaf_hash_of
from services.voting.domain.merkle import Frontier
from services.voting.domain.tiles import HASH_BYTES, HEIGHT, WIDTH, TileName
from services.voting.vote_log import Log, LoggedVote, log_of, read_log
from shared.contracts.voting import VoteCast, VotingSealed
from shared.messaging import Delivered
from shared.messaging.codec import RawRecord

GROUP = "voting-tree"
BATCH = 5_000
"""Records per transaction at most: the more come together, the fewer rows are written for each."""
LINGER = timedelta(milliseconds=500)
"""A head is signed every few seconds, so a leaf may wait for company longer than a vote for its count."""

_OPEN = text(
    """
    INSERT INTO tree_frontier (contest_id, partition, size, next_offset, peaks)
    SELECT contest_id, partition, 0, 0, ''::bytea
    FROM unnest(CAST(:contests AS text[]), CAST(:partitions AS int[])) AS tree (contest_id, partition)
    ON CONFLICT DO NOTHING
    """
)
_LOCK = text(
    """
    SELECT contest_id, partition, size, next_offset, peaks FROM tree_frontier
    WHERE (contest_id, partition) IN (
        SELECT * FROM unnest(CAST(:contests AS text[]), CAST(:partitions AS int[])))
    ORDER BY contest_id, partition
    FOR UPDATE
    """
)
_ADVANCE = text(
    """
    UPDATE tree_frontier AS tree
    SET size = grown.size, next_offset = grown.next_offset, peaks = grown.peaks
    FROM unnest(CAST(:contests AS text[]), CAST(:partitions AS int[]), CAST(:sizes AS bigint[]),
                CAST(:next_offsets AS bigint[]), CAST(:peaks AS bytea[]))
        AS grown (contest_id, partition, size, next_offset, peaks)
    WHERE tree.contest_id = grown.contest_id AND tree.partition = grown.partition
    """
)
_APPEND = text(
    """
    INSERT INTO tree_tile (contest_id, partition, level, number, first_offset, hashes, offsets, commitments)
    SELECT * FROM unnest(CAST(:contests AS text[]), CAST(:partitions AS int[]), CAST(:levels AS int[]),
                         CAST(:numbers AS bigint[]), CAST(:first_offsets AS bigint[]),
                         CAST(:hashes AS bytea[]), CAST(:offsets AS bytea[]), CAST(:commitments AS bytea[]))
    ON CONFLICT (contest_id, partition, level, number)
    DO UPDATE SET hashes = tree_tile.hashes || excluded.hashes,
                  offsets = tree_tile.offsets || excluded.offsets,
                  commitments = tree_tile.commitments || excluded.commitments
    """
)


class TreeName(NamedTuple):
    """Which tree."""

    contest_id: str
    partition: int


@dataclass(slots=True)
class _News:
    """What a batch brings for one tree."""

    leaves: list[LoggedVote] = field(default_factory=list)
    next_offset: int = 0


@dataclass(slots=True)
class _Growth:
    """What the batch appends to one tile."""

    hashes: bytes
    first_offset: int = -1
    offsets: bytes = b""
    commitments: bytes = b""


@dataclass(frozen=True, slots=True)
class Grown:
    """A tree after a batch."""

    frontier: Frontier
    tiles: Mapping[TileName, _Growth]


async def grow_trees(session: AsyncSession, batch: Sequence[Delivered[VoteCast | VotingSealed]]) -> None:
    """Append one batch of the vote log, whose partitions are each in offset order, to its trees.

    Afterwards each frontier's size is the number of the contest's votes below its next offset, whatever
    part of the batch had been appended before.
    """
    await grow_trees_of(session, log_of(batch))


async def grow_trees_from(
    session: AsyncSession, records: Sequence[RawRecord]
) -> Sequence[tuple[RawRecord, str]]:
    """:func:`grow_trees` for records as they lie on the log.

    Returns:
        The records that cannot be read, each with the reason; they are no leaves.
    """
    log = read_log(records)
    await grow_trees_of(session, log)
    return log.unusable


async def grow_trees_of(session: AsyncSession, log: Log) -> None:
    """:func:`grow_trees` for a piece of the log that was read already."""
    news: dict[TreeName, _News] = defaultdict(_News)
    for vote in log.votes:
        of_tree = news[TreeName(vote.contest_id, vote.partition)]
        of_tree.leaves.append(vote)
        of_tree.next_offset = vote.offset + 1
    for seal in log.seals:
        of_tree = news[TreeName(seal.contest_id, seal.partition)]
        of_tree.next_offset = max(of_tree.next_offset, seal.offset + 1)
    await _grow(session, dict(sorted(news.items())))


async def _grow(session: AsyncSession, news: Mapping[TreeName, _News]) -> None:
    if not news:
        return
    names = {"contests": [name[0] for name in news], "partitions": [name[1] for name in news]}
    await session.execute(_OPEN, names)
    advanced: dict[TreeName, tuple[Frontier, int]] = {}
    tiles: dict[tuple[TreeName, TileName], _Growth] = {}
    for row in await session.execute(_LOCK, names):
        name = TreeName(row.contest_id, row.partition)
        fresh = [leaf for leaf in news[name].leaves if leaf.offset >= row.next_offset]
        next_offset = max(row.next_offset, news[name].next_offset)
        grown = grow(Frontier(row.size, split_hashes(row.peaks)), fresh)
        advanced[name] = (grown.frontier, next_offset)
        tiles |= {(name, tile): growth for tile, growth in grown.tiles.items()}
    await _advance(session, advanced)
    await _append(session, tiles)


def grow(frontier: Frontier, leaves: Sequence[LoggedVote]) -> Grown:
    """The frontier after ``leaves``, and what they append to the tree's tiles."""
    tiles: dict[TileName, _Growth] = {}
    hashes = [leaf_hash_of(leaf.receipt_id, leaf.commitment) for leaf in leaves]
    for number, part in _by_tile(frontier.size, len(leaves)):
        its = leaves[part]
        tiles[TileName(0, number)] = _Growth(
            b"".join(hashes[part]),
            its[0].offset,
            struct.pack(f">{len(its)}Q", *[leaf.offset for leaf in its]),
            _commitments_bytes([leaf.commitment for leaf in its]),
        )

    def keep(height: int, roots: Sequence[bytes]) -> None:
        if not height % HEIGHT:
            for number, part in _by_tile(frontier.size >> height, len(roots)):
                tiles[TileName(height // HEIGHT, number)] = _Growth(b"".join(roots[part]))

    return Grown(frontier.extend(hashes, finished=keep), tiles)


def _by_tile(start: int, count: int) -> Iterator[tuple[int, slice]]:
    """Which of the ``count`` hashes from position ``start`` of a level on go to which tile."""
    done = 0
    while done < count:
        number, full = divmod(start + done, WIDTH)
        part = slice(done, min(count, done + WIDTH - full))
        yield number, part
        done = part.stop


def split_hashes(joined: bytes) -> tuple[bytes, ...]:
    """The hashes that ``joined`` holds one after another."""
    return tuple(joined[at : at + HASH_BYTES] for at in range(0, len(joined), HASH_BYTES))


def _commitments_bytes(commitments: Sequence[str]) -> bytes:
    """:func:`_commitment_bytes` of each; at once where every one is as the contract has it."""
    if {*map(len, commitments)} == {2 * HASH_BYTES}:
        with suppress(ValueError):
            joined = "".join(commitments)
            raw = bytes.fromhex(joined)
            if raw.hex() == joined:
                return raw
    return b"".join(map(_commitment_bytes, commitments))


def _commitment_bytes(commitment: str) -> bytes:
    """The commitment as it is kept. The contract's is 32 bytes in hexadecimal; whatever else a record
    has is a leaf too, but its proof cannot be served."""
    try:
        raw = bytes.fromhex(commitment)
    except ValueError:
        raw = b""
    return raw if len(raw) == HASH_BYTES and raw.hex() == commitment else bytes(HASH_BYTES)


async def _advance(session: AsyncSession, trees: Mapping[TreeName, tuple[Frontier, int]]) -> None:
    await session.execute(
        _ADVANCE,
        {
            "contests": [name.contest_id for name in trees],
            "partitions": [name.partition for name in trees],
            "sizes": [frontier.size for frontier, _ in trees.values()],
            "next_offsets": [next_offset for _, next_offset in trees.values()],
            "peaks": [b"".join(frontier.peaks) for frontier, _ in trees.values()],
        },
    )


async def _append(session: AsyncSession, tiles: Mapping[tuple[TreeName, TileName], _Growth]) -> None:
    if not tiles:
        return
    await session.execute(
        _APPEND,
        {
            "contests": [tree.contest_id for tree, _ in tiles],
            "partitions": [tree.partition for tree, _ in tiles],
            "levels": [tile.level for _, tile in tiles],
            "numbers": [tile.number for _, tile in tiles],
            "first_offsets": [growth.first_offset for growth in tiles.values()],
            "hashes": [growth.hashes for growth in tiles.values()],
            "offsets": [growth.offsets for growth in tiles.values()],
            "commitments": [growth.commitments for growth in tiles.values()],
        },
    )
