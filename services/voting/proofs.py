"""Proofs: that a receipt's record is under a signed head, and that a later head only added to it.

Both are read from tiles: three rows for an inclusion proof among sixteen million leaves.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting import heads, tiles
from services.voting.domain.errors import NoSuchHead, NotInTree, NotSignedYet
from services.voting.domain.heads import leaf_hash_of
from services.voting.domain.tiles import (
    HASH_BYTES,
    WIDTH,
    Plan,
    Tiles,
    TreeDamaged,
    consistency_plan,
    inclusion_plan,
    tiles_of,
)
from services.voting.tables import TreeHead

_TILE_AT = text(
    """
    SELECT number, hashes, offsets, commitments FROM tree_tile
    WHERE contest_id = :contest_id AND partition = :partition AND level = 0 AND first_offset <= :offset
    ORDER BY first_offset DESC LIMIT 1
    """
)
_OFFSET_BYTES = 8


@dataclass(frozen=True, slots=True)
class LeafPlace:
    """Where a record lies in its partition's tree."""

    index: int
    commitment: str


@dataclass(frozen=True, slots=True)
class Inclusion:
    """A receipt's record, and the path from it to a root of a signed head."""

    contest_id: str
    receipt: str
    commitment: str
    partition: int
    index: int
    proof: tuple[str, ...]
    head: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Consistency:
    """The paths from the trees of an earlier head to those of a later one, by partition."""

    earlier: dict[str, Any]
    later: dict[str, Any]
    proofs: dict[int, tuple[str, ...]]


async def leaf_place(
    session: AsyncSession, contest_id: str, receipt: str, partition: int, offset: int
) -> LeafPlace | None:
    """The leaf of the record at ``offset``; None while the tree has not come so far.

    Raises:
        NotInTree: the leaf there is not this receipt's, as after a rehearsal's log began anew.
    """
    place = {"contest_id": contest_id, "partition": partition, "offset": offset}
    tile = (await session.execute(_TILE_AT, place)).first()
    if tile is None:
        return None
    wanted = offset.to_bytes(_OFFSET_BYTES, "big")
    offsets = [tile.offsets[at : at + _OFFSET_BYTES] for at in range(0, len(tile.offsets), _OFFSET_BYTES)]
    if wanted not in offsets:
        return None
    at = offsets.index(wanted)
    commitment = tile.commitments[at * HASH_BYTES : (at + 1) * HASH_BYTES].hex()
    if tile.hashes[at * HASH_BYTES : (at + 1) * HASH_BYTES] != leaf_hash_of(receipt, commitment):
        raise NotInTree
    return LeafPlace(tile.number * WIDTH + at, commitment)


async def prove_inclusion(
    session: AsyncSession,
    contest_id: str,
    receipt: str,
    partition: int,
    offset: int,
    revision: int | None = None,
) -> Inclusion:
    """Prove the record under the head of ``revision``, else under the newest one.

    Raises:
        NotSignedYet: no head covers the record so far; one does within seconds.
        NotInTree: the tree has another record in its place.
        NoSuchHead: no head has this revision.
    """
    leaf = await leaf_place(session, contest_id, receipt, partition, offset)
    if revision is None:
        head = await heads.latest(session, contest_id)
    else:
        head = await _head(session, contest_id, revision)
    document = heads.document_of(head) if head else None
    size = heads.sizes_of(document).get(partition, 0) if document else 0
    if leaf is None or document is None or leaf.index >= size:
        raise NotSignedYet
    plan = inclusion_plan(leaf.index, size)
    kept = await tiles.read(session, contest_id, partition, tiles_of(plan))
    return Inclusion(
        contest_id=contest_id,
        receipt=receipt,
        commitment=leaf.commitment,
        partition=partition,
        index=leaf.index,
        proof=_computed(kept, plan),
        head=document,
    )


async def prove_consistency(session: AsyncSession, contest_id: str, earlier: int, later: int) -> Consistency:
    """Prove that the head ``later`` only added to the head ``earlier``. An empty tree needs no proof.

    Raises:
        NoSuchHead: a revision is unknown, or ``earlier`` is not the earlier one.
    """
    if earlier > later:
        raise NoSuchHead
    old = heads.document_of(await _head(session, contest_id, earlier))
    new = heads.document_of(await _head(session, contest_id, later))
    old_sizes, new_sizes = heads.sizes_of(old), heads.sizes_of(new)
    proofs: dict[int, tuple[str, ...]] = {}
    for partition, size in sorted(new_sizes.items()):
        before = old_sizes.get(partition, 0)
        plan = consistency_plan(before, size) if 0 < before <= size else ()
        kept = await tiles.read(session, contest_id, partition, tiles_of(plan)) if plan else Tiles({})
        proofs[partition] = _computed(kept, plan)
    return Consistency(old, new, proofs)


async def _head(session: AsyncSession, contest_id: str, revision: int) -> TreeHead:
    head = await heads.by_revision(session, contest_id, revision)
    if head is None:
        raise NoSuchHead
    return head


def _computed(kept: Tiles, plan: Plan) -> tuple[str, ...]:
    try:
        return tuple(node.hex() for node in kept.proof(plan))
    except TreeDamaged as error:
        raise NotInTree from error
