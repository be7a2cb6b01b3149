"""Ballot tokens: what a voter holds between proving an address and casting a vote.

A token is an HMAC, not a signature: the vote path checks a million of them, and one Ed25519
verification alone costs more than the rest of the path. It names a *subject*, the keyed hash of the
address, from which the voter id on the log is derived under another key: whoever holds a token
cannot find its vote on the log, nor show it to a buyer.
"""

import hashlib
import hmac
import struct
from base64 import urlsafe_b64encode
from binascii import a2b_base64
from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

from services.voting.domain.errors import IdentityDestroyed
from services.voting.domain.keys import ContestKeys, keyed_hash

SUBJECT_BYTES = 15
VOTER_BYTES = 15
_MAC_BYTES = 15
DOMAIN_BYTES = 6
NO_DOMAIN = bytes(DOMAIN_BYTES)
_LAYOUT = struct.Struct(f">BBI{SUBJECT_BYTES}s{DOMAIN_BYTES}s")
_VERSION = 2
_TOKEN_LENGTH = 56
"""Base64 of 27 bytes of payload and 15 of the code: no padding."""


class MailClass(IntEnum):
    """What kind of address was proved; all that the log learns of it."""

    OTHER = 0
    GOVERNMENT = 1
    ACADEMIC = 2
    WEBMAIL = 3
    REHEARSAL = 4
    DISPOSABLE = 5
    """A mailbox that anybody gets without a name and loses within the hour."""
    PHONE = 6
    ACCOUNT = 7
    """Signed in at an OpenID Connect provider."""


_CLASSES = {int(mail_class): mail_class for mail_class in MailClass}
CLASS_NAMES = {mail_class: mail_class.name.lower() for mail_class in MailClass}
"""What the log calls them."""


class Ballot(NamedTuple):
    """A verified token."""

    contest_id: str
    subject: bytes
    issued_at: int
    """Unix seconds of contest time."""
    mail_class: MailClass
    domain: bytes = NO_DOMAIN
    """Keyed hash of the mail domain, so that the detectors see many mailboxes of one; zeros: none."""


class BadBallot(ValueError):
    """The token was altered, cut, or never ours."""


def subject_of(keys: ContestKeys, address: str) -> bytes:
    """The keyed hash that stands for a normalised address; never leaves voting's database and tokens.

    Raises:
        IdentityDestroyed: the contest's identity keys are gone.
    """
    if not keys.identity:
        raise IdentityDestroyed
    return keyed_hash(keys.identity, address)[:SUBJECT_BYTES]


def voter_of(keys: ContestKeys, subject: bytes) -> str:
    """The opaque voter id on the log, 20 characters.

    Raises:
        IdentityDestroyed: the contest's identity keys are gone.
    """
    if not keys.voter:
        raise IdentityDestroyed
    mac = hmac.digest(keys.voter, subject, hashlib.sha256)
    return urlsafe_b64encode(mac[:VOTER_BYTES]).decode()


def domain_of(keys: ContestKeys, address: str) -> bytes:
    """The keyed hash that stands for the mail domain of a normalised address; gone with the pepper. Zeros
    for what is no mail address."""
    if "@" not in address:
        return NO_DOMAIN
    return keyed_hash(keys.identity, "domain", address.rpartition("@")[2])[:DOMAIN_BYTES]


def issue_ballot(
    keys: ContestKeys, subject: bytes, issued_at: int, mail_class: MailClass, domain: bytes = NO_DOMAIN
) -> str:
    """A token ``<contest>.<56 characters>`` that :func:`read_ballot` accepts."""
    payload = _LAYOUT.pack(_VERSION, mail_class, issued_at, subject, domain)
    return f"{keys.contest_id}.{urlsafe_b64encode(payload + _seal(keys, payload)).decode()}"


def read_ballot(token: str, keys_of: Callable[[str], ContestKeys | None]) -> Ballot:
    """The ballot that ``token`` proves, compared in constant time.

    Raises:
        BadBallot: it is not one of ours, or its contest is unknown here.
    """
    contest_id, _, body = token.rpartition(".")
    keys = keys_of(contest_id)
    if keys is None or len(body) != _TOKEN_LENGTH or "+" in body or "/" in body:  # one spelling a token
        raise BadBallot
    try:
        raw = a2b_base64(body.replace("-", "+").replace("_", "/"))
    except ValueError as error:
        raise BadBallot from error
    if len(raw) != _LAYOUT.size + _MAC_BYTES:
        raise BadBallot
    payload, mac = raw[: _LAYOUT.size], raw[_LAYOUT.size :]
    if not hmac.compare_digest(mac, _seal(keys, payload)):
        raise BadBallot
    version, number, issued_at, subject, domain = _LAYOUT.unpack(payload)
    mail_class = _CLASSES.get(number)
    if version != _VERSION or mail_class is None:
        raise BadBallot
    return Ballot(contest_id, subject, issued_at, mail_class, domain)


def _seal(keys: ContestKeys, payload: bytes) -> bytes:
    return hmac.digest(keys.token, payload, hashlib.sha256)[:_MAC_BYTES]
