"""Addresses: one mailbox is one voter, however it is written.

Providers ignore case, some ignore dots or what follows a plus sign, and some answer under several
names. The normalised form is only ever used as a keyed hash; what was typed is sealed and needed to
send the code.
"""

import re
from dataclasses import dataclass

from disposable_email_domains import blocklist

from services.voting.domain.ballots import MailClass

MAX_LENGTH = 254
_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Provider:
    """How one mail provider reads the part before the @."""

    domain: str
    """The name under which all its names count."""
    ignores_dots: bool = False
    tag: str = "+"


_GMAIL = Provider("gmail.com", ignores_dots=True)
_PROTON = Provider("proton.me", ignores_dots=True)
_ICLOUD = Provider("icloud.com")
_YANDEX = Provider("yandex.com")
_PROVIDERS = {
    "gmail.com": _GMAIL,
    "googlemail.com": _GMAIL,
    "proton.me": _PROTON,
    "protonmail.com": _PROTON,
    "pm.me": _PROTON,
    "icloud.com": _ICLOUD,
    "me.com": _ICLOUD,
    "mac.com": _ICLOUD,
    "yandex.com": _YANDEX,
    "yandex.ru": _YANDEX,
    "ya.ru": _YANDEX,
    "yahoo.com": Provider("yahoo.com", tag="-"),
    "yahoo.co.th": Provider("yahoo.co.th", tag="-"),
    "fastmail.com": Provider("fastmail.com"),
    "fastmail.fm": Provider("fastmail.com"),
}
_WEBMAIL = frozenset(_PROVIDERS) | {
    "hotmail.com",
    "hotmail.co.th",
    "outlook.com",
    "outlook.co.th",
    "live.com",
    "live.co.th",
    "msn.com",
}
WELL_KNOWN = frozenset(_PROVIDERS[name].domain if name in _PROVIDERS else name for name in _WEBMAIL)
"""Every name that :func:`provider_of` gives."""
_DISPOSABLE = frozenset(blocklist)
"""The maintained list of services that give away mailboxes for minutes."""


class BadAddress(ValueError):
    """The text is no e-mail address that a code could be sent to."""


def normalise(typed: str) -> str:
    """The one form of a mailbox under which it votes.

    ``N.Ame+x@GoogleMail.com`` becomes ``name@gmail.com``; ``a+b@example.go.th`` becomes
    ``a@example.go.th``.

    Raises:
        BadAddress: no such address can exist.
    """
    text = typed.strip().lower()
    local, at, domain = text.rpartition("@")
    if not at or len(text) > MAX_LENGTH:
        raise BadAddress
    try:
        domain = domain.rstrip(".").encode("idna").decode()
    except UnicodeError as error:
        raise BadAddress from error
    labels = domain.split(".")
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadAddress
    if not _LOCAL.fullmatch(local) or local.startswith(".") or local.endswith(".") or ".." in local:
        raise BadAddress
    provider = _PROVIDERS.get(domain) or Provider(domain)
    local = local.partition(provider.tag)[0] or local
    if provider.ignores_dots:
        local = local.replace(".", "") or local
    return f"{local}@{provider.domain}"


def is_disposable(address: str) -> bool:
    """Whether the normalised ``address``, or a domain above it, is on the list of disposable ones."""
    labels = address.rpartition("@")[2].split(".")
    return any(".".join(labels[start:]) in _DISPOSABLE for start in range(len(labels) - 1))


def provider_of(address: str) -> str:
    """The provider by which mail is paced: a well-known name, or empty for a domain of its own, which
    could name a person."""
    domain = address.rpartition("@")[2]
    return domain if domain in _WEBMAIL else ""


def mail_class(address: str) -> MailClass:
    """What kind of mailbox ``address`` is, for the fraud detectors."""
    domain = address.rpartition("@")[2]
    if is_disposable(address):
        return MailClass.DISPOSABLE
    if domain in _WEBMAIL:
        return MailClass.WEBMAIL
    if domain.endswith((".go.th", ".or.th", ".mi.th")):
        return MailClass.GOVERNMENT
    if domain.endswith((".ac.th", ".edu")):
        return MailClass.ACADEMIC
    return MailClass.OTHER


def masked(address: str) -> str:
    """The address as a page repeats it: ``so…i@example.go.th``."""
    local, _, domain = address.strip().rpartition("@")
    shown = local[0] + "…" if len(local) < 4 else f"{local[:2]}…{local[-1]}"
    return f"{shown}@{domain}"
