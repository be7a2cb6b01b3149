"""Plays a crowd through the real code: ballots issued, votes folded, signals read, detectors run.

Only the road from the browser to the log is left out: a vote's signals are derived from its address and
user agent by the door's own functions, its domain and shape by the identity's.
"""

import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import text

from services.voting import repository
from services.voting.domain.addresses import mail_class, normalise
from services.voting.domain.ballots import MailClass, domain_of, subject_of, voter_of
from services.voting.domain.keys import ContestKeys, derive_keys
from services.voting.domain.look_alikes import shape_hash
from services.voting.domain.signals import agent_signals, network_signals
from services.voting.fraud import watch
from services.voting.fraud.signals import EXEMPT, keep_signals
from services.voting.tally import fold_votes
from services.voting.vote_log import log_of
from shared.clock import FixedClock
from shared.contracts.catalogue import TOPICS
from shared.contracts.ids import ContestId, EntryId, ReceiptId, VoterId, new_id
from shared.contracts.rulebook import FraudRules
from shared.contracts.voting import VoteCast, VoteSignals
from shared.db import Database, take_time
from shared.messaging import Delivered
from shared.testing.rulebooks import VOTE_OPENS, a_rulebook, fraud_rules
from tests.component.voting.scenario import entry_id, open_vote, ready_to_vote, vote_envelope
from tests.load.fraud import crowds
from tests.load.fraud.crowds import Crowd, Voter

DAYS = 5.0
PARTITIONS = TOPICS[VoteCast.TOPIC].partitions
_LOOK_EVERY = timedelta(hours=12)
_BATCH = 1_000


class Kind(StrEnum):
    """Who casts a crowd's votes."""

    SCRIPTED = "scripted"
    """A program: at least 95 % of its votes are to be held."""
    DISGUISED = "disguised"
    """A program whose author has read the detectors: the figure is what it is."""
    PEOPLE = "attack by people"
    HONEST = "honest"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A crowd among the public."""

    name: str
    crowd: Crowd
    size: int
    kind: Kind
    about: str


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "one script", crowds.one_script, 2_000, Kind.SCRIPTED, "one machine, a program that names itself"
    ),
    Scenario(
        "disguised script", crowds.disguised_script, 2_000, Kind.SCRIPTED, "poses as the commonest browser"
    ),
    Scenario(
        "botnet of 2,000 /24s", crowds.botnet, 4_000, Kind.SCRIPTED, "one browser build, numbered mailboxes"
    ),
    Scenario("disposable-mail farm", crowds.disposable_farm, 3_000, Kind.SCRIPTED, "40 unlisted domains"),
    Scenario(
        "own-domain farm",
        crowds.own_domain_farm,
        1_000,
        Kind.SCRIPTED,
        "names at own domains, one browser, proxies",
    ),
    Scenario("slow drip", crowds.slow_drip, 1_200, Kind.SCRIPTED, "a vote every five minutes for days"),
    Scenario(
        "disguised botnet",
        crowds.disguised_botnet,
        4_000,
        Kind.DISGUISED,
        "everybody's browsers, patience, numbered mailboxes",
    ),
    Scenario(
        "unnumbered botnet",
        crowds.unnumbered_botnet,
        4_000,
        Kind.DISGUISED,
        "the same, mailboxes like people's",
    ),
    Scenario(
        "disguised farm",
        crowds.disguised_farm,
        1_000,
        Kind.DISGUISED,
        "own domains, mixed browsers, human pauses",
    ),
    Scenario("bought votes", crowds.bought, 2_000, Kind.PEOPLE, "real people, own phones, own mailboxes"),
    Scenario("campus behind one NAT", crowds.campus, 4_000, Kind.HONEST, "one address, one domain"),
    Scenario("viral share", crowds.viral, 8_000, Kind.HONEST, "one evening, mostly one app"),
    Scenario("company office", crowds.company, 300, Kind.HONEST, "one domain, one address, like machines"),
    Scenario(
        "municipal lunch hour", crowds.municipality, 300, Kind.HONEST, "one domain, one address, one hour"
    ),
)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one scenario."""

    scenario: str
    about: str
    kind: str
    """Of :class:`Kind`."""
    votes: int
    held: int
    held_percent: float
    public: int
    public_held: int
    public_held_percent: float
    first_held_after_votes: int | None
    """How many of the crowd's votes had arrived at the look that first held one."""
    detectors: dict[str, int]
    look_seconds: float
    """The last and largest look, over all votes."""


async def play(
    database: Database, scenario: Scenario, seed: int, *, public: int, scale: float = 1.0
) -> Result:
    """Play one scenario in a fresh contest, the detectors looking every twelve hours of the vote."""
    rules: FraudRules = fraud_rules()
    contest_id = f"attack-{new_id()[-12:]}"
    await ready_to_vote(database, a_rulebook(contest_id, fraud=rules), finalists=crowds.ENTRIES)
    await open_vote(database, contest_id)
    keys = derive_keys(b"s" * 32, contest_id, b"pepper")
    voters = _voters(scenario, seed, public, max(1, round(scenario.size * scale)))
    clock = FixedClock(VOTE_OPENS)
    offsets = [0] * PARTITIONS
    first_held: int | None = None
    arrived = 0
    next_look = VOTE_OPENS + _LOOK_EVERY
    part: list[Voter] = []
    took = 0.0
    for position, voter in enumerate(voters):
        part.append(voter)
        arrived += voter.part != "public"
        last = position == len(voters) - 1
        if len(part) == _BATCH or last or _cast_at(voter) >= next_look:
            await _arrive(database, contest_id, keys, part, offsets)
            part = []
        if last or _cast_at(voter) >= next_look:
            next_look += _LOOK_EVERY
            began = time.perf_counter()
            async with database.transaction() as session:
                await take_time(session)
                found = await watch.look(session, clock, contest_id)
            took = time.perf_counter() - began
            if found.held and first_held is None:
                first_held = arrived
    return await _result(database, contest_id, keys, scenario, voters, first_held, took)


