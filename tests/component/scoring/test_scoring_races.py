"""Two at once: approvals, saves and assignments on a real database; and late or repeated events."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from services.scoring.domain.rounds import PresentationNotBegun, ScoresLocked
from services.scoring.domain.signing import NeedsAnotherPerson, NeedsApprover, Signer
from services.scoring.handlers.judges import DeclareConflicts, DeclaredConflict, recuse_judge
from services.scoring.handlers.presentations import SchedulePresentations, schedule_presentations
from services.scoring.handlers.proposals import Outdated
from services.scoring.handlers.scores import StaleScore
from services.scoring.handlers.shortlist import (
    ProposeShortlist,
    ScoresMissing,
    Sign,
    StillCounting,
    TieAcrossTheLine,
    approve_shortlist,
    propose_shortlist,
)
from services.scoring.handlers.winners import (
    ProposeWinners,
    RecordCommitteeDecision,
    certify_winners,
    propose_winners,
    record_committee_decision,
)
from shared.contracts.intake import EntryWithdrawn
from shared.contracts.rulebook import ScoringRound
from shared.contracts.scoring import (
    ConflictKind,
    JudgeAssigned,
    Round,
    ScoreAmended,
    ScoreRecorded,
    ShortlistPublished,
    WinnersCertified,
)
from shared.db import Database
from shared.errors import Conflict, DomainError, Forbidden, Invalid
from shared.testing.rulebooks import PRESENTATION, a_rulebook
from tests.component.scoring.scenario import (
    APPROVER,
    DUE,
    SECOND_APPROVER,
    STAFF,
    Scenario,
    card,
    judging,
    submitted,
)


async def outcome(work: Callable[[], Awaitable[object]]) -> str:
    """``ok``, or the name of the error."""
    try:
        await work()
    except DomainError as error:
        return type(error).__name__
    return "ok"


async def scored(database: Database, **rules: object) -> Scenario:
    """A first round that is scored to the end, everyone apart."""
    scenario = await Scenario.create(database, judging(a_rulebook(), **rules))
    await scenario.assign()
    await scenario.score_all({entry_id: 90 - place for place, entry_id in enumerate(scenario.entry_ids)})
    return scenario


async def propose(scenario: Scenario, **changes: object) -> None:
    """Staff propose the shortlist."""
    async with scenario.database.transaction() as session:
        command = ProposeShortlist(scenario.contest_id, STAFF, **changes)  # type: ignore[arg-type]
        await propose_shortlist(session, scenario.clock, command)


async def approve(scenario: Scenario, by: str, *, approver: bool = True) -> None:
    """Someone approves it."""
    async with scenario.database.transaction() as session:
        signer = Signer(by, approver)  # type: ignore[arg-type]
        await approve_shortlist(session, scenario.clock, Sign(scenario.contest_id, signer))


async def test_two_approvals_at_once_publish_once(scoring_database: Database) -> None:
    scenario = await scored(scoring_database)
    await propose(scenario)
    results = await asyncio.gather(
        outcome(lambda: approve(scenario, APPROVER)), outcome(lambda: approve(scenario, SECOND_APPROVER))
    )
    assert sorted(results) == ["Conflict", "ok"]
    assert len(await scenario.events(ShortlistPublished)) == 1
    assert len(await scenario.rows("signature")) == 1


async def test_two_proposals_at_once_leave_one_open(scoring_database: Database) -> None:
    scenario = await scored(scoring_database)
    assert await asyncio.gather(*(outcome(lambda: propose(scenario)) for _ in range(3))) == ["ok"] * 3
    states = [row["state"] for row in await scenario.rows("decision")]
    assert sorted(states) == ["proposed", "replaced", "replaced"]


async def test_proposer_and_non_approver_cannot_approve(scoring_database: Database) -> None:
    scenario = await scored(scoring_database)
    await propose(scenario)
    with pytest.raises(NeedsAnotherPerson):
        await approve(scenario, STAFF)
    with pytest.raises(NeedsApprover):
        await approve(scenario, "other", approver=False)
    assert await scenario.events(ShortlistPublished) == []


async def test_two_saves_at_once_lose_nothing(scoring_database: Database) -> None:
    scenario = await Scenario.create(scoring_database)
    await scenario.assign()
    judge_id, entry_id = (await scenario.pairs())[0]
    results = await asyncio.gather(
        outcome(lambda: scenario.score(judge_id, entry_id, card(70), submit=False)),
        outcome(lambda: scenario.score(judge_id, entry_id, card(60), submit=False)),
    )
    assert sorted(results) == ["StaleScore", "ok"]
    (row,) = await scenario.rows("score")
    assert (row["revision"], sum(row["points"].values())) == (1, 70 if results[0] == "ok" else 60)


async def test_amendment_needs_its_revision_and_a_reason(scoring_database: Database) -> None:
    scenario = await Scenario.create(scoring_database)
    await scenario.assign()
    judge_id, entry_id = (await scenario.pairs())[0]
    await scenario.score(judge_id, entry_id, card(70))
    with pytest.raises(StaleScore):
        await scenario.score(judge_id, entry_id, card(60), revision=9)
    with pytest.raises(Invalid) as refused:
        await scenario.score(judge_id, entry_id, card(60), revision=1)
    assert refused.value.field == "reason"
    await scenario.score(judge_id, entry_id, card(60), revision=1, reason="อ่านหลักฐานเพิ่ม")
    events = await scenario.events(ScoreRecorded, ScoreAmended)
    assert [(type(e).__name__, e.revision, e.total) for e in events] == [  # type: ignore[attr-defined]
        ("ScoreRecorded", 1, 70),
        ("ScoreAmended", 2, 60),
    ]
    (amendment,) = await scenario.rows("score_amendment")
    assert (sum(amendment["points_before"].values()), amendment["reason"]) == (70, "อ่านหลักฐานเพิ่ม")


async def test_aggregate_is_recomputed_whatever_the_order_of_events(scoring_database: Database) -> None:
    scenario = await Scenario.create(scoring_database)
    await scenario.assign()
    (first, entry_id), (second, _) = [
        pair for pair in await scenario.pairs() if pair[1] == scenario.entry_ids[0]
    ][:2]
    await scenario.score(first, entry_id, card(70))
    await scenario.score(first, entry_id, card(60), revision=1, reason="แก้")
    await scenario.score(second, entry_id, card(80))
    recorded, amended, other = await scenario.events(ScoreRecorded, ScoreAmended)
    for event in (amended, recorded, other, recorded, amended, other):
        await scenario.consume(event)
    (total,) = await scenario.rows("entry_total")
    assert (total["judges"], total["sum_of_totals"]) == (2, 140)
    assert total["sum_of_points"] == {
        "background": 20,
        "implementation": 60,
        "impact": 60,
        "sustainability": 0,
    }


async def test_shortlist_waits_for_scores_that_are_on_their_way(scoring_database: Database) -> None:
    scenario = await Scenario.create(scoring_database)
    await scenario.assign()
    await scenario.score_all({}, deliver=False)
    with pytest.raises(StillCounting):
        await propose(scenario)


async def test_missing_scores_need_a_reason(scoring_database: Database) -> None:
    scenario = await scored(scoring_database)
    await scenario.judge("contact-late")
    await scenario.assign(rebalance=True)
    await scenario.entry(90, "mobility")
    await scenario.assign()
    with pytest.raises(ScoresMissing):
        await propose(scenario)
    with pytest.raises(ScoresMissing):
        await propose(scenario, accept_missing=True)
    await propose(scenario, accept_missing=True, note="กรรมการเจ็บป่วย มติที่ประชุม 4 ส.ค.")


async def test_withdrawal_after_the_proposal_makes_it_outdated(scoring_database: Database) -> None:
    scenario = await scored(scoring_database)
    await propose(scenario)
    await scenario.consume(
        EntryWithdrawn(
            contest_id=scenario.contest_id,
            entry_id=scenario.entry_ids[0],
            revision=3,
            contact_id=STAFF,
            withdrawn_at=scenario.clock.instant,
        )
    )
    with pytest.raises(Outdated):
        await approve(scenario, APPROVER)


async def test_lower_revision_of_an_entry_changes_nothing(scoring_database: Database) -> None:
    scenario = await Scenario.create(scoring_database, per_category=1)
    before = await scenario.rows("entry")
    await scenario.consume(submitted(scenario.rulebook, 1, "environment", revision=1))
    assert await scenario.rows("entry") == before


async def test_recusal_moves_the_entry_and_uncounts_the_score(scoring_database: Database) -> None:
    scenario = await Scenario.create(scoring_database)
    await scenario.assign()
    judge_id, entry_id = (await scenario.pairs())[0]
    await scenario.score(judge_id, entry_id, card(10))
    await scenario.deliver_scores()
    async with scoring_database.transaction() as session:
        conflict = DeclaredConflict(entry_id, ConflictKind.VENDOR, "ที่ปรึกษา", everywhere=True)
        by = await scenario.contact_of(judge_id)
        command = DeclareConflicts(scenario.contest_id, judge_id, by, (conflict,))
        await recuse_judge(session, scenario.clock, command)
    pairs = await scenario.pairs()
    assert (judge_id, entry_id) not in pairs
    assert sum(entry == entry_id for _, entry in pairs) == 3
    (total,) = [row for row in await scenario.rows("entry_total") if row["round"] == "first"]
    assert (total["entry_id"], total["judges"], total["sum_of_totals"]) == (entry_id, 0, 0)
    told = await scenario.events(JudgeAssigned)
    assert {event.judge_id for event in told[-2:]} >= {judge_id}  # type: ignore[attr-defined]
    with pytest.raises(Forbidden):
        await scenario.score(judge_id, entry_id, card(90))
    same_vendor = await scenario.entry(50, "environment", vendor="บริษัทตัวอย่าง 1".replace("1", entry_id[-1]))
    await scenario.assign()
    assert (judge_id, same_vendor) not in await scenario.pairs()


async def test_first_round_locks_at_the_due_date(scoring_database: Database) -> None:
    scenario = await Scenario.create(scoring_database)
    await scenario.assign()
    judge_id, entry_id = (await scenario.pairs())[0]
    scenario.clock.instant = DUE - timedelta(microseconds=1)
    await scenario.score(judge_id, entry_id, card(50), submit=False)
    scenario.clock.instant = DUE
    with pytest.raises(ScoresLocked):
        await scenario.score(judge_id, entry_id, card(50), revision=1)


async def test_second_round_opens_and_locks_with_the_slot(scoring_database: Database) -> None:
    scenario = await scored(scoring_database)
    await scenario.publish_shortlist()
    async with scoring_database.transaction() as session:
        command = SchedulePresentations(scenario.contest_id, "https://meet.example/room")
        slot = (await schedule_presentations(session, scenario.clock, command))[0]
    await scenario.assign(Round.SECOND, PRESENTATION + timedelta(hours=5))
    judge_id = next(judge for judge, entry in await scenario.pairs(Round.SECOND) if entry == slot.entry_id)
    entry_id = next(entry for entry in scenario.entry_ids if entry == slot.entry_id)
    with pytest.raises(PresentationNotBegun):
        await scenario.score(judge_id, entry_id, card(50), Round.SECOND)
    await scenario.score(judge_id, entry_id, card(50), Round.SECOND, submit=False)
    scenario.clock.instant = slot.ends_at
    with pytest.raises(ScoresLocked):
        await scenario.score(judge_id, entry_id, card(50), Round.SECOND, revision=1)


async def test_tie_for_a_winner_waits_for_the_committee_and_two_people(scoring_database: Database) -> None:
    scenario = await Scenario.create(
        scoring_database, judging(a_rulebook(), second_round=ScoringRound.FIRST_ONLY)
    )
    await scenario.assign()
    tied = scenario.entry_ids[:2]
    await scenario.score_all(dict.fromkeys(tied, 80))
    async with scoring_database.transaction() as session:  # a tie of the others lies across the line
        command = RecordCommitteeDecision(
            scenario.contest_id, "first/environment", (scenario.entry_ids[3],), "มติ", STAFF
        )
        await record_committee_decision(session, scenario.clock, command)
    with pytest.raises(TieAcrossTheLine, match="SC65-0005"):
        await propose(scenario)
    async with scoring_database.transaction() as session:
        command = RecordCommitteeDecision(
            scenario.contest_id, "first/mobility", tuple(scenario.entry_ids[4:]), "มติ", STAFF
        )
        await record_committee_decision(session, scenario.clock, command)
    await propose(scenario)
    await approve(scenario, APPROVER)
    with pytest.raises(TieAcrossTheLine, match="SC65-0001, SC65-0002"):
        await scenario.certify_winners()
    async with scoring_database.transaction() as session:
        command = RecordCommitteeDecision(
            scenario.contest_id, "first/environment", (tied[1],), "มติ 12 ส.ค.", STAFF
        )
        await record_committee_decision(session, scenario.clock, command)
        await propose_winners(session, scenario.clock, ProposeWinners(scenario.contest_id, STAFF))

    async def sign(by: str, approver: bool) -> None:
        async with scoring_database.transaction() as session:
            signer = Signer(by, approver)  # type: ignore[arg-type]
            await certify_winners(session, scenario.clock, Sign(scenario.contest_id, signer))

    results = await asyncio.gather(
        outcome(lambda: sign(APPROVER, True)), outcome(lambda: sign(APPROVER, True))
    )
    assert sorted(results) == ["NeedsAnotherPerson", "ok"]
    assert await outcome(lambda: sign(STAFF, False)) == "NeedsApprover"
    assert await scenario.events(WinnersCertified) == []
    await sign(SECOND_APPROVER, True)
    (certified,) = await scenario.events(WinnersCertified)
    assert [(award.entry_id, award.decided_by) for award in certified.awards] == [  # type: ignore[attr-defined]
        (tied[1], "committee_vote"),
        (scenario.entry_ids[4], "committee_vote"),
    ]
    assert certified.certified_by == (APPROVER, SECOND_APPROVER)  # type: ignore[attr-defined]


async def test_results_need_winners_and_the_vote(scoring_database: Database) -> None:
    scenario = await scored(scoring_database, second_round=ScoringRound.FIRST_ONLY)
    await scenario.publish_shortlist()
    with pytest.raises(Conflict, match="winners are not certified"):
        await scenario.publish_results()
    await scenario.certify_winners()
    with pytest.raises(Conflict, match="vote is not certified"):
        await scenario.publish_results()
    await scenario.certify_vote({scenario.entry_ids[0]: 3}, scenario.entry_ids[0])
    await scenario.publish_results()
    with pytest.raises(Conflict, match="published already"):
        await scenario.publish_results()
