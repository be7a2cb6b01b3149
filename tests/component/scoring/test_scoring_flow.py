"""The whole way from assignment to results, on a real database."""

from datetime import timedelta

from services.scoring.handlers.presentations import SchedulePresentations, schedule_presentations
from shared.contracts.rulebook import ScoringRound
from shared.contracts.scoring import (
    JudgeAssigned,
    PresentationScheduled,
    ResultsPublished,
    Round,
    ShortlistPublished,
    WinnersCertified,
)
from shared.db import Database
from shared.testing.rulebooks import PRESENTATION, a_rulebook
from tests.component.scoring.scenario import APPROVER, STAFF, Scenario, card, judging


async def test_contest_is_judged_from_assignment_to_results(scoring_database: Database) -> None:
    scenario = await Scenario.create(scoring_database)
    await scenario.assign()
    assigned = await scenario.events(JudgeAssigned)
    assert sorted(len(event.entry_ids) for event in assigned) == [6, 6, 6, 6]

    first = {entry_id: 90 - 5 * place for place, entry_id in enumerate(scenario.entry_ids)}
    await scenario.score_all(first)
    await scenario.publish_shortlist()
    (shortlist,) = await scenario.events(ShortlistPublished)
    assert [(f.entry_id, f.rank) for f in shortlist.finalists] == [
        ("entry-01", 1),
        ("entry-02", 2),
        ("entry-03", 3),
        ("entry-05", 1),
        ("entry-06", 2),
        ("entry-07", 3),
    ]
    assert shortlist.not_selected == ("entry-04", "entry-08")
    assert shortlist.approved_by == (STAFF, APPROVER)

    async with scoring_database.transaction() as session:
        command = SchedulePresentations(scenario.contest_id, "https://meet.example/room")
        slots = await schedule_presentations(session, scenario.clock, command)
    assert len(await scenario.events(PresentationScheduled)) == 6
    assert [slot.starts_at for slot in slots] == [PRESENTATION + timedelta(minutes=10 * n) for n in range(6)]

    await scenario.assign(Round.SECOND, PRESENTATION + timedelta(hours=5))
    second = {"entry-03": 95, "entry-06": 80}
    for slot in slots:
        scenario.clock.instant = slot.starts_at
        for judge_id, entry_id in await scenario.pairs(Round.SECOND):
            if entry_id == slot.entry_id:
                await scenario.score(judge_id, entry_id, card(second.get(entry_id, 70)), Round.SECOND)
    await scenario.deliver_scores()
    await scenario.certify_winners()
    (winners,) = await scenario.events(WinnersCertified)
    assert [(a.award_id, a.entry_id, a.mean_total, a.decided_by) for a in winners.awards] == [
        ("environment", "entry-03", "95.00", ""),
        ("mobility", "entry-06", "80.00", ""),
    ]
    assert winners.certified_by == (STAFF, APPROVER)

    await scenario.certify_vote({"entry-01": 5, "entry-07": 9}, "entry-07")
    await scenario.publish_results()
    (results,) = await scenario.events(ResultsPublished)
    assert [(a.award_id, a.entry_id, a.votes) for a in results.awards] == [
        ("environment", "entry-03", None),
        ("mobility", "entry-06", None),
        ("popular", "entry-07", 9),
    ]


async def test_first_round_decides_where_the_rulebook_says_so(scoring_database: Database) -> None:
    rulebook = judging(a_rulebook(), second_round=ScoringRound.FIRST_ONLY)
    scenario = await Scenario.create(scoring_database, rulebook)
    await scenario.assign()
    await scenario.score_all({entry_id: 90 - place for place, entry_id in enumerate(scenario.entry_ids)})
    await scenario.publish_shortlist()
    await scenario.certify_winners()
    (winners,) = await scenario.events(WinnersCertified)
    assert [(a.entry_id, a.mean_total) for a in winners.awards] == [
        ("entry-01", "90.00"),
        ("entry-05", "86.00"),
    ]
