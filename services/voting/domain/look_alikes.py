"""Addresses that were made in a row: ``somchai2501@…``, ``somchai2502@…``, ``somchai2503@…``.

Whoever makes a hundred mailboxes numbers them. Two addresses have the same *shape* when they differ in
the last two digits of their last number only, so one shape has at most a hundred members. The shape is
taken when a ballot is issued and kept as a keyed hash: no address, and no part of one, is kept for it.
"""

import re

from services.voting.domain.keys import ContestKeys, keyed_hash

_LAST_DIGITS = re.compile(r"^(.*?)(\d{1,2})(\D*)$")
_SHAPE_BYTES = 8


def shape(address: str) -> str:
    """A normalised address without what numbers it; empty where nothing numbers it.

    >>> shape("somchai2501@example.com")
    'somchai25##@example.com'
    """
    local, _, domain = address.rpartition("@")
    match = _LAST_DIGITS.match(local)
    if match is None:
        return ""
    before, _, after = match.groups()
    return f"{before}##{after}@{domain}"


def shape_hash(keys: ContestKeys, address: str) -> str:
    """The shape as voting keeps it: a keyed hash that is gone with the pepper; empty for no shape."""
    found = shape(address)
    return keyed_hash(keys.identity, "shape", found)[:_SHAPE_BYTES].hex() if found else ""
