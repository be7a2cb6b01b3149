"""The keys of one contest's vote, each for one purpose, all derived from one secret by HKDF (RFC 5869).

What ties a voter to a person or a place hangs on the contest's *pepper*, a random value that only
voting's database holds: destroying it makes every voter unlinkable for good, while receipts, commitments
and signed heads keep verifying, because their keys do not depend on it.
"""

import hashlib
import hmac
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.root_secret import derived_key

_LENGTHS = tuple(length.to_bytes(4, "big") for length in range(256))


@dataclass(frozen=True, slots=True)
class ContestKeys:
    """Everything the vote of one contest signs, hashes and hides with."""

    contest_id: str
    key_id: str
    """Names this set of keys on the log; a fingerprint, it reveals nothing."""
    identity: bytes
    """Address → subject. Gone when the pepper is destroyed."""
    voter: bytes
    """Subject → voter id on the log. Gone when the pepper is destroyed."""
    contact: bytes
    """Seals the addresses that people typed. Gone when the pepper is destroyed."""
    token: bytes
    """Seals ballot tokens."""
    receipt: bytes
    salt: bytes
    """Salts of the commitments; an auditor is given the openings, never this key."""
    signals: bytes
    """Network and program → what the log says of them. Gone when the pepper is destroyed: there are few
    enough networks to try them all."""
    codes: bytes
    """Makes and hashes one-time codes."""
    puzzle: bytes
    """Signs the puzzles that a browser solves before a code is mailed."""
    cookie: bytes
    """Encrypts what the browser keeps between two steps of the citizen's flow."""
    signing_seed: bytes

    @property
    def destroyed(self) -> bool:
        """Whether nobody can be tied to a voter any more."""
        return not self.identity

    def signing_key(self) -> Ed25519PrivateKey:
        """The key that signs tree heads and certificates."""
        return Ed25519PrivateKey.from_private_bytes(self.signing_seed)


def derive_keys(root: bytes, contest_id: str, pepper: bytes) -> ContestKeys:
    """The keys of ``contest_id``: the same for the same root and pepper, unrelated for any other.

    An empty pepper is one that was destroyed: the keys that hang on it are empty, the others as before.
    """

    def key(purpose: str, salt: bytes | None = None) -> bytes:
        return derived_key(root, _name(purpose, contest_id), salt)

    def personal(purpose: str) -> bytes:
        return key(purpose, pepper) if pepper else b""

    return ContestKeys(
        contest_id=contest_id,
        key_id=key("key-id").hex()[:12],
        identity=personal("identity"),
        voter=personal("voter"),
        contact=personal("contact"),
        token=key("token"),
        receipt=key("receipt"),
        salt=key("salt"),
        signals=personal("signals"),
        codes=key("codes"),
        puzzle=key("puzzle"),
        cookie=key("cookie"),
        signing_seed=key("signing"),
    )


def signals_without_pepper(root: bytes, contest_id: str) -> bytes:
    """What the root secret alone gives for the signals: their key in earlier versions, and what somebody
    who holds the secret would try on a log."""
    return derived_key(root, _name("signals", contest_id))


def _name(purpose: str, contest_id: str) -> str:
    return f"showcase.voting/1/{purpose}/{contest_id}"


def keyed_hash(key: bytes, *parts: str) -> bytes:
    """HMAC-SHA256 over ``parts``, each preceded by its length so that no two lists collide."""
    message = b""
    for part in parts:
        raw = part.encode()
        message += (_LENGTHS[len(raw)] if len(raw) < 256 else len(raw).to_bytes(4, "big")) + raw
    return hmac.digest(key, message, hashlib.sha256)
