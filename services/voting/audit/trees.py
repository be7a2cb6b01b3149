"""Every signed head against the log: roots hashed anew, signatures checked.

A tree is hashed as RFC 9162 §2.1 says. A leaf is the receipt, a line feed and the commitment; a
partition's leaves are its contest's VoteCast records in offset order.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_TILE_HEIGHT = 8


@dataclass(frozen=True, slots=True)
class _Promise:
    """What a head said of one partition."""

    root: bytes
    revision: int


@dataclass(slots=True)
class Heads:
    """The heads of one contest, in the order of their revisions."""

    sizes: dict[int, dict[int, int]] = field(default_factory=dict)
    """Of each head, by partition."""
    documents: dict[int, bytes] = field(default_factory=dict)
    """SHA-256 of each head's canonical JSON."""
    promises: dict[int, dict[int, _Promise]] = field(default_factory=lambda: defaultdict(dict))
    """By partition and size: the root that the first such head gave."""
    unsigned: int = 0
    """Heads whose signature could not be checked, because no key is known."""
    findings: list[str] = field(default_factory=list)

    def take(self, bodies: Iterable[Mapping[str, Any]], head_key: str) -> None:
        """Check what heads can show by themselves: signature, order, growth."""
        key = _public_key(head_key)
        if head_key and key is None:
            self.findings.append(f"{head_key!r} is no Ed25519 public key")
        for body in sorted(bodies, key=lambda each: int(each["revision"])):
            revision = int(body["revision"])
            if revision in self.sizes:
                self.findings.append(f"head {revision}: there are two of this revision")
                continue
            if revision != len(self.sizes) + 1:
                self.findings.append(f"head {len(self.sizes) + 1} is missing before head {revision}")
            if key is None:
                self.unsigned += 1
            elif not _signed(body, key):
                self.findings.append(f"head {revision}: its signature does not hold")
            self._grow(revision, body)

    def _grow(self, revision: int, body: Mapping[str, Any]) -> None:
        before = self.sizes[max(self.sizes)] if self.sizes else {}
        sizes = {int(head["partition"]): int(head["size"]) for head in body["heads"]}
        for head in body["heads"]:
            partition, size = int(head["partition"]), int(head["size"])
            root = bytes.fromhex(head["root"])
            if size < before.get(partition, 0):
                self.findings.append(
                    f"head {revision}: partition {partition} shrank from {before[partition]} to {size}"
                )
            known = self.promises[partition].setdefault(size, _Promise(root, revision))
            if known.root != root:
                self.findings.append(
                    f"head {revision}: partition {partition} with {size} leaves has another root "
                    f"than in head {known.revision}"
                )
        self.sizes[revision] = sizes
        self.documents[revision] = hashlib.sha256(_canonical(body)).digest()


def leaf_hash(receipt: str, commitment: str) -> bytes:
    """The hash of one record's leaf."""
    return hashlib.sha256(b"\x00" + f"{receipt}\n{commitment}".encode()).digest()


class TreeAccount:
    """One partition's tree, hashed anew leaf by leaf and held against what heads promised."""

    def __init__(self, partition: int, promises: Mapping[int, _Promise]) -> None:
        self.partition = partition
        self.size = 0
        self.nodes: dict[int, list[bytes]] = defaultdict(list)
        """Roots of perfect subtrees of 256, 65,536 … leaves, by level."""
        self._promises = promises
        self._edge: list[bytes] = []
        self.first_broken: _Promise | None = None
        self.findings: list[str] = []
        self._good_up_to = 0
        self._hold()

    def add(self, leaf: bytes) -> None:
        """The next leaf hash."""
        carry, rest, height = leaf, self.size, 0
        while rest & 1:
            carry = hashlib.sha256(b"\x01" + self._edge.pop() + carry).digest()
            rest >>= 1
            height += 1
            if not height % _TILE_HEIGHT:
                self.nodes[height // _TILE_HEIGHT].append(carry)
        self._edge.append(carry)
        self.size += 1
        if self.size in self._promises:
            self._hold()

    def root(self) -> bytes:
        """The root over every leaf so far."""
        if not self._edge:
            return hashlib.sha256(b"").digest()
        root = self._edge[-1]
        for peak in self._edge[-2::-1]:
            root = hashlib.sha256(b"\x01" + peak + root).digest()
        return root

    def _hold(self) -> None:
        promise = self._promises.get(self.size)
        if promise is None:
            return
        if promise.root == self.root():
            self._good_up_to = self.size
        elif self.first_broken is None:
            self.first_broken = promise
            self.findings.append(
                f"head {promise.revision}: partition {self.partition} has another root than the first "
                f"{self.size} votes of the log; the first difference lies among leaves "
                f"{self._good_up_to} to {self.size - 1}"
            )

    def close(self, *, complete: bool) -> None:
        """After the last record. ``complete``: the log was read to its end, so no head may know more."""
        beyond = [size for size in self._promises if size > self.size]
        if beyond and complete:
            promise = self._promises[min(beyond)]
            self.findings.append(
                f"head {promise.revision}: partition {self.partition} has {min(beyond)} leaves, "
                f"the log has {self.size}"
            )


def _public_key(text: str) -> Ed25519PublicKey | None:
    try:
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(text))
    except ValueError:
        return None


def _signed(body: Mapping[str, Any], key: Ed25519PublicKey) -> bool:
    message = {name: body[name] for name in ("contest_id", "heads", "revision", "signed_at")}
    try:
        key.verify(bytes.fromhex(body["signature"]), _canonical(message))
    except (InvalidSignature, ValueError):
        return False
    return True


def _canonical(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
