"""The staff board, from events, and the list of notices."""

from datetime import datetime, timedelta
from typing import Any

from services.notify import repository
from services.notify.domain.notices import NoticeState
from services.notify.handlers.board import board_of
from shared.contracts.ids import ContactId, ContestId
from shared.contracts.intake import Role
from shared.contracts.rulebook import VoteScope
from shared.contracts.scoring import (
    ApprovalAwaited,
    DecisionName,
    JudgeAssigned,
    JudgeInvited,
    JudgeRecused,
    Round,
    ScoreRecorded,
)
from shared.contracts.voting import TallyChanged, VotesHeld, VotesReleased, VotingClosed, VotingOpened
from shared.known.tables import KNOWN_RULEBOOK
from shared.testing.rulebooks import CONTEST_ID, OPENING, SHORTLIST, VOTE_CLOSES
from shared.testing.web import client_for, sign_in
from tests.component.notify.notify_kit import Notify, a_contact, an_entry
from tests.component.notify.test_review import shortlist

C = ContestId(CONTEST_ID)


async def test_board_starts_with_what_is_late(notify: Notify) -> None:
    notify.clock.instant = SHORTLIST + timedelta(hours=3)
    await notify.consume(a_contact("j", name="กรรมการตัวอย่าง"))
    await notify.consume(an_entry("entry-1"))
    await notify.consume(an_entry("entry-2", reference="SC65-0002"))
    await notify.consume(
        JudgeInvited(
            contest_id=C, judge_id="judge", revision=1, contact_id="j", category_ids=(), invited_at=SHORTLIST
        )
    )
    await notify.consume(
        JudgeAssigned(
            contest_id=C,
            judge_id="judge",
            revision=2,
            contact_id="j",
            round=Round.FIRST,
            entry_ids=("entry-1", "entry-2", "entry-3"),
            due_at=SHORTLIST,
            assigned_at=SHORTLIST - timedelta(days=2),
        )
    )
    await notify.consume(
        JudgeRecused(
            contest_id=C,
            judge_id="judge",
            revision=3,
            contact_id="j",
            entry_id="entry-3",
            conflict="agency",
            recused_at=SHORTLIST,
        )
    )
    await notify.consume(
        ScoreRecorded(
            contest_id=C,
            entry_id="entry-1",
            judge_id="judge",
            round=Round.FIRST,
            revision=1,
            scores=(),
            total=80,
            recorded_at=SHORTLIST,
        )
    )
    board = await board_of(notify.database, notify.clock, CONTEST_ID)
    assert [(todo.kind, todo.title.en) for todo in board.todos] == [
        ("late", "2 entries wait for the eligibility check"),
        ("late", "1 judges are behind"),
        ("late", "The finalists are due"),
        ("now", "No working day between presentations and results"),
    ]
    assert [(row.done, row.total, row.late) for row in board.judges] == [(1, 2, True)]
    environment = board.categories[0]
    assert (environment.submitted, environment.scored, environment.to_score) == (2, 1, 2)
    assert board.votes.state == "not-open"


async def test_board_lists_what_waits_for_a_second_person(notify: Notify) -> None:
    notify.clock.instant = SHORTLIST
    awaited = ApprovalAwaited(
        contest_id=C,
        decision=DecisionName.SHORTLIST,
        proposal=1,
        signatures=0,
        waits_on_others_than=(ContactId("a"),),
        awaited_at=SHORTLIST,
    )
    await notify.consume(a_contact("a", roles=(Role.APPROVER,)))
    await notify.consume(awaited)
    assert await todos(notify) == [
        ("now", "The finalists wait for another signature"),
        ("now", "No working day between presentations and results"),
    ]
    notify.clock.instant = SHORTLIST + timedelta(hours=2)
    assert ("late", "The finalists wait for another signature") in await todos(notify)
    await shortlist(notify)
    waiting = [title for _, title in await todos(notify) if "signature" in title or "review" in title]
    assert waiting == [
        "Announcement of the shortlist is a draft, to be sent to review",
        "2 notices wait for review",
    ]


async def test_board_asks_for_the_certifiers_of_a_closed_vote(notify: Notify) -> None:
    notify.clock.instant = VOTE_CLOSES
    await notify.consume(VotingClosed(contest_id=C, revision=1, seals=(), closed_at=VOTE_CLOSES))
    assert ("now", "The vote waits for its two certifiers") in await todos(notify)


