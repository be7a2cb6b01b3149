"""Who votes in the simulations: honest people, honest crowds, and attackers, from one seed.

Every figure of the honest background is an assumption, written here to be argued with: which mailboxes
people have, which browsers, how long they take to vote, how the country's networks carry them. The
attackers know the product: they vote for their own entry, and each has one way to save work.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate

ENTRIES = 12
TARGET = 4
"""The entry that attackers and enthusiastic crowds vote for; fifth of twelve."""
ZIPF = 1.1

_NAMES_TEXT = """
somchai somsak somying suda malee prasit wichai kanya nipa arthit pranee chai wanna ratana anong
kittipong nattapong thanakorn siriporn supaporn jiraporn pornthip worawit ekkachai sompong boonmee
chalerm duangjai fon kamol lamai manee narong orathai panya rung saowanee thida ubon wilai yuphin
"""
_NAMES = tuple(_NAMES_TEXT.split())
_SURNAMES_TEXT = """
srisuk chaiyo wongsa thongdee saetang boonsong kaewmanee rattana phromma suksai jaidee inthara
charoen meesuk panyadee sombat thepha wattana yodsak limsakul
"""
_SURNAMES = tuple(_SURNAMES_TEXT.split())
_WEBMAIL = (("gmail.com", 62), ("hotmail.com", 16), ("outlook.com", 7), ("icloud.com", 7), ("yahoo.com", 8))
_COMPANIES = tuple(f"company-{number}.co.th" for number in range(400))
_SCHOOLS = tuple(f"school-{number}.ac.th" for number in range(60))
_OFFICES = tuple(f"office-{number}.go.th" for number in range(80))


@dataclass(frozen=True, slots=True)
class Voter:
    """One vote as it arrives, and whether it was honest."""

    address: str
    entry: int
    network: str
    agent: str
    issued_at: datetime
    age: int
    honest: bool
    part: str
    """Which crowd the voter belongs to."""


def _weighted(dice: random.Random, table: tuple[tuple[str, int], ...]) -> str:
    return dice.choices([name for name, _ in table], [weight for _, weight in table])[0]


def _entry(dice: random.Random) -> int:
    weights = [1 / (rank + 1) ** ZIPF for rank in range(ENTRIES)]
    return dice.choices(range(ENTRIES), cum_weights=list(accumulate(weights)))[0]


_ANDROID_MODELS = tuple(f"SM-A{number}5F" for number in range(10, 40)) + tuple(
    f"CPH2{number}" for number in range(100, 160)
)


def browser(dice: random.Random, *, in_app: float = 0.25) -> str:
    """A person's browser. Chrome tells little of itself, apps and phones tell more."""
    if dice.random() < in_app:
        if dice.random() < 0.4:
            version = f"{dice.choice((16, 17))}_{dice.randrange(7)}"
            return (
                f"Mozilla/5.0 (iPhone; CPU iPhone OS {version}) Mobile Safari Line/14.{dice.randrange(9)}.0"
            )
        model = dice.choice(_ANDROID_MODELS)
        return (
            f"Mozilla/5.0 (Linux; Android {dice.randrange(11, 15)}; {model}; wv) Line/14.{dice.randrange(9)}"
        )
    kind = dice.random()
    chrome = dice.choices((124, 123, 122, 120, 109), (60, 20, 10, 6, 4))[0]
    if kind < 0.35:
        return f"Mozilla/5.0 (Linux; Android 10; K) Chrome/{chrome}.0.0.0 Mobile Safari/537.36"
    if kind < 0.65:
        return f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_{dice.randrange(6)}) Version/17 Mobile Safari/604.1"
    if kind < 0.9:
        return f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/{chrome}.0.0.0 Safari/537.36"
    if kind < 0.96:
        return f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/17.{dice.randrange(5)} Safari/605"
    return (
        f"Mozilla/5.0 (X11; Linux x86_64; rv:{dice.randrange(115, 126)}.0) Firefox/{dice.randrange(115, 126)}"
    )


LAB_BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/120.0.0.0 Safari/537.36"


def network(dice: random.Random) -> str:
    """An address of the country's carriers; carriers put many people behind few networks."""
    if dice.random() < 0.15:
        return f"2001:fb1:{dice.randrange(1 << 14):x}:{dice.randrange(16):x}::{dice.randrange(1 << 16):x}"
    carrier = dice.choices((49, 171, 110, 184, 223), (30, 25, 20, 15, 10))[0]
    near = int(dice.paretovariate(0.8)) % 4_000
    return f"{carrier}.{near // 250}.{near % 250}.{dice.randrange(1, 255)}"


def _local(dice: random.Random) -> str:
    name, surname = dice.choice(_NAMES), dice.choice(_SURNAMES)
    match dice.randrange(6):
        case 0:
            return f"{name}.{surname}"
        case 1:
            return f"{name}{dice.randrange(2510, 2553)}"
        case 2:
            return f"{name}_{surname[:3]}{dice.randrange(100):02d}"
        case 3:
            return f"{name}{surname[0]}{dice.randrange(1000)}"
        case 4:
            return f"{name}{dice.randrange(60, 100)}"
        case _:
            return f"{surname}.{name[:3]}{dice.randrange(10)}"


