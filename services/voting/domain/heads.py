"""What a leaf is, what a signed tree head says, and how both are written down byte for byte.

A leaf binds a receipt to its commitment: two voters can never be shown the same leaf as theirs, and
neither part tells the choice. A head is signed as canonical JSON (sorted keys, no spaces, UTF-8) of
``contest_id``, ``heads``, ``revision`` and ``signed_at``, exactly as these members stand in its document.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.voting.domain.keys import derive_keys
from shared.root_secret import root_secret

BUNDLE_FORMAT = "showcase-receipt-1"
CONSISTENCY_FORMAT = "showcase-consistency-1"
SIGNED = ("contest_id", "heads", "revision", "signed_at")


def leaf_hash_of(receipt: str, commitment: str) -> bytes:
    """SHA-256 over 0x00, the receipt, a line feed and the commitment in hexadecimal (RFC 9162 §2.1.1)."""
    return hashlib.sha256(f"\0{receipt}\n{commitment}".encode()).digest()


def canonical(document: Mapping[str, Any]) -> bytes:
    """The bytes of ``document`` that everybody gets who writes it anew."""
    return json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def signed_bytes(head: Mapping[str, Any]) -> bytes:
    """The part of a head's document that its signature covers."""
    return canonical({name: head[name] for name in SIGNED})


def key_id_of(public_key: str) -> str:
    """The name of a public key: the beginning of its SHA-256."""
    return hashlib.sha256(bytes.fromhex(public_key)).hexdigest()[:16]


def signature_holds(head: Mapping[str, Any], public_key: str) -> bool:
    """Whether ``head`` was signed by the owner of ``public_key`` (hexadecimal)."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(head["signature"]), signed_bytes(head))
    except (InvalidSignature, ValueError, KeyError, TypeError):
        return False
    return True


class HeadSigner:
    """Signs the tree heads of every contest, each with a key of its own.

    The keys come from the root secret alone. They do not hang on the contest's pepper, so destroying
    what identifies voters leaves every head and receipt as good as before.
    """

    def __init__(self, root: bytes) -> None:
        self._root = root

    @classmethod
    def of(cls, settings_secret: str) -> "HeadSigner":
        """The signer whose root secret is given as in its setting.

        Raises:
            WeakSecret: it is no such secret.
        """
        return cls(root_secret(settings_secret, "SHOWCASE_VOTING_SECRET"))

    def _key(self, contest_id: str) -> Ed25519PrivateKey:
        return derive_keys(self._root, contest_id, b"").signing_key()

    def public_key(self, contest_id: str) -> str:
        """The key by which anybody checks the contest's heads, in hexadecimal."""
        return self._key(contest_id).public_key().public_bytes_raw().hex()

    def sign(self, contest_id: str, message: bytes) -> str:
        """The signature over ``message``, in hexadecimal."""
        return self._key(contest_id).sign(message).hex()

    def salt_key(self, contest_id: str) -> bytes:
        """The key of the contest's salts, from which single commitments are opened for an auditor."""
        return derive_keys(self._root, contest_id, b"").salt
