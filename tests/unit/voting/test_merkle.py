"""RFC 9162 trees: known answers and properties."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.voting.domain.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

INPUTS = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243",
          "5051525354555657", "606162636465666768696a6b6c6d6e6f")]  # fmt: skip
"""The test vectors of Certificate Transparency's reference implementation."""
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
leaves = st.lists(st.binary(max_size=8).map(leaf_hash), min_size=1, max_size=40)


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_the_reference(size: int) -> None:
    hashes = [leaf_hash(data) for data in INPUTS[:size]]
    assert root_of(hashes).hex() == ROOTS[size - 1]


def test_empty_tree_is_the_hash_of_nothing() -> None:
    assert root_of([]) == EMPTY_ROOT == Frontier().root()


@given(leaves)
def test_frontier_has_the_root_of_its_leaves(hashes: list[bytes]) -> None:
    frontier = Frontier()
    for size, leaf in enumerate(hashes, start=1):
        frontier = frontier.append(leaf)
        assert (frontier.size, frontier.root()) == (size, root_of(hashes[:size]))


@given(leaves, st.integers(0, 40))
def test_extending_at_once_is_appending_one_by_one(hashes: list[bytes], before: int) -> None:
    frontier = Frontier().extend(hashes[:before])
    singly = frontier
    for leaf in hashes[before:]:
        singly = singly.append(leaf)
    finished: list[tuple[int, bytes]] = []
    extended = frontier.extend(
        hashes[before:], finished=lambda height, roots: finished.extend((height, root) for root in roots)
    )
    assert extended == singly
    assert finished == [
        (height, root_of(hashes[end - (1 << height) : end]))
        for height in range(1, 6)
        for end in range(1 << height, len(hashes) + 1, 1 << height)
        if end > before
    ]


@settings(max_examples=40)
@given(leaves, st.data())
def test_inclusion_is_proved_for_each_leaf_and_for_nothing_else(hashes: list[bytes], data) -> None:
    index = data.draw(st.integers(0, len(hashes) - 1))
    proof, root = inclusion_proof(hashes, index), root_of(hashes)
    assert verify_inclusion(hashes[index], index, len(hashes), proof, root)
    assert not verify_inclusion(leaf_hash(b"another leaf!"), index, len(hashes), proof, root)
    assert not verify_inclusion(hashes[index], index, len(hashes), proof, leaf_hash(root))
    assert not verify_inclusion(hashes[index], len(hashes), len(hashes), proof, root)
    if proof:
        assert not verify_inclusion(hashes[index], index, len(hashes), proof[:-1], root)
        assert not verify_inclusion(hashes[index], index, len(hashes), [*proof, root], root)


@settings(max_examples=40)
@given(leaves, st.data())
def test_growth_is_proved_and_a_rewritten_past_is_not(hashes: list[bytes], data) -> None:
    earlier = data.draw(st.integers(1, len(hashes)))
    before, after = root_of(hashes[:earlier]), root_of(hashes)
    proof = consistency_proof(hashes, earlier)
    assert verify_consistency(earlier, len(hashes), proof, before, after)
    forged = root_of([leaf_hash(b"another leaf!"), *hashes[1:earlier]])
    assert not verify_consistency(earlier, len(hashes), proof, forged, after)
    assert not verify_consistency(earlier, len(hashes), proof, before, leaf_hash(after))
    assert not verify_consistency(0, len(hashes), proof, before, after)


@pytest.mark.parametrize("index", [-1, 3])
def test_leaf_that_is_not_there_has_no_proof(index: int) -> None:
    with pytest.raises(IndexError):
        inclusion_proof([b"a", b"b", b"c"], index)
    with pytest.raises(IndexError):
        consistency_proof([b"a", b"b", b"c"], 0 if index < 0 else 4)
