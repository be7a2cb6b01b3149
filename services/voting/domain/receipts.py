"""Receipts and commitments: what a voter keeps, and what the log says of the choice.

A receipt is derived, never stored first: the same contest, voter, client key and choice give the same
code on every process and after every crash, so a retry needs no memory anywhere. It shows no choice.
"""

import hashlib
import re

from services.voting.domain.keys import ContestKeys, keyed_hash

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O, U, so that a code can be read aloud."""
LENGTH = 12
"""60 bits: among a million ballots two share a code with a chance of 1 in 2 million."""
_PAIRS = tuple(a + b for a in ALPHABET for b in ALPHABET)
_SHAPE = re.compile(rf"[{ALPHABET}]{{{LENGTH}}}")
_READ_AS = str.maketrans("OIL", "011", "- \u2010\u2011\u2013")


def receipt_for(keys: ContestKeys, voter_id: str, client_key: str, entry_id: str) -> str:
    """The receipt of one ballot, such as ``7KQ2-M9XD-4TBA``."""
    digest = keyed_hash(keys.receipt, keys.contest_id, voter_id, client_key, entry_id)
    bits = int.from_bytes(digest[:8], "big") >> 4
    high, low = bits >> 30, bits & 0x3FFF_FFFF  # two numbers that the machine reckons with at once
    return (
        f"{_PAIRS[high >> 20]}{_PAIRS[high >> 10 & 1023]}-{_PAIRS[high & 1023]}{_PAIRS[low >> 20]}-"
        f"{_PAIRS[low >> 10 & 1023]}{_PAIRS[low & 1023]}"
    )


def read_receipt(text: str) -> str | None:
    """The receipt that ``text`` means, as people type it (any case, with or without hyphens, O for 0);
    None if it cannot be one."""
    code = text.strip().upper().translate(_READ_AS)
    if not _SHAPE.fullmatch(code):
        return None
    return f"{code[:4]}-{code[4:8]}-{code[8:]}"


def salt_for(keys: ContestKeys, voter_id: str, receipt: str) -> bytes:
    """The salt of one ballot's commitment. With it and the entry, an auditor opens the commitment."""
    return keyed_hash(keys.salt, keys.contest_id, voter_id, receipt)


def commitment_of(salt: bytes, contest_id: str, entry_id: str) -> str:
    """SHA-256 over salt, contest and entry, in hexadecimal: binds the choice and hides it."""
    choice = f"{contest_id}\n{entry_id}".encode()
    return hashlib.sha256(salt + choice).hexdigest()
