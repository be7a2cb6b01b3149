"""Two people sign for the same result, on real Kafka: what changes between them voids the first one."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.voting.certification import SignatureVoid
from services.voting.domain.detectors import Detector, Thresholds
from services.voting.fraud import repository as ledger
from services.voting.fraud.cases import Choice, DecideCase, Suspicion, decide_case, set_aside
from services.voting.fraud.holding import Voter
from shared.contracts.ids import ContactId
from shared.contracts.intake import Role
from shared.contracts.voting import PopularVoteCertified
from shared.errors import Conflict
from shared.testing.rulebooks import fraud_rules
from shared.web.sessions import Account
from tests.component.voting.scenario import TITLES, WEAK, entry_id, eventually
from tests.protocol.voting.proof_house import CLOCK, House, closed_house

pytestmark = pytest.mark.kafka


@pytest.fixture
async def house(voting_database: Any, kafka: str) -> AsyncIterator[House]:
    async with closed_house(voting_database, kafka) as house:
        yield house


async def strike(house: House, *voters: str) -> None:
    """Hold votes for the second entry and let two approvers strike them."""
    why = Suspicion(house.contest_id, entry_id(1), (Detector.AGENT,), Thresholds.of(fraud_rules()), [])
    async with house.database.transaction() as session:
        held = await set_aside(session, why, [Voter("", voter) for voter in voters], CLOCK.instant)
        assert held == len(voters)
        (case,) = await ledger.cases(session, house.contest_id)
    for name in ("ann", "bob"):
        account = Account(ContactId(name), frozenset({Role.APPROVER}))
        command = DecideCase(house.contest_id, case.case_id, Choice.STRIKE, "สคริปต์", account)
        async with house.database.transaction() as session:
            await decide_case(session, CLOCK, command)
    await eventually(house.told)


async def certificate(house: House) -> PopularVoteCertified:
    told = await house.scalar(
        "SELECT value FROM outbox WHERE contest_id = :c"
        " AND headers ->> 'ce_type' = 'showcase.voting.PopularVoteCertified.v1'"
    )
    return PopularVoteCertified.model_validate_json(told)


async def test_votes_struck_between_the_signatures_void_the_first_one(house: House) -> None:
    first = await house.certify("one", Role.STAFF)
    assert (first.report["counted"], first.report["winner_entry_id"]) == (320, None)
    await strike(house, "voter-1", "voter-4")
    with pytest.raises(SignatureVoid) as refused:
        await house.certify("two", Role.APPROVER)
    th, en, _, _ = TITLES[1]
    assert f"counted 320 → 318; struck 0 → 2; {en} 107 → 105; first place nobody → " in refused.value.en
    assert f"นับ 320 → 318; ตัดออก 0 → 2; {th} 107 → 105; อันดับหนึ่ง ไม่มี → " in refused.value.th
    assert await house.scalar("SELECT count(*) FROM certification WHERE contest_id = :c") == 0
    assert await house.scalar("SELECT state FROM vote_window WHERE contest_id = :c") == "closed"
    anew = await house.certify("two", Role.APPROVER)
    assert (anew.proposed_by, anew.certified_by, anew.report["struck"]) == ("two", None, 2)
    done = await house.certify("one", Role.APPROVER)
    assert (done.certified_by, done.winner) == ("one", entry_id(0))
    certified = await certificate(house)
    assert (certified.winner_entry_id, certified.certified_by) == (entry_id(0), ("two", "one"))
    await eventually(house.told)
    code, said = await house.command("audit", "votes", "--accounts", "--json")
    assert (code, json.loads(said)["findings"]) == (0, [])


async def test_number_of_unreadable_records_is_not_signed_where_there_are_none(house: House) -> None:
    with pytest.raises(Conflict, match="no record that nobody can read"):
        await house.certify("one", Role.STAFF, unreadable=5)
    assert await house.scalar("SELECT count(*) FROM certification WHERE contest_id = :c") == 0


async def test_late_votes_between_the_signatures_void_nothing(house: House) -> None:
    await house.certify("one", Role.STAFF)
    await house.put(0, house.vote(900))
    await eventually(lambda: house.trees_hold(322))
    await house.sign()
    await eventually(house.told)
    done = await house.certify("two", Role.APPROVER)
    assert (done.certified_by, done.report["late"], done.report["counted"]) == ("two", 1, 320)


async def test_what_the_log_lacked_is_told_with_the_result_and_shown_by_the_recount(
    voting_database: Any, kafka: str
) -> None:
    waived = ["replication-factor", "min-insync-replicas"]
    async with closed_house(voting_database, kafka, WEAK) as house:
        await house.certify("one", Role.STAFF)
        done = await house.certify("two", Role.APPROVER)
        assert done.report["waived"] == waived
        assert list((await certificate(house)).waived) == waived
        await eventually(house.told)
        code, said = await house.command("audit", "votes", "--json")
        assert (code, json.loads(said)["findings"], json.loads(said)["waived"]) == (0, [], waived)
        code, said = await house.command("audit", "votes")
        assert "waived when the vote opened: replication-factor, min-insync-replicas" in said
