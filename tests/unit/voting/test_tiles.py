"""Proofs from tiles are the proofs of the RFC's own recursion."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.voting.domain import merkle, tiles
from services.voting.domain.heads import leaf_hash_of
from services.voting.domain.merkle import Frontier
from services.voting.domain.tiles import Node, TileName, Tiles, TreeDamaged
from services.voting.tree import grow
from services.voting.vote_log import LoggedVote

MOST = 1_100


def leaf(offset: int, receipt_id: str, commitment: str) -> LoggedVote:
    """A vote of which a tree sees these."""
    cast_at = datetime(2022, 8, 5, 6, tzinfo=UTC)
    return LoggedVote("c", receipt_id, "v", "", "e", commitment, "k", cast_at, partition=0, offset=offset)


LEAVES = [leaf(3 * n, f"receipt-{n}", f"{n:064x}") for n in range(MOST)]
HASHES = [leaf_hash_of(leaf.receipt_id, leaf.commitment) for leaf in LEAVES]


def grown(parts: list[int]) -> tuple[Frontier, dict[TileName, bytes]]:
    """The tree after batches of these sizes, and its tiles as the database appends to them."""
    frontier, kept, start = Frontier(), dict[TileName, bytes](), 0
    for part in parts:
        after = grow(frontier, LEAVES[start : start + part])
        for name, growth in after.tiles.items():
            kept[name] = kept.get(name, b"") + growth.hashes
        frontier, start = after.frontier, start + part
    return frontier, kept


FULL, TILES = grown([MOST])


@settings(max_examples=60, deadline=None)
@given(parts=st.lists(st.integers(0, 300), max_size=6))
def test_tiles_and_root_do_not_depend_on_how_the_leaves_came(parts: list[int]) -> None:
    size = min(sum(parts), MOST)
    frontier, kept = grown(parts)
    assert (frontier.size, frontier.root()) == (size, merkle.root_of(HASHES[:size]))
    assert kept == grown([size])[1] if size else kept == {}
    assert b"".join(kept[name] for name in sorted(kept) if name.level == 0) == b"".join(HASHES[:size])


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_inclusion_proof_from_tiles_is_the_recursion_s(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, MOST))
    index = data.draw(st.integers(0, size - 1))
    plan = tiles.inclusion_plan(index, size)
    proof = Tiles({name: TILES[name] for name in tiles.tiles_of(plan)}).proof(plan)
    assert proof == merkle.inclusion_proof(HASHES[:size], index)
    assert merkle.verify_inclusion(HASHES[index], index, size, proof, merkle.root_of(HASHES[:size]))


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_consistency_proof_from_tiles_is_the_recursion_s(data: st.DataObject) -> None:
    later = data.draw(st.integers(1, MOST))
    earlier = data.draw(st.integers(1, later))
    proof = Tiles(TILES).proof(tiles.consistency_plan(earlier, later))
    assert proof == merkle.consistency_proof(HASHES[:later], earlier)


def test_proof_among_sixteen_million_leaves_needs_few_tiles() -> None:
    size = 16_777_215
    needed = tiles.tiles_of(tiles.inclusion_plan(9_876_543, size))
    assert len(needed) <= 6
    assert max(name.level for name in needed) == 2


@pytest.mark.parametrize(("index", "size"), [(0, 0), (-1, 5), (5, 5)])
def test_leaf_that_does_not_exist_has_no_plan(index: int, size: int) -> None:
    with pytest.raises(IndexError):
        tiles.inclusion_plan(index, size)


@pytest.mark.parametrize(("earlier", "later"), [(0, 5), (6, 5)])
def test_tree_that_shrank_has_no_plan(earlier: int, later: int) -> None:
    with pytest.raises(IndexError):
        tiles.consistency_plan(earlier, later)


def test_tile_that_is_missing_or_short_is_said() -> None:
    with pytest.raises(TreeDamaged, match="tile 0 of level 0"):
        Tiles({}).node(Node(0, 3))
    with pytest.raises(TreeDamaged):
        Tiles({TileName(0, 0): b"\0" * 95}).node(Node(1, 1))


def test_root_over_nothing_is_the_empty_root() -> None:
    assert Tiles({}).root(()) == merkle.EMPTY_ROOT


@given(parts=st.lists(st.integers(0, 300), max_size=6))
@settings(max_examples=30, deadline=None)
def test_leaves_lie_in_their_tiles_with_their_places_and_commitments(parts: list[int]) -> None:
    frontier, start, offsets, commitments = Frontier(), 0, b"", b""
    for part in parts:
        its = LEAVES[start : start + part]
        after = grow(frontier, its)
        lowest = [(name.number, tile) for name, tile in after.tiles.items() if name.level == 0]
        assert [number for number, _ in lowest] == sorted(
            {(frontier.size + n) // 256 for n in range(len(its))}
        )
        assert [tile.first_offset for _, tile in lowest[:1]] == [leaf.offset for leaf in its[:1]]
        assert all(len(tile.hashes) == 4 * len(tile.offsets) == len(tile.commitments) for _, tile in lowest)
        offsets += b"".join(tile.offsets for _, tile in lowest)
        commitments += b"".join(tile.commitments for _, tile in lowest)
        frontier, start = after.frontier, start + part
    assert offsets == b"".join((3 * n).to_bytes(8, "big") for n in range(frontier.size))
    assert commitments == b"".join(n.to_bytes(32, "big") for n in range(frontier.size))


@pytest.mark.parametrize("strange", ["", "xyz", "A" * 64, "a" * 63, " " * 2 + "a" * 62, "ก" * 64, "a" * 62])
def test_commitment_that_is_none_spoils_no_other(strange: str) -> None:
    leaves = [leaf(0, "r", "a" * 64), leaf(1, "r", strange), leaf(2, "r", "b" * 64)]
    tile = grow(Frontier(), leaves).tiles[TileName(0, 0)]
    assert tile.commitments == b"\xaa" * 32 + bytes(32) + b"\xbb" * 32


def test_lengths_that_cancel_out_are_no_commitments() -> None:
    leaves = [leaf(0, "r", "a" * 62), leaf(1, "r", "b" * 66)]
    assert grow(Frontier(), leaves).tiles[TileName(0, 0)].commitments == bytes(64)