def mailbox(dice: random.Random) -> str:
    """A person's address."""
    kind = dice.random()
    if kind < 0.86:
        domain = _weighted(dice, _WEBMAIL)
    elif kind < 0.91:
        domain = dice.choice(_SCHOOLS)
    elif kind < 0.95:
        domain = dice.choice(_OFFICES)
    else:
        domain = dice.choice(_COMPANIES)
    return f"{_local(dice)}@{domain}"


def age(dice: random.Random) -> int:
    """Seconds between ballot and vote: most under a minute, some long after, few at once."""
    return int(dice.lognormvariate(2.9, 0.95))


def _day(dice: random.Random, opens: datetime, days: float) -> datetime:
    """An instant of the vote, by daylight."""
    while True:
        at = opens + timedelta(days=dice.random() * days)
        hour = (at.hour + 7) % 24
        if dice.random() < (0.1 if hour < 7 else 0.6 if hour < 18 else 1.0):
            return at


def public(dice: random.Random, opens: datetime, days: float, count: int) -> Iterator[Voter]:
    """The country: everybody's own choice."""
    for _ in range(count):
        yield Voter(
            mailbox(dice),
            _entry(dice),
            network(dice),
            browser(dice),
            _day(dice, opens, days),
            age(dice),
            honest=True,
            part="public",
        )


Crowd = Callable[[random.Random, datetime, int], Iterator[Voter]]


def bought(dice: random.Random, opens: datetime, count: int) -> Iterator[Voter]:
    """Real people who are paid: own phones, own mailboxes, an evening or two."""
    start = opens + timedelta(days=2, hours=11)
    for _ in range(count):
        at = start + timedelta(hours=dice.random() * 30)
        yield Voter(mailbox(dice), TARGET, network(dice), browser(dice), at, age(dice), False, "bought")


def one_script(dice: random.Random, opens: datetime, count: int) -> Iterator[Voter]:
    """One machine, one program that names itself, mailboxes that people once had."""
    start = opens + timedelta(days=1, hours=18)
    for number in range(count):
        at = start + timedelta(seconds=number * 4 + dice.random())
        yield Voter(mailbox(dice), TARGET, "203.0.113.7", "python-requests/2.31.0", at, 0, False, "script")


def disguised_script(dice: random.Random, opens: datetime, count: int) -> Iterator[Voter]:
    """One rented machine that poses as the commonest browser, and votes at once."""
    start = opens + timedelta(days=1, hours=18)
    agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/124.0.0.0 Safari/537.36"
    for number in range(count):
        at = start + timedelta(seconds=number * 5 + dice.random())
        yield Voter(mailbox(dice), TARGET, "198.51.100.9", agent, at, dice.randrange(3), False, "script")


def botnet(dice: random.Random, opens: datetime, count: int) -> Iterator[Voter]:
    """2,000 networks, a vote or a few from each; one browser build, numbered mailboxes."""
    start = opens + timedelta(days=2, hours=3)
    agent = "Mozilla/5.0 (Windows NT 6.1; Win64; x64) Chrome/109.0.5414.120 Safari/537.36"
    for number in range(count):
        place = dice.randrange(2_000)
        address = f"100.{64 + place // 250}.{place % 250}.{dice.randrange(1, 255)}"
        at = start + timedelta(hours=dice.random() * 20)
        mail = f"fan.{_NAMES[number // 1000 % len(_NAMES)]}{number % 1000:03d}@gmail.com"
        yield Voter(mail, TARGET, address, agent, at, dice.randrange(2, 20), False, "botnet")


def disguised_botnet(dice: random.Random, opens: datetime, count: int) -> Iterator[Voter]:
    """2,000 networks, everybody's browsers, numbered mailboxes, and human patience."""
    start = opens + timedelta(days=2, hours=3)
    for number in range(count):
        place = dice.randrange(2_000)
        address = f"100.{64 + place // 250}.{place % 250}.{dice.randrange(1, 255)}"
        at = start + timedelta(hours=dice.random() * 20)
        mail = f"fan.{_NAMES[number // 1000 % len(_NAMES)]}{number % 1000:03d}@gmail.com"
        yield Voter(mail, TARGET, address, browser(dice), at, age(dice), False, "botnet")


def unnumbered_botnet(dice: random.Random, opens: datetime, count: int) -> Iterator[Voter]:
    """The same, with mailboxes that look like people's."""
    for voter in disguised_botnet(dice, opens, count):
        yield replace(voter, address=mailbox(dice))


