"""Sign-in by a code: six digits by e-mail, ten minutes, five tries, once."""

import hashlib
import hmac
import ipaddress
import secrets
from datetime import datetime, timedelta

from shared.errors import Invalid
from shared.mail_address import mail_address

CODE_DIGITS = 6
CODE_LIFETIME = timedelta(minutes=10)
CODE_TRIES = 5


def normal_email(address: str) -> str:
    """An address as people compare it: trimmed and in lower case. (The part before the @ is case
    sensitive on paper and on no mail server that people use.)

    Raises:
        Invalid: no mail can be sent to it.
    """
    email = address.strip().casefold()
    try:
        if email:
            mail_address(email)
    except ValueError as error:
        raise Invalid(
            "ที่อยู่อีเมลนี้ส่งไม่ได้ โปรดตรวจการสะกด เช่น somchai@example.go.th",
            "Mail cannot be sent to this address. Check its spelling, for example somchai@example.go.th.",
            field="email",
        ) from error
    return email


def new_code() -> str:
    """A fresh code, leading zeros included."""
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"


def derived_key(secret: str) -> bytes:
    """The key for the hashes below, from the service's signing key: a copy of the database alone
    tells no code."""
    return hmac.new(secret.encode(), b"showcase intake sign-in codes", hashlib.sha256).digest()


def code_hash(key: bytes, code_id: str, code: str) -> str:
    """What is stored of a code."""
    return hmac.new(key, f"{code_id}:{code}".encode(), hashlib.sha256).hexdigest()


def same(one: str, other: str) -> bool:
    """Equality in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())


def email_hash(key: bytes, email: str) -> str:
    """An address without the address, to find its codes."""
    return hmac.new(key, f"email:{email}".encode(), hashlib.sha256).hexdigest()


def ip_prefix(host: str) -> str:
    """The network of an address: /24 of IPv4, /48 of IPv6. Empty for this very machine and for what
    is no address, which say nothing about who is asking."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_loopback:
        return ""
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 48), strict=False))


def expires(created_at: datetime) -> datetime:
    """Until when a code may be used."""
    return created_at + CODE_LIFETIME
