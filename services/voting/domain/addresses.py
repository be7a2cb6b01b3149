"""Addresses: one mailbox is one voter, however it is written.

Providers ignore case, some ignore dots or what follows a plus sign, and some answer under several
names. What is typed is used to send the code and is then forgotten; only a keyed hash of the
normalised form stays.
"""

import re
from dataclasses import dataclass

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
}
_WEBMAIL = frozenset(_PROVIDERS) | {
    "hotmail.com",
    "hotmail.co.th",
    "outlook.com",
    "outlook.co.th",
    "live.com",
}


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
    provider = _PROVIDERS.get(domain, Provider(domain))
    local = local.partition(provider.tag)[0] or local
    if provider.ignores_dots:
        local = local.replace(".", "") or local
    return f"{local}@{provider.domain}"


def mail_class(address: str) -> MailClass:
    """What kind of mailbox ``address`` is, for the fraud detectors."""
    domain = address.rpartition("@")[2]
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