def _voters(scenario: Scenario, seed: int, public: int, size: int) -> list[Voter]:
    dice = random.Random(f"{seed} {scenario.name}")
    everybody = [
        *crowds.public(dice, VOTE_OPENS, DAYS, public),
        *scenario.crowd(dice, VOTE_OPENS, size),
    ]
    unique = {normalise(voter.address): voter for voter in everybody}
    return sorted(unique.values(), key=_cast_at)


def _cast_at(voter: Voter) -> datetime:
    return voter.issued_at + timedelta(seconds=voter.age)


async def _arrive(
    database: Database, contest_id: str, keys: ContestKeys, voters: Sequence[Voter], offsets: list[int]
) -> None:
    issued: list[dict[str, Any]] = []
    batch: list[Delivered[Any]] = []
    for voter in voters:
        address = normalise(voter.address)
        kind = mail_class(address)
        voter_id = voter_of(keys, subject_of(keys, address))
        domain = domain_of(keys, address).hex()
        issued.append(
            {
                "contest_id": contest_id,
                "voter_id": voter_id,
                "mail_class": int(kind),
                "at": voter.issued_at,
                "domain": "" if kind.name.lower() in EXEMPT else domain,
                "shape": shape_hash(keys, address),
            }
        )
        partition = hash_of(voter_id)
        event = _event(contest_id, keys, voter, voter_id, kind, domain)
        batch.append(Delivered(event, vote_envelope(voter_id, partition, offsets[partition])))
        offsets[partition] += 1
    async with database.transaction() as session:
        await take_time(session)
        await session.execute(_ISSUE, issued)
        await fold_votes(session, batch)
        await keep_signals(session, log_of(batch).votes)


_ISSUE = text(
    """
    INSERT INTO issued_ballot (contest_id, voter_id, mail_class, first_issued_at, domain, shape)
    VALUES (:contest_id, :voter_id, :mail_class, :at, :domain, :shape) ON CONFLICT DO NOTHING
    """
)


def hash_of(voter_id: str) -> int:
    """A partition for a voter; any stable choice will do here."""
    return sum(voter_id.encode()) % PARTITIONS


def _event(
    contest_id: str, keys: ContestKeys, voter: Voter, voter_id: str, kind: MailClass, domain: str
) -> VoteCast:
    network = network_signals(keys.signals, voter.network)
    agent = agent_signals(keys.signals, voter.agent)
    return VoteCast(
        contest_id=ContestId(contest_id),
        receipt_id=ReceiptId(f"r-{voter_id}"),
        voter_id=VoterId(voter_id),
        slot="",
        entry_id=EntryId(entry_id(voter.entry)),
        commitment="00" * 32,
        key_id=keys.key_id,
        signals=VoteSignals(
            **network._asdict(),
            **agent._asdict(),
            mail_domain_class=kind.name.lower(),
            mail_domain=domain,
            code_age_seconds=voter.age,
        ),
        cast_at=_cast_at(voter),
    )


_STATES = text(
    """
    SELECT vote.voter_id, "case".detectors FROM vote
    JOIN held_vote USING (contest_id, slot, voter_id)
    JOIN fraud_case AS "case" USING (contest_id, case_id)
    WHERE vote.contest_id = :contest_id AND vote.state = 'held'
    """
)


async def _result(
    database: Database,
    contest_id: str,
    keys: ContestKeys,
    scenario: Scenario,
    voters: Sequence[Voter],
    first_held: int | None,
    took: float,
) -> Result:
    async with database.transaction() as session:
        held = {row[0]: row[1] for row in await session.execute(_STATES, {"contest_id": contest_id})}
        totals = await repository.totals(session, contest_id)
    if (totals.received, totals.held) != (len(voters), len(held)):
        raise AssertionError(f"{totals} does not account for {len(voters)} votes, {len(held)} of them held")
    crowd = [voter for voter in voters if voter.part != "public"]
    ids = {voter_of(keys, subject_of(keys, normalise(voter.address))): voter for voter in voters}
    caught = {voter_id: names for voter_id, names in held.items() if ids[voter_id].part != "public"}
    detectors: dict[str, int] = {}
    for names in caught.values():
        detectors[names] = detectors.get(names, 0) + 1
    public = len(voters) - len(crowd)
    public_held = len(held) - len(caught)
    return Result(
        scenario=scenario.name,
        about=scenario.about,
        kind=scenario.kind.value,
        votes=len(crowd),
        held=len(caught),
        held_percent=round(100 * len(caught) / len(crowd), 2),
        public=public,
        public_held=public_held,
        public_held_percent=round(100 * public_held / public, 3) if public else 0.0,
        first_held_after_votes=first_held,
        detectors=dict(sorted(detectors.items(), key=lambda item: -item[1])),
        look_seconds=round(took, 3),
    )


def as_json(results: Sequence[Result], seed: int) -> dict[str, Any]:
    """The results as a file keeps them."""
    return {"seed": seed, "scenarios": [asdict(result) for result in results]}
