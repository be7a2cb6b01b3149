"""What a code costs whom: the networks' leaky buckets, and the puzzle that fits their level.

The buckets lie in the database, so the level holds over all processes. A request is never refused for
its network; it is flagged, and costs more.
"""

from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting.domain.keys import ContestKeys, keyed_hash
from services.voting.domain.puzzles import make_puzzle
from services.voting.domain.risk import (
    LEVELS,
    Networks,
    Price,
    Risk,
    Thresholds,
    networks_of,
    risk_of,
    steps,
)
from services.voting.identity import records
from shared.contracts.rulebook import Rulebook
from shared.settings import Settings
from shared.startup import CannotStart
from shared.web.ratelimit import fill, look

HALF_LIFE_SECONDS = 1_800.0
"""A burst counts half after half an hour; a steady stream of n an hour fills a bucket to 0.72 n."""
_SCOPES = ("code address", "code network", "code prefix")


class Friction:
    """The operator's thresholds and prices, applied to requests."""

    def __init__(self, settings: Settings) -> None:
        """Raises:
        CannotStart: a setting is no list of ascending numbers.
        """
        try:
            self._thresholds = Thresholds(
                *(
                    _exactly(LEVELS - 1, text)
                    for text in (
                        settings.friction_address,
                        settings.friction_network,
                        settings.friction_prefix,
                    )
                )
            )
            counters = _exactly(LEVELS, settings.friction_puzzle)
            seconds = _exactly(LEVELS, settings.friction_seconds)
        except ValueError as error:
            raise CannotStart(f"A SHOWCASE_FRICTION_… setting is wrong: {error}.") from error
        self._prices = tuple(Price(int(c), s) for c, s in zip(counters, seconds, strict=True))
        self._cost = settings.friction_puzzle_cost
        self._rehearsal_factor = settings.rehearsal_limit_factor

    def price(self, level: int) -> Price:
        """What a code costs at ``level``."""
        return self._prices[level]

    async def count(
        self, session: AsyncSession, keys: ContestKeys, rulebook: Rulebook, host: str, *, disposable: bool
    ) -> Risk:
        """The risk of one more request from ``host``, which is counted."""
        asked = _keys(keys, networks_of(host))
        found = (
            await fill(session, asked, half_life_seconds=HALF_LIFE_SECONDS, contest_id=keys.contest_id)
            if asked
            else {}
        )
        return self._risk(found, rulebook, disposable=disposable)

    async def puzzle(
        self, session: AsyncSession, keys: ContestKeys, rulebook: Rulebook, host: str
    ) -> dict[str, Any]:
        """A puzzle of the level that ``host`` has now."""
        asked = _keys(keys, networks_of(host))
        found = (
            await look(session, asked, half_life_seconds=HALF_LIFE_SECONDS, contest_id=keys.contest_id)
            if asked
            else {}
        )
        risk = self._risk(found, rulebook, disposable=False)
        return make_puzzle(
            keys,
            network=networks_of(host).network,
            level=risk.level,
            counter=self.price(risk.level).counter,
            cost=self._cost,
            now=await records.real_time(session),
        )

    def _risk(self, found: dict[str, float], rulebook: Rulebook, *, disposable: bool) -> Risk:
        scale = self._rehearsal_factor if rulebook.rehearsal else 1
        address, network, prefix = (found.get(scope, 0.0) for scope in _SCOPES)
        thresholds = self._thresholds.scaled(scale)
        return risk_of(address, network, prefix, thresholds, disposable=disposable)


def _keys(keys: ContestKeys, networks: Networks) -> dict[str, str]:
    """The buckets of a request, by scope. Their names hang on the contest's key: four thousand million
    IPv4 addresses are soon tried through a plain hash. None once that key is destroyed."""
    if not networks.address or not keys.signals:
        return {}
    named = zip(_SCOPES, (networks.address, networks.network, networks.prefix), strict=True)
    return {scope: keyed_hash(keys.signals, scope, name).hex() for scope, name in named}


def _exactly(number: int, text: str) -> tuple[float, ...]:
    found = steps(text)
    if len(found) != number:
        raise ValueError(f"{text!r} should be {number} numbers")
    return found
