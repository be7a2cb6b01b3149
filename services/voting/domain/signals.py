"""What the log may know of where a vote comes from: keyed hashes and classes, never an address.

Both functions are on the vote path, so what they derive is remembered by address and by user agent:
a vote from a known one costs two look-ups. Their key is destroyed with the contest's identity; without
it they tell classes only.
"""

import hashlib
import hmac
import re
from collections.abc import Collection, Iterable
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

_HASH_BYTES = 8
_MAX_AGENT = 300
"""Longer user agents are cut before they are hashed: nobody's browser needs more."""


class AgentClass(StrEnum):
    """What kind of program sent a vote, by its own word; a script that lies passes as a browser."""

    NONE = "none"
    """It named none; no browser does that."""
    SCRIPT = "script"
    """A library, a command line tool, or a browser that says it runs without a screen."""
    IN_APP = "in_app"
    """The browser inside a social app: how shared links are opened."""
    MOBILE = "mobile"
    DESKTOP = "desktop"


_SCRIPT = re.compile(
    r"curl|wget|httpie|python|aiohttp|httpx|okhttp|java/|go-http|node|axios|undici|libwww|perl|ruby|php|"
    r"postman|insomnia|headless|phantomjs|selenium|puppeteer|playwright|bot\b|crawler|spider",
    re.IGNORECASE,
)
_IN_APP = re.compile(r"\bLine/|FBAN|FBAV|FB_IAB|Instagram|MicroMessenger|TikTok|BytedanceWebview|; wv\)")
_MOBILE = re.compile(r"Mobile|Android|iPhone|iPad")


class NetworkSignals(NamedTuple):
    """Keyed hashes of the networks an address lies in; empty where it has none of that kind."""

    subnet24: str
    subnet48: str
    prefix: str
    """The IPv4 /16 or the IPv6 /32: about what one provider announces."""


class AgentSignals(NamedTuple):
    """The user agent as a keyed hash and a class."""

    agent: str
    agent_class: str


NOWHERE = NetworkSignals("", "", "")
EVERY_24 = range(1 << 24)
"""Every IPv4 /24, as the number that its first three bytes make."""


@lru_cache(maxsize=8_192)
def network_signals(key: bytes, address: str) -> NetworkSignals:
    """The networks of ``address``; nothing for a text that is no address, or without a key."""
    if not key:
        return NOWHERE
    try:
        parsed = ip_address(address)
    except ValueError:
        return NOWHERE
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    packed = parsed.packed
    if isinstance(parsed, IPv6Address):
        return NetworkSignals("", _keyed(key, packed[:6]), _keyed(key, packed[:4]))
    return NetworkSignals(_keyed(key, packed[:3]), "", _keyed(key, packed[:2]))


@lru_cache(maxsize=2_048)
def agent_signals(key: bytes, user_agent: str) -> AgentSignals:
    """The hash and the class of a user agent; the class alone without a key."""
    shown = user_agent[:_MAX_AGENT]
    if not shown:
        return AgentSignals("", AgentClass.NONE.value)
    hashed = _keyed(key, b"agent\0" + shown.encode()) if key else ""
    return AgentSignals(hashed, _class_of(shown).value)


def forget() -> None:
    """Let go of every address, program and key that is remembered."""
    network_signals.cache_clear()
    agent_signals.cache_clear()


def networks_behind(key: bytes, hashes: Collection[str], guesses: Iterable[int] = EVERY_24) -> frozenset[str]:
    """Those of ``hashes`` that somebody who holds ``key`` finds by trying one /24 after the other: about a
    minute for all. IPv6 is not tried here. It is no safer: with the ``prefix`` of a vote beside it, whoever
    holds the key finds the /32 in about half an hour (2^29 are to be had), and its /48 in a moment."""
    wanted = frozenset(hashes)
    found: set[str] = set()
    for guess in guesses:
        tried = _keyed(key, guess.to_bytes(3, "big"))
        if tried in wanted:
            found.add(tried)
            if len(found) == len(wanted):
                break
    return frozenset(found)


def _class_of(agent: str) -> AgentClass:
    if _SCRIPT.search(agent):
        return AgentClass.SCRIPT
    if _IN_APP.search(agent):
        return AgentClass.IN_APP
    return AgentClass.MOBILE if _MOBILE.search(agent) else AgentClass.DESKTOP


def _keyed(key: bytes, message: bytes) -> str:
    return hmac.digest(key, message, hashlib.sha256)[:_HASH_BYTES].hex()
