"""One-time codes of those who sign: RFC 6238 codes of a sealed key, and recovery codes that work once."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NewType

import pyotp
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.root_secret import derived_key
from shared.thai.digits import arabic_digits

STEP_SECONDS = 30
DRIFT = 1
"""Steps before and after the present one whose code is taken: clocks of telephones differ."""
RECOVERY_CODES = 10
FAILURES_BEFORE_LOCK = 5
LOCK = timedelta(minutes=5)
_NONCE_BYTES = 12
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
_CODE = re.compile(r"\d{6}")
_SPACE = re.compile(r"[\s-]")

Key = NewType("Key", str)
"""The shared key in base 32, as an authenticator takes it."""


@dataclass(frozen=True, slots=True)
class Seal:
    """Encrypts keys at rest (AES-256-GCM, bound to their owner) and hashes recovery codes."""

    sealing: bytes
    hashing: bytes

    @classmethod
    def of(cls, root: bytes) -> "Seal":
        """The seal that follows from notify's root secret."""
        return cls(
            derived_key(root, "showcase.notify/1/second-factor"),
            derived_key(root, "showcase.notify/1/recovery"),
        )

    def close(self, key: Key, owner: str) -> bytes:
        """The key as it is stored."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self.sealing).encrypt(nonce, key.encode(), owner.encode())

    def open(self, sealed: bytes, owner: str) -> Key:
        """The key again.

        Raises:
            cryptography.exceptions.InvalidTag: it was sealed for someone else, by another secret, or changed.
        """
        nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        return Key(AESGCM(self.sealing).decrypt(nonce, rest, owner.encode()).decode())

    def hash_of(self, recovery_code: str, owner: str) -> str:
        """What is kept of a recovery code."""
        return hmac.new(self.hashing, f"{owner}\0{recovery_code}".encode(), hashlib.sha256).hexdigest()


def new_key() -> Key:
    """A fresh key of 160 bits."""
    return Key(pyotp.random_base32())


def provisioning_uri(key: Key, account: str, issuer: str) -> str:
    """What the QR code of the enrolment page says."""
    return pyotp.TOTP(key).provisioning_uri(name=account, issuer_name=issuer)


def new_recovery_codes() -> tuple[str, ...]:
    """Codes like ``k7m2-9xqd``, 39 bits each, for the day on which the telephone is lost."""

    def part() -> str:
        return "".join(secrets.choice(_ALPHABET) for _ in range(4))

    return tuple(f"{part()}-{part()}" for _ in range(RECOVERY_CODES))


def normal(code: str) -> str:
    """A code as typed → as compared: Thai digits, spaces and capitals do not matter."""
    return _SPACE.sub("", arabic_digits(code)).casefold()


def is_time_code(code: str) -> bool:
    """Whether a normal code is one of six digits; everything else is taken for a recovery code."""
    return _CODE.fullmatch(code) is not None


def matching_steps(key: Key, code: str, instants: Iterable[datetime]) -> tuple[int, ...]:
    """The time steps near ``instants`` that ``code`` belongs to; compared in constant time."""
    generator = pyotp.TOTP(key)
    present = {int(instant.timestamp()) // STEP_SECONDS for instant in instants}
    near = sorted({step + drift for step in present for drift in range(-DRIFT, DRIFT + 1)})
    return tuple(
        step for step in near if hmac.compare_digest(generator.generate_otp(step).encode(), code.encode())
    )
