"""Friction that grows with risk: how busy a network has been says how much a code costs there.

Nobody is shut out. Offices, campuses and carriers share addresses, so a busy network is *flagged* and
pays with a longer puzzle (or, without script, with a longer wait); it is never refused. The thresholds
are settings of the operator, not of this module.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

LEVELS = 4
"""Levels of risk, 0 to 3."""


@dataclass(frozen=True, slots=True)
class Networks:
    """Where a request comes from, from narrow to wide; empty where the address says nothing."""

    address: str = ""
    """The IPv4 address, or the IPv6 /64: a household has that many addresses."""
    network: str = ""
    """/24 of IPv4, /48 of IPv6."""
    prefix: str = ""
    """/16 of IPv4, /32 of IPv6: about what one carrier announces, as no routing table is asked."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """For each scope: requests an hour from which levels 1, 2 and 3 apply, ascending."""

    address: tuple[float, ...]
    network: tuple[float, ...]
    prefix: tuple[float, ...]

    def scaled(self, factor: float) -> "Thresholds":
        """The same, ``factor`` times as generous: for rehearsals, whose voters sit on one machine."""
        return Thresholds(
            *(tuple(each * factor for each in scope) for scope in (self.address, self.network, self.prefix))
        )


@dataclass(frozen=True, slots=True)
class Price:
    """What a code costs at one level."""

    counter: int
    """About how many derivations the puzzle takes; the real number lies between this and twice this."""
    seconds: float
    """How long a code waits for those who solve no puzzle."""


@dataclass(frozen=True, slots=True)
class Risk:
    """The verdict on one request."""

    level: int
    shared: bool
    """Flagged as a shared or busy address: kept with the code, for the detectors and for staff."""


def networks_of(host: str) -> Networks:
    """The networks that ``host`` lies in; none for this very machine and for what is no address."""
    try:
        found: IPv4Address | IPv6Address = ip_address(host)
    except ValueError:
        return Networks()
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    if found.is_loopback:
        return Networks()
    lengths = (32, 24, 16) if found.version == 4 else (64, 48, 32)
    return Networks(*(str(ip_network((found, length), strict=False)) for length in lengths))


def level_of(uses: float, steps: tuple[float, ...]) -> int:
    """How many of the ``steps`` are passed."""
    return sum(uses > step for step in steps)


def risk_of(
    address: float, network: float, prefix: float, thresholds: Thresholds, *, disposable: bool
) -> Risk:
    """The risk of one more request, from the recent uses of its three networks.

    Args:
        address, network, prefix: recent requests of each, this one included.
        disposable: the address is on the list of disposable ones and the rulebook lets it in.
    """
    level = max(
        level_of(address, thresholds.address),
        level_of(network, thresholds.network),
        level_of(prefix, thresholds.prefix),
    )
    return Risk(level=min(LEVELS - 1, max(level, int(disposable) * 2)), shared=level > 0)


def steps(text: str) -> tuple[float, ...]:
    """The numbers of a setting such as ``"20 100 500"``.

    Raises:
        ValueError: they are not numbers that ascend.
    """
    numbers = tuple(float(part) for part in text.replace(",", " ").split())
    if not numbers or sorted(set(numbers)) != list(numbers) or numbers[0] < 0:
        raise ValueError(f"{text!r} should be numbers that ascend, such as 20 100 500")
    return numbers