def own_domain_farm(dice: random.Random, opens: datetime, count: int) -> Iterator[Voter]:
    """Domains of the attacker's own with names as mailboxes, a proxy for each vote, one browser that
    waits a random while."""
    start = opens + timedelta(days=1, hours=4)
    domains = max(1, count // 250)
    for number in range(count):
        at = start + timedelta(hours=dice.random() * 6)
        mail = f"{_local(dice)}{number}@brand-{number % domains}.example"
        yield Voter(mail, TARGET, network(dice), LAB_BROWSER, at, dice.randrange(4, 40), False, "farm")


def disguised_farm(dice: random.Random, opens: datetime, count: int) -> Iterator[Voter]:
    """The same by somebody who has read the detectors: a quarter of everybody's browsers, human pauses."""
    for voter in own_domain_farm(dice, opens, count):
        agent = LAB_BROWSER if dice.random() < 0.75 else browser(dice)
        yield replace(voter, agent=agent, age=age(dice))


def disposable_farm(dice: random.Random, opens: datetime, count: int) -> Iterator[Voter]:
    """Throw-away domains that no list has yet, 75 mailboxes each; a script with ten machines' browsers."""
    start = opens + timedelta(days=1, hours=2)
    domains = max(1, count // 75)
    agents = [f"Mozilla/5.0 (X11; Linux x86_64) Chrome/1{n:02d}.0.0.0 Safari/537.36" for n in range(10)]
    for number in range(count):
        local = "".join(dice.choices("abcdefghijklmnopqrstuvwxyz", k=9))
        mail = f"{local}@inbox-{number % domains}.example"
        at = start + timedelta(seconds=number * 12 + dice.random())
        yield Voter(mail, TARGET, network(dice), dice.choice(agents), at, dice.randrange(2), False, "farm")


def slow_drip(dice: random.Random, opens: datetime, count: int) -> Iterator[Voter]:
    """A vote every few minutes for days, from a home line whose address changes, never in a hurry."""
    step = timedelta(days=4.5) / max(1, count)
    agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/121.0.6167.85 Safari/537.36"
    for number in range(count):
        at = opens + timedelta(hours=2) + number * step + timedelta(seconds=dice.random() * 90)
        address = f"49.{230 + number // 400 % 20}.{number // 40 % 250}.{dice.randrange(1, 255)}"
        mail = f"{_NAMES[number // 100 % len(_NAMES)]}.th25{number % 100:02d}@hotmail.com"
        yield Voter(mail, TARGET, address, agent, at, dice.randrange(4, 40), False, "drip")


def campus(dice: random.Random, opens: datetime, count: int) -> Iterator[Voter]:
    """A university behind one address that votes for its own entry after the morning's announcement."""
    start = opens + timedelta(days=1, hours=20)
    for number in range(count):
        at = start + timedelta(minutes=dice.expovariate(1 / 90))
        mail = f"b{dice.randrange(62, 66)}{number * 7 % 100_000:05d}@university.ac.th"
        if dice.random() < 0.4:
            mail = mailbox(dice)
        lab = dice.random() < 0.12
        agent = LAB_BROWSER if lab else browser(dice)
        yield Voter(mail, TARGET, "202.28.1.9", agent, at, age(dice), True, "campus")


def viral(dice: random.Random, opens: datetime, count: int) -> Iterator[Voter]:
    """A clip that everybody shares for one evening: thousands, mostly from one app."""
    start = opens + timedelta(days=2, hours=12)
    for _ in range(count):
        at = start + timedelta(minutes=dice.expovariate(1 / 50))
        agent = browser(dice, in_app=0.8)
        yield Voter(mailbox(dice), TARGET, network(dice), agent, at, age(dice), True, "viral")


def company(dice: random.Random, opens: datetime, count: int) -> Iterator[Voter]:
    """A company whose entry is a finalist: one mail domain, one address, managed and like machines."""
    start = opens + timedelta(days=1, hours=19)
    for number in range(count):
        at = start + timedelta(minutes=dice.expovariate(1 / 60))
        mail = f"{_NAMES[number % len(_NAMES)]}.{_SURNAMES[number // len(_NAMES) % 20]}@maker.co.th"
        agent = LAB_BROWSER if dice.random() < 0.75 else browser(dice)
        yield Voter(mail, TARGET, "203.150.4.5", agent, at, age(dice), True, "company")


def municipality(dice: random.Random, opens: datetime, count: int) -> Iterator[Voter]:
    """A municipality whose city is a finalist: one mail domain that is no go.th, one address, all for
    their own city in the lunch hour; a bulk purchase of computers, and people's own phones."""
    start = opens + timedelta(days=1, hours=5)
    for number in range(count):
        at = start + timedelta(minutes=min(70.0, dice.gammavariate(2, 12)))
        name, surname = _NAMES[number % len(_NAMES)], _SURNAMES[number // len(_NAMES) % 20]
        agent = LAB_BROWSER if dice.random() < 0.5 else browser(dice, in_app=0.45)
        mail = f"{name}.{surname}@city-hall.in.th"
        yield Voter(mail, TARGET, "203.150.7.8", agent, at, age(dice), True, "municipality")