async def test_board_without_a_contest_leads_to_the_contest_file(notify: Notify) -> None:
    async with notify.database.transaction() as session:
        await session.execute(KNOWN_RULEBOOK.delete())
    async with client_for(notify.service(), [Role.ADMIN]) as client:
        answer = await client.get("/staff", headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/staff/contest")


async def todos(notify: Notify) -> list[tuple[str, str]]:
    board = await board_of(notify.database, notify.clock, CONTEST_ID)
    return [(todo.kind, todo.title.en) for todo in board.todos]


async def test_board_shows_the_vote_as_sums_only(notify: Notify) -> None:
    opened = SHORTLIST + timedelta(hours=1)
    notify.clock.instant = opened + timedelta(minutes=30)
    await notify.consume(
        VotingOpened(
            contest_id=C,
            revision=1,
            ballot=("entry-1", "entry-2"),
            scope=VoteScope.CONTEST,
            closes_at=VOTE_CLOSES,
            opened_at=opened,
        )
    )
    for minute in range(1, 31):
        for entry in ("entry-1", "entry-2"):
            await notify.consume(
                TallyChanged(
                    contest_id=C,
                    entry_id=entry,
                    revision=minute,
                    counted=minute * 10,
                    changed_at=opened + timedelta(minutes=minute),
                )
            )
    late = TallyChanged(contest_id=C, entry_id="entry-1", revision=3, counted=1, changed_at=opened)
    await notify.consume(late)
    held = {"contest_id": C, "receipt_ids": ("a", "b", "c"), "reason": "ถี่ผิดปกติ", "decided_at": opened}
    await notify.consume(VotesHeld(decision_id="d1", detector="rate", **held))
    await notify.consume(
        VotesReleased(decision_id="d1", approved_by=(ContactId("x"),), **held | {"receipt_ids": ("a",)})
    )
    votes = (await board_of(notify.database, notify.clock, CONTEST_ID)).votes
    assert (votes.state, votes.counted, votes.held, votes.per_minute) == ("open", 600, 2, 20)
    assert sum(votes.curve) == 600


async def test_staff_are_told_once_of_a_case_however_many_events_it_takes(notify: Notify) -> None:
    """A large case comes in parts and may grow: one notice, with the number of all its votes."""
    await notify.consume(a_contact("clerk", roles=(Role.STAFF,)))
    parts = (("a", "b"), ("c",), ("d",))
    for part, receipts in enumerate(parts, start=1):
        await notify.consume(
            VotesHeld(
                contest_id=C,
                decision_id=f"case-1-held-{part}",
                case_id="case-1",
                part=part,
                votes=3 if part < 3 else 4,
                detector="agent+network",
                receipt_ids=receipts,
                reason="โปรแกรมเดียวกัน",
                decided_at=SHORTLIST,
            )
        )
    told = [notice for notice in await notify.notices() if notice.template == "votes-held"]
    assert [notice.facts["votes.held"] for notice in told] == ["3"]
    assert (await board_of(notify.database, notify.clock, CONTEST_ID)).votes.held == 4


async def test_notices_are_listed_by_state_in_pages_the_newest_first(notify: Notify) -> None:
    async with notify.database.transaction() as session:
        for number in range(6):
            await repository.notices.plan(
                session,
                contest_id=CONTEST_ID,
                event_id=f"event-{number}",
                recipient=f"contact:person-{number % 2}",
                contact_id=f"person-{number % 2}",
                template="entry-received",
                facts={},
                now=OPENING + timedelta(minutes=number),
                state=NoticeState.SENT if number < 4 else NoticeState.PLANNED,
            )
    async with client_for(notify.service()) as client:

        async def listed(**query: Any) -> list[datetime]:
            answer = await client.get(f"/api/notify/v1/contests/{CONTEST_ID}/notices", params=query)
            return [datetime.fromisoformat(row["created_at"]) for row in answer.json()]

        def of(*numbers: int) -> list[datetime]:
            return [OPENING + timedelta(minutes=number) for number in numbers]

        sign_in(client, [Role.STAFF], contact_id="staff")
        assert await listed() == of(5, 4, 3, 2, 1, 0)
        assert await listed(state="sent", limit=2) == of(3, 2)
        assert await listed(state="sent", limit=2, offset=2) == of(1, 0)
        sign_in(client, [Role.APPLICANT], contact_id="person-1")
        assert await listed(state="sent", offset=1) == of(1)
