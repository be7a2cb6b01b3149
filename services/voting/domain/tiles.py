"""Trees too large to be held: their nodes lie in tiles, and a proof needs a handful of them.

A tile of level 0 holds up to 256 leaf hashes from left to right; a tile of level *n* + 1 holds the roots
of full tiles of level *n*. So a tree of sixteen million leaves has three levels, only tiles on its right
edge ever change, and they change by growing. A proof for *any* earlier size can be read from the same
tiles, because a node that is complete never changes.

A proof is first planned (:func:`inclusion_plan`, :func:`consistency_plan`): one list of perfect subtrees
for each of its hashes. Then whoever has the tiles that the plan needs computes the hashes.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from services.voting.domain.merkle import EMPTY_ROOT, node_hash

HEIGHT = 8
WIDTH = 1 << HEIGHT
"""Hashes in a full tile."""
HASH_BYTES = 32


class Node(NamedTuple):
    """The perfect subtree over the leaves from ``number << height`` up to ``(number + 1) << height``."""

    height: int
    number: int


class TileName(NamedTuple):
    """Which tile of one tree."""

    level: int
    number: int


Cover = tuple[Node, ...]
"""Perfect subtrees side by side, the largest first: a range of leaves as the RFC's tree divides it."""
Plan = tuple[Cover, ...]
"""One cover for each hash of a proof, in the proof's order."""


class TreeDamaged(ValueError):
    """A tile that the tree must have is missing or too short."""


def cover(start: int, end: int) -> Cover:
    """The perfect subtrees over the leaves from ``start`` up to ``end``.

    ``start`` is where a subtree of the RFC's tree begins, so that each part is aligned to its size.
    """
    nodes: list[Node] = []
    while start < end:
        height = (end - start).bit_length() - 1
        nodes.append(Node(height, start >> height))
        start += 1 << height
    return tuple(nodes)


def _middle(start: int, end: int) -> int:
    return start + (1 << (end - start - 1).bit_length() - 1)


def inclusion_plan(index: int, size: int) -> Plan:
    """What proves the leaf at ``index`` in the tree of ``size`` (RFC 9162 §2.1.3.1).

    Raises:
        IndexError: there is no such leaf.
    """
    if not 0 <= index < size:
        raise IndexError(index)
    start, end = 0, size
    plan: list[Cover] = []
    while end - start > 1:
        middle = _middle(start, end)
        if index < middle:
            plan.append(cover(middle, end))
            end = middle
        else:
            plan.append(cover(start, middle))
            start = middle
    return tuple(reversed(plan))


def consistency_plan(earlier: int, later: int) -> Plan:
    """What proves that the tree of ``later`` leaves begins with the one of ``earlier`` (§2.1.4.1).

    Raises:
        IndexError: the earlier tree was empty or is larger than the later one.
    """
    if not 0 < earlier <= later:
        raise IndexError(earlier)
    start, end, whole = 0, later, True
    plan: list[Cover] = []
    while earlier < end:
        middle = _middle(start, end)
        if earlier <= middle:
            plan.append(cover(middle, end))
            end = middle
        else:
            plan.append(cover(start, middle))
            start, whole = middle, False
    if not whole:
        plan.append(cover(start, end))
    return tuple(reversed(plan))


def tile_of(node: Node) -> TileName:
    """The tile from which ``node`` is computed."""
    level, height = divmod(node.height, HEIGHT)
    return TileName(level, (node.number << height) // WIDTH)


def tiles_of(covers: Iterable[Cover]) -> frozenset[TileName]:
    """The tiles that are needed to compute ``covers``."""
    return frozenset(tile_of(node) for nodes in covers for node in nodes)


class Tiles:
    """Some tiles of one tree, and what can be computed from them."""

    def __init__(self, tiles: Mapping[TileName, bytes]) -> None:
        """``tiles``: the hashes of each, one after another."""
        self._tiles = tiles

    def node(self, node: Node) -> bytes:
        """The hash of a perfect subtree.

        Raises:
            TreeDamaged: its tile does not have it.
        """
        name = tile_of(node)
        height = node.height % HEIGHT
        first = (node.number << height) % WIDTH
        wanted = self._tiles.get(name, b"")[first * HASH_BYTES : (first + (1 << height)) * HASH_BYTES]
        if len(wanted) != HASH_BYTES << height:
            raise TreeDamaged(f"tile {name.number} of level {name.level} ends before hash {first}")
        return perfect_root([wanted[at : at + HASH_BYTES] for at in range(0, len(wanted), HASH_BYTES)])

    def root(self, nodes: Cover) -> bytes:
        """The root over the leaves of ``nodes``."""
        return folded([self.node(node) for node in nodes])

    def proof(self, plan: Plan) -> list[bytes]:
        """The hashes of a planned proof."""
        return [self.root(nodes) for nodes in plan]


def perfect_root(hashes: list[bytes]) -> bytes:
    """The root over a power of two of hashes."""
    while len(hashes) > 1:
        hashes = [node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]


def folded(peaks: Sequence[bytes]) -> bytes:
    """The root over perfect subtrees side by side, the largest first."""
    if not peaks:
        return EMPTY_ROOT
    *rest, root = peaks
    for peak in reversed(rest):
        root = node_hash(peak, root)
    return root
