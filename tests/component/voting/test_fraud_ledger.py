"""Holding, releasing and striking: nothing is lost, nothing counts twice, two people decide."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting import repository
from services.voting.domain.detectors import Detector, Thresholds
from services.voting.domain.errors import CaseChanged, CaseDecided, NeedsAnotherPerson, ResultCertified
from services.voting.domain.outcomes import Outcome, Totals
from services.voting.fraud import cases, holding
from services.voting.fraud import repository as ledger
from services.voting.fraud.cases import Choice, DecideCase, Suspicion, decide_case, set_aside, take_back
from services.voting.fraud.holding import Voter
from services.voting.tables import FraudCase
from services.voting.tally import fold_votes, publish_changed
from shared.clock import FixedClock
from shared.contracts.ids import ContactId, new_id
from shared.contracts.intake import Role
from shared.contracts.voting import TallyChanged, VotesHeld, VotesReleased, VotesStruck
from shared.db import Database
from shared.errors import Forbidden, Invalid
from shared.messaging import Delivered
from shared.messaging.tables import OUTBOX
from shared.testing.rulebooks import VOTE_OPENS, a_rulebook, fraud_rules
from shared.web.sessions import Account
from tests.component.voting.scenario import a_vote, entry_id, open_vote, ready_to_vote

CLOCK = FixedClock(VOTE_OPENS)
RULES = Thresholds.of(fraud_rules())
PAIR = (Detector.AGENT, Detector.NETWORK)
ANN, BOB, CID = (Account(ContactId(name), frozenset({Role.APPROVER})) for name in ("ann", "bob", "cid"))
CLERK = Account(ContactId("clerk"), frozenset({Role.STAFF}))
WHY = "ตรวจแล้วเป็นสคริปต์"

Batch = list[Delivered[Any]]


async def opened(database: Database) -> str:
    contest_id = f"fraud-{new_id()[-12:]}"
    await ready_to_vote(database, a_rulebook(contest_id, fraud=fraud_rules()))
    await open_vote(database, contest_id)
    return contest_id


async def fold(database: Database, batch: Batch) -> None:
    async with database.transaction() as session:
        await fold_votes(session, batch)


async def suspect(database: Database, contest_id: str, voters: list[str], entry: int = 0) -> int:
    suspicion = Suspicion(contest_id, entry_id(entry), PAIR, RULES, [])
    async with database.transaction() as session:
        return await set_aside(session, suspicion, [Voter("", voter) for voter in voters], VOTE_OPENS)


async def only_case(database: Database, contest_id: str) -> FraudCase:
    async with database.transaction() as session:
        (found,) = await ledger.cases(session, contest_id)
        return found


async def decide(
    database: Database, case: FraudCase, account: Account, choice: Choice, **more: Any
) -> FraudCase:
    command = DecideCase(case.contest_id, case.case_id, choice, WHY, account, **more)
    async with database.transaction() as session:
        return await decide_case(session, CLOCK, command)


async def accounts(database: Database, contest_id: str) -> tuple[dict[str, int], Totals]:
    """The counters, after checking them against the rows."""
    async with database.transaction() as session:
        return await checked(session, contest_id)


async def checked(session: AsyncSession, contest_id: str) -> tuple[dict[str, int], Totals]:
    rows = await repository.recount(session, contest_id)
    totals = await repository.totals(session, contest_id)
    counted = await repository.counted_by_entry(session, contest_id)
    assert (rows.by_entry, rows.totals) == ({e: n for e, n in counted.items() if n}, totals)
    return rows.by_entry, totals


async def told(database: Database, kind: type[Any]) -> list[Any]:
    async with database.transaction() as session:
        rows = await session.execute(select(OUTBOX.c.headers, OUTBOX.c.value).order_by(OUTBOX.c.sequence))
        found = [row for row in rows if kind.__name__ in str(row.headers)]
    return [kind.model_validate_json(row.value) for row in found]


def votes(contest_id: str, count: int, entry: int = 0) -> Batch:
    return [
        a_vote(contest_id, f"v{n}", entry=entry_id(entry), partition=n % 4, offset=n // 4)
        for n in range(count)
    ]


async def test_held_votes_leave_the_count_and_releasing_returns_them(voting_database: Database) -> None:
    contest_id = await opened(voting_database)
    await fold(voting_database, votes(contest_id, 10))
    assert await suspect(voting_database, contest_id, ["v1", "v2", "v3", "nobody"]) == 3
    assert await accounts(voting_database, contest_id) == ({entry_id(0): 7}, Totals(counted=7, held=3))
    async with voting_database.transaction() as session:
        await publish_changed(session, CLOCK)
    case = await only_case(voting_database, contest_id)
    first = await decide(voting_database, case, ANN, Choice.RELEASE, votes=3)
    assert (first.state, first.choice, first.chosen_by) == ("open", "release", "ann")
    assert (await accounts(voting_database, contest_id))[1] == Totals(counted=7, held=3)
    done = await decide(voting_database, case, BOB, Choice.RELEASE)
    assert (done.state, done.decided_by) == ("released", "bob")
    assert await accounts(voting_database, contest_id) == ({entry_id(0): 10}, Totals(counted=10))
    async with voting_database.transaction() as session:
        await publish_changed(session, CLOCK)
    assert [event.counted for event in await told(voting_database, TallyChanged)] == [7, 10]
    (held,) = await told(voting_database, VotesHeld)
    (released,) = await told(voting_database, VotesReleased)
    assert (held.detector, held.case_id, held.part, held.votes) == ("agent+network", case.case_id, 1, 3)
    assert set(held.receipt_ids) == set(released.receipt_ids)
    assert (released.approved_by, released.reason) == (("ann", "bob"), WHY)
    assert await suspect(voting_database, contest_id, ["v1"]) == 0, "what two people released stays released"


async def test_struck_votes_stay_out_and_their_voters_cannot_vote_again(voting_database: Database) -> None:
    contest_id = await opened(voting_database)
    log = votes(contest_id, 6)
    await fold(voting_database, log)
    await suspect(voting_database, contest_id, ["v0", "v1"])
    again = a_vote(contest_id, "v0", entry=entry_id(1), receipt="again", offset=50)
    await fold(voting_database, [again])
    assert await accounts(voting_database, contest_id) == (
        {entry_id(0): 4},
        Totals(counted=4, duplicate=1, held=2),
    )
    case = await only_case(voting_database, contest_id)
    for account in (ANN, BOB):
        await decide(voting_database, case, account, Choice.STRIKE)
    await fold(voting_database, [*log, again, a_vote(contest_id, "v1", receipt="more", offset=51)])
    assert await accounts(voting_database, contest_id) == (
        {entry_id(0): 4},
        Totals(counted=4, duplicate=2, struck=2),
    )
    (struck,) = await told(voting_database, VotesStruck)
    assert struck.votes == 2
    async with voting_database.transaction() as session:
        outcomes = [await repository.track(session, receipt) for receipt in (struck.receipt_ids[0], "again")]
    assert [tracked and tracked.outcome for tracked in outcomes] == [Outcome.STRUCK, Outcome.DUPLICATE]


async def test_two_different_approvers_decide_on_what_they_saw(voting_database: Database) -> None:
    contest_id = await opened(voting_database)
    await fold(voting_database, votes(contest_id, 9))
    await suspect(voting_database, contest_id, ["v1", "v2"])
    case = await only_case(voting_database, contest_id)
    with pytest.raises(Forbidden, match="Only an approver"):
        await decide(voting_database, case, CLERK, Choice.STRIKE)
    with pytest.raises(Invalid, match="Write a reason"):
        async with voting_database.transaction() as session:
            await decide_case(
                session, CLOCK, DecideCase(contest_id, case.case_id, Choice.STRIKE, " no ", ANN)
            )
    await suspect(voting_database, contest_id, ["v3"])
    with pytest.raises(CaseChanged, match="grown to 3"):
        await decide(voting_database, case, ANN, Choice.STRIKE, votes=2)
    await decide(voting_database, case, ANN, Choice.STRIKE, votes=3)
    assert (await decide(voting_database, case, ANN, Choice.STRIKE)).state == "open"
    with pytest.raises(NeedsAnotherPerson):
        await decide(voting_database, case, ANN, Choice.RELEASE)
    with pytest.raises(CaseChanged, match="chose to strike them"):
        await decide(voting_database, case, BOB, Choice.RELEASE)
    await suspect(voting_database, contest_id, ["v4"])
    async with voting_database.transaction() as session:
        assert sorted(c.votes for c in await ledger.cases(session, contest_id)) == [1, 3]
        taken_back = await take_back(session, contest_id, case.case_id, BOB)
        assert (taken_back.choice, taken_back.chosen_by) == (None, None)
    await decide(voting_database, case, BOB, Choice.STRIKE)
    assert (await decide(voting_database, case, CID, Choice.STRIKE)).state == "struck"
    assert (await decide(voting_database, case, ANN, Choice.STRIKE)).state == "struck"
    with pytest.raises(CaseDecided):
        await decide(voting_database, case, ANN, Choice.RELEASE)
    with pytest.raises(CaseDecided):
        async with voting_database.transaction() as session:
            await take_back(session, contest_id, case.case_id, ANN)
    assert (await accounts(voting_database, contest_id))[1] == Totals(counted=5, held=1, struck=3)


async def test_certified_vote_takes_no_decision_any_more(voting_database: Database) -> None:
    contest_id = await opened(voting_database)
    await fold(voting_database, votes(contest_id, 2))
    await suspect(voting_database, contest_id, ["v1"])
    case = await only_case(voting_database, contest_id)
    async with voting_database.transaction() as session:
        await session.execute(text("UPDATE vote_window SET state = 'certified'"))
    with pytest.raises(ResultCertified):
        await decide(voting_database, case, ANN, Choice.STRIKE)


async def test_large_case_is_told_in_parts_far_below_what_kafka_takes(
    voting_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "RECEIPTS_PER_EVENT", 400)
    contest_id = await opened(voting_database)
    await fold(voting_database, votes(contest_id, 1_000))
    assert await suspect(voting_database, contest_id, [f"v{n}" for n in range(1_000)]) == 1_000
    case = await only_case(voting_database, contest_id)
    for account in (ANN, BOB):
        await decide(voting_database, case, account, Choice.RELEASE)
    for kind in (VotesHeld, VotesReleased):
        events = await told(voting_database, kind)
        assert [(event.part, len(event.receipt_ids)) for event in events] == [(1, 400), (2, 400), (3, 200)]
        assert len({event.decision_id for event in events}) == 3
        assert len({receipt for event in events for receipt in event.receipt_ids}) == 1_000
    assert (await accounts(voting_database, contest_id))[1] == Totals(counted=1_000)


def test_an_event_of_the_real_size_stays_below_a_tenth_of_kafkas_limit() -> None:
    receipts = [holding.Moved("e", 0, f"7KQ2-M9XD-{number:04d}") for number in range(12_000)]
    parts = list(holding.in_parts(receipts))
    assert [len(part) for part in parts] == [5_000, 5_000, 2_000]
    assert len(str(parts[0])) < 100_000


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("vote"), st.integers(0, 7), st.integers(0, 1)),
        st.tuples(st.just("replay"), st.integers(0, 30), st.integers(0, 1)),
        st.tuples(st.just("hold"), st.integers(0, 255), st.integers(0, 1)),
        st.tuples(st.just("choose"), st.integers(0, 2), st.integers(0, 1)),
        st.tuples(st.just("take back"), st.integers(0, 2), st.integers(0, 1)),
    ),
    max_size=40,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, crashes=st.sets(st.integers(0, 39)))
async def test_ledger_is_the_model_whatever_happens_in_which_order(
    voting_database: Database, steps: list[tuple[str, int, int]], crashes: set[int]
) -> None:
    """Votes, replays, holds, choices and crashes in any order: the counters are what a model says, and
    received = counted + duplicate + late + held + struck after each of them."""
    contest_id = await opened(voting_database)
    model = Model()
    for position, step in enumerate(steps):
        try:
            async with voting_database.transaction() as session:
                await act(session, contest_id, model if position not in crashes else model.copy(), step)
                if position in crashes:
                    raise ConnectionError("the process dies before the commit")
        except ConnectionError:
            pass
        by_entry, totals = await accounts(voting_database, contest_id)
        states = Counter(state for _, state in model.votes.values())
        assert totals == Totals(
            counted=states["counted"],
            duplicate=len(model.log) - len(model.votes),
            held=states["held"],
            struck=states["struck"],
        )
        assert by_entry == Counter(entry for entry, state in model.votes.values() if state == "counted")
        assert totals.received == len(model.log)


class Model:
    """What the ledger ought to be, in plain Python."""

    def __init__(self) -> None:
        self.log: Batch = []
        self.votes: dict[str, tuple[str, str]] = {}
        self.case_of: dict[str, str] = {}
        self.open: dict[str, tuple[str, str] | None] = {}

    def copy(self) -> "Model":
        other = Model()
        other.log, other.votes = list(self.log), dict(self.votes)
        other.case_of, other.open = dict(self.case_of), dict(self.open)
        return other


async def act(session: AsyncSession, contest_id: str, model: Model, step: tuple[str, int, int]) -> None:
    """Do one step to the database and to the model."""
    name, number, entry = step
    match name:
        case "vote":
            voter = f"v{number}"
            offset = sum(record.envelope.partition == number % 3 for record in model.log)
            vote = a_vote(contest_id, voter, entry=entry_id(entry), partition=number % 3, offset=offset)
            model.log.append(vote)
            model.votes.setdefault(voter, (entry_id(entry), "counted"))
            await fold_votes(session, [vote])
        case "replay":
            await fold_votes(session, model.log[number:])
        case "hold":
            chosen = [
                v
                for v, (its_entry, _) in model.votes.items()
                if number >> int(v[1]) & 1 and its_entry == entry_id(entry)
            ]
            chosen = [v for v in chosen if v not in model.case_of]
            suspicion = Suspicion(contest_id, entry_id(entry), PAIR, RULES, [])
            held = await set_aside(session, suspicion, [Voter("", v) for v in chosen], VOTE_OPENS)
            assert held == len(chosen)
            if chosen:
                case_id = next(
                    c.case_id
                    for c in await ledger.cases(session, contest_id)
                    if c.entry_id == entry_id(entry) and c.state == "open" and c.choice is None
                )
                model.open.setdefault(case_id, None)
            for v in chosen:
                model.votes[v] = (model.votes[v][0], "held")
                model.case_of[v] = case_id
        case "choose":
            account, choice = (ANN, BOB, CID)[number], (Choice.RELEASE, Choice.STRIKE)[entry]
            for case_id, first in sorted(model.open.items())[:1]:
                command = DecideCase(contest_id, case_id, choice, WHY, account)
                if first is None:
                    model.open[case_id] = (account.contact_id, choice)
                    await decide_case(session, CLOCK, command)
                elif first[0] != account.contact_id and first[1] == choice:
                    await decide_case(session, CLOCK, command)
                    del model.open[case_id]
                    for v in [v for v, c in model.case_of.items() if c == case_id]:
                        state = "counted" if choice is Choice.RELEASE else "struck"
                        model.votes[v] = (model.votes[v][0], state)
                elif first != (account.contact_id, choice):
                    with pytest.raises((NeedsAnotherPerson, CaseChanged)):
                        await decide_case(session, CLOCK, command)
        case "take back":
            for case_id in sorted(model.open)[:1]:
                model.open[case_id] = None
                await cases.take_back(session, contest_id, case_id, (ANN, BOB, CID)[number])
