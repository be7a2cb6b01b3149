"""Merkle trees as in RFC 9162 §2.1: hashing, roots, inclusion and consistency proofs.

Leaves are domain-separated from nodes by a leading byte, so no node can be passed off as a leaf. A
:class:`Frontier` is the tree's right edge: it takes the next leaf in constant amortised time and
gives the root at any moment, without the leaves before it.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of one leaf."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def _split(size: int) -> int:
    """The largest power of two smaller than ``size``."""
    return 1 << (size - 1).bit_length() - 1


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over ``leaves``, which are leaf hashes, by the RFC's own recursion."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    middle = _split(len(leaves))
    return node_hash(root_of(leaves[:middle]), root_of(leaves[middle:]))


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The path that proves ``leaves[index]`` under the root over ``leaves``.

    Raises:
        IndexError: there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise IndexError(index)
    if len(leaves) == 1:
        return []
    middle = _split(len(leaves))
    if index < middle:
        return [*inclusion_proof(leaves[:middle], index), root_of(leaves[middle:])]
    return [*inclusion_proof(leaves[middle:], index - middle), root_of(leaves[:middle])]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether ``proof`` shows the leaf hash at ``index`` in the tree of ``size`` (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size:
        return False
    node, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            found = node_hash(sibling, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and found == root


def consistency_proof(leaves: Sequence[bytes], earlier: int) -> list[bytes]:
    """The path that proves that the tree over the first ``earlier`` leaves only grew.

    Raises:
        IndexError: the earlier tree was empty or larger than this one.
    """
    if not 0 < earlier <= len(leaves):
        raise IndexError(earlier)
    return _subproof(leaves, earlier, whole=True)


def _subproof(leaves: Sequence[bytes], earlier: int, *, whole: bool) -> list[bytes]:
    if earlier == len(leaves):
        return [] if whole else [root_of(leaves)]
    middle = _split(len(leaves))
    if earlier <= middle:
        return [*_subproof(leaves[:middle], earlier, whole=whole), root_of(leaves[middle:])]
    return [*_subproof(leaves[middle:], earlier - middle, whole=False), root_of(leaves[:middle])]


def verify_consistency(
    earlier: int, later: int, proof: Sequence[bytes], earlier_root: bytes, later_root: bytes
) -> bool:
    """Whether ``proof`` shows that the later tree starts with the earlier one (RFC 9162 §2.1.4.2)."""
    if not 0 < earlier <= later:
        return False
    if earlier == later:
        return not proof and earlier_root == later_root
    path = list(proof)
    if earlier & (earlier - 1) == 0:
        path.insert(0, earlier_root)
    if not path:
        return False
    node, last = earlier - 1, later - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and first == earlier_root and second == later_root


@dataclass(frozen=True, slots=True)
class Frontier:
    """The roots of the perfect subtrees from left to right, one per set bit of ``size``."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> "Frontier":
        """The frontier after the next leaf hash."""
        return self.extend((leaf,))

    def extend(
        self,
        leaves: Iterable[bytes],
        *,
        finished: Callable[[int, Sequence[bytes]], None] | None = None,
    ) -> "Frontier":
        """The frontier after the next leaf hashes.

        Args:
            finished: called for each height from 1 on with the roots of the perfect subtrees of that
                height that these leaves complete, from left to right.
        """
        row, sha256 = list(leaves), hashlib.sha256
        size, height, peaks, edge = self.size + len(row), 0, list(self.peaks), list[bytes]()
        while row:  # the new nodes of one height; the left one of the first pair may be a peak
            if self.size >> height & 1:
                row.insert(0, peaks.pop())
            if len(row) & 1:
                edge.append(row.pop())
            pairs = zip(row[::2], row[1::2], strict=True)
            row = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
            height += 1
            if finished is not None and row:
                finished(height, row)
        return Frontier(size, (*peaks, *reversed(edge)))

    def root(self) -> bytes:
        """The root over every leaf so far."""
        if not self.peaks:
            return EMPTY_ROOT
        *rest, root = self.peaks
        for peak in reversed(rest):
            root = node_hash(peak, root)
        return root
