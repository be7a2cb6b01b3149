"""A contest in the middle of judging, built through scoring's own handlers and consumers."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select, text

from services.scoring.consumers import subscriptions
from services.scoring.domain.signing import Signer
from services.scoring.handlers.assignments import AssignJudges, assign_judges
from services.scoring.handlers.judges import (
    DeclareConflicts,
    InviteJudge,
    accept_invitation,
    invite_judge,
)
from services.scoring.handlers.results import ProposeResults, approve_results, propose_results
from services.scoring.handlers.scores import RecordScore, record_score
from services.scoring.handlers.shortlist import (
    ProposeShortlist,
    Sign,
    approve_shortlist,
    propose_shortlist,
)
from services.scoring.handlers.winners import ProposeWinners, certify_winners, propose_winners
from services.scoring.repository import judges
from services.scoring.tables import Decision, Score
from shared.clock import FixedClock
from shared.contracts.catalogue import EVENT_TYPES
from shared.contracts.event import Event, LocalizedText
from shared.contracts.ids import CategoryId, ContactId, DimensionId, EntryId, JudgeId
from shared.contracts.intake import (
    Applicant,
    ContactUpserted,
    EntryScreened,
    EntrySection,
    EntrySubmitted,
    Role,
)
from shared.contracts.rulebook import Rulebook
from shared.contracts.scoring import Round
from shared.contracts.voting import EntryVotes, PopularVoteCertified
from shared.db import Database
from shared.messaging import Envelope
from shared.messaging.tables import OUTBOX
from shared.testing.rulebooks import CLOSING, a_rulebook, assumed
from shared.testing.web import publish_contest

NOW = (CLOSING + timedelta(days=1)).astimezone(UTC)
DUE = CLOSING + timedelta(days=4)
STAFF, APPROVER, SECOND_APPROVER = ContactId("staff"), ContactId("approver"), ContactId("approver-2")
APPLICANT = ContactId("applicant")
FULL = {"background": 10, "implementation": 30, "impact": 40, "sustainability": 20}


def envelope(event: Event) -> Envelope:
    """An envelope as the kit would give it."""
    return Envelope(
        id="event-id",
        type=event.event_type(),
        source="/showcase/test",
        subject=event.key(),
        time=datetime.now(UTC),
        correlation_id="correlation",
    )


def card(total: int) -> dict[DimensionId, int]:
    """Points that sum up to ``total``, filled from the lightest dimension on."""
    points = {}
    for dimension_id, maximum in FULL.items():
        points[DimensionId(dimension_id)] = given = min(maximum, total)
        total -= given
    return points


def judging(rulebook: Rulebook, **values: Any) -> Rulebook:
    """The rulebook with other decisions about judging."""
    rules = rulebook.judging.model_copy(update={name: assumed(value) for name, value in values.items()})
    return rulebook.model_copy(update={"judging": rules})


def submitted(rulebook: Rulebook, number: int, category_id: str, **changes: Any) -> EntrySubmitted:
    """An entry as intake tells of it."""
    fields: dict[str, Any] = {
        "contest_id": rulebook.contest_id,
        "entry_id": EntryId(f"entry-{number:02}"),
        "revision": 1,
        "reference": f"SC65-{number:04}",
        "contact_id": APPLICANT,
        "applicant": Applicant(
            name=f"เทศบาลตัวอย่าง {number}", kind="municipality", province_code=str(10 + number)
        ),
        "category_id": CategoryId(category_id),
        "title": LocalizedText(th=f"บริการเมือง {number}", en=f"City service {number}"),
        "summary": LocalizedText(th="บริการที่ประชาชนใช้ทุกวัน", en="A service people use every day"),
        "operating_since": "2021-06-01",
        "vendor": f"บริษัทตัวอย่าง {number}",
        "sections": (
            EntrySection(
                id="problem",
                heading=LocalizedText(th="ที่มา", en="Background"),
                text="น้ำท่วมซ้ำทุกปี จึงติดตั้งเครื่องวัดระดับน้ำและแจ้งเตือนล่วงหน้า",
            ),
        ),
        "submitted_at": CLOSING - timedelta(days=number + 1),
    }
    return EntrySubmitted(**{**fields, **changes})


class Scenario:
    """A contest with people, judges and accepted entries on a real database."""

    def __init__(self, database: Database, rulebook: Rulebook, clock: FixedClock) -> None:
        self.database = database
        self.rulebook = rulebook
        self.contest_id = rulebook.contest_id
        self.clock = clock
        self.judge_ids: list[JudgeId] = []
        self.entry_ids: list[EntryId] = []
        self._handlers = {
            event: handler
            for subscription in subscriptions()
            for event, handler in subscription.handlers.items()  # type: ignore[union-attr]
            if event is not ContactUpserted
        }
        self._seen = 0

    @classmethod
    async def create(
        cls,
        database: Database,
        rulebook: Rulebook | None = None,
        *,
        judge_count: int = 4,
        per_category: int = 4,
    ) -> "Scenario":
        """A contest whose entries are screened and whose judges have accepted; nothing is assigned."""
        known = await publish_contest(database, rulebook or a_rulebook())
        scenario = cls(database, known, FixedClock(NOW))
        for contact_id, roles in (
            (STAFF, (Role.STAFF,)),
            (APPROVER, (Role.STAFF, Role.APPROVER)),
            (SECOND_APPROVER, (Role.APPROVER,)),
            (APPLICANT, (Role.APPLICANT,)),
        ):
            await scenario.contact(contact_id, *roles)
        for number in range(1, judge_count + 1):
            await scenario.judge(f"contact-judge-{number}")
        number = 0
        for category in known.categories:
            for _ in range(per_category):
                number += 1
                await scenario.entry(number, category.id)
        return scenario

    async def contact(self, contact_id: str, *roles: Role, **changes: Any) -> ContactId:
        """Someone whom the contact topic tells of."""
        fields: dict[str, Any] = {
            "contest_id": self.contest_id,
            "contact_id": ContactId(contact_id),
            "revision": 1,
            "name": f"ผู้ทดสอบ {contact_id}",
            "email": f"{contact_id}@showcase.invalid",
            "roles": roles,
            "sessions_valid_from": datetime(2020, 1, 1, tzinfo=UTC),
        }
        event = ContactUpserted(**{**fields, **changes})
        async with self.database.transaction() as session:
            for subscription in subscriptions():
                handler = subscription.handlers.get(ContactUpserted)
                if handler:
                    await handler(session, event, envelope(event))
        return event.contact_id

    async def judge(
        self, contact_id: str, category_ids: Sequence[str] = (), *, accept: bool = True
    ) -> JudgeId:
        """A judge who was invited and, if so wished, has accepted."""
        contact = await self.contact(contact_id, Role.JUDGE)
        async with self.database.transaction() as session:
            command = InviteJudge(self.contest_id, contact, tuple(CategoryId(c) for c in category_ids))
            judge_id = JudgeId((await invite_judge(session, self.clock, command)).judge_id)
            if accept:
                acceptance = DeclareConflicts(self.contest_id, judge_id, contact, (), complete=True)
                await accept_invitation(session, self.clock, acceptance)
        self.judge_ids.append(judge_id)
        return judge_id

    async def consume(self, event: Event) -> None:
        """Let scoring's worker handle ``event``."""
        async with self.database.transaction() as session:
            await self._handlers[type(event)](session, event, envelope(event))

    async def entry(self, number: int, category_id: str, **changes: Any) -> EntryId:
        """An entry that was submitted and accepted."""
        event = submitted(self.rulebook, number, category_id, **changes)
        await self.consume(event)
        await self.consume(
            EntryScreened(
                contest_id=self.contest_id,
                entry_id=event.entry_id,
                revision=event.revision + 1,
                contact_id=event.contact_id,
                accepted=True,
                screened_by=STAFF,
                screened_at=NOW,
            )
        )
        self.entry_ids.append(event.entry_id)
        return event.entry_id

    async def assign(self, scoring_round: Round = Round.FIRST, due_at: datetime = DUE, **changes: Any) -> Any:
        """Give the round's entries their judges."""
        async with self.database.transaction() as session:
            command = AssignJudges(self.contest_id, scoring_round, due_at, **changes)
            return await assign_judges(session, self.clock, command)

    async def pairs(self, scoring_round: Round = Round.FIRST) -> list[tuple[JudgeId, EntryId]]:
        """Who has which entry."""
        async with self.database.transaction() as session:
            rows = await judges.assignments(session, self.contest_id, scoring_round=scoring_round.value)
        return [(JudgeId(row.judge_id), EntryId(row.entry_id)) for row in rows]

    async def contact_of(self, judge_id: JudgeId) -> ContactId:
        """The judge as a person."""
        async with self.database.transaction() as session:
            judge = await judges.judge(session, self.contest_id, judge_id)
        assert judge is not None
        return ContactId(judge.contact_id)

    async def score(
        self,
        judge_id: JudgeId,
        entry_id: EntryId,
        points: Mapping[DimensionId, int],
        scoring_round: Round = Round.FIRST,
        *,
        submit: bool = True,
        revision: int | None = None,
        reason: str = "",
        comments: Mapping[DimensionId, str] | None = None,
    ) -> Score:
        """A judge saves a scorecard."""
        by = await self.contact_of(judge_id)
        async with self.database.transaction() as session:
            command = RecordScore(
                self.contest_id,
                entry_id,
                by,
                scoring_round,
                points,
                comments or {},
                submit,
                revision,
                reason,
            )
            return await record_score(session, self.clock, command)

    async def score_all(
        self, totals: Mapping[EntryId, int], scoring_round: Round = Round.FIRST, *, deliver: bool = True
    ) -> None:
        """Every assigned judge gives each entry the same total, 60 where none is named."""
        for judge_id, entry_id in await self.pairs(scoring_round):
            await self.score(judge_id, entry_id, card(totals.get(entry_id, 60)), scoring_round)
        if deliver:
            await self.deliver_scores()

    async def events(self, *types: type[Event]) -> list[Event]:
        """What is in the outbox, in order; of the given types where any are."""
        async with self.database.transaction() as session:
            rows = (await session.execute(select(OUTBOX).order_by(OUTBOX.c.sequence))).all()
        found = [EVENT_TYPES[row.headers["ce_type"]].model_validate_json(row.value) for row in rows]
        return [event for event in found if not types or isinstance(event, types)]

    async def deliver_scores(self) -> None:
        """Let the aggregate handle the score events that the outbox holds, each once."""
        events = [event for event in await self.events() if event.TOPIC == "scoring.score.v1"]
        for event in events[self._seen :]:
            await self.consume(event)
        self._seen = len(events)

    async def publish_shortlist(self) -> Decision:
        """Staff propose, an approver publishes."""
        async with self.database.transaction() as session:
            await propose_shortlist(session, self.clock, ProposeShortlist(self.contest_id, STAFF))
        async with self.database.transaction() as session:
            command = Sign(self.contest_id, Signer(APPROVER, approver=True))
            return await approve_shortlist(session, self.clock, command)

    async def certify_winners(self) -> Decision:
        """Staff propose, two people certify."""
        async with self.database.transaction() as session:
            await propose_winners(session, self.clock, ProposeWinners(self.contest_id, STAFF))
        for signer in (Signer(STAFF, approver=False), Signer(APPROVER, approver=True)):
            async with self.database.transaction() as session:
                decision = await certify_winners(session, self.clock, Sign(self.contest_id, signer))
        return decision

    async def certify_vote(
        self, votes: Mapping[EntryId, int], winner: EntryId | None, revision: int = 1
    ) -> None:
        """Voting certifies the public vote."""
        counted = sum(votes.values())
        await self.consume(
            PopularVoteCertified(
                contest_id=self.contest_id,
                revision=revision,
                totals=tuple(EntryVotes(entry_id=e, counted=c) for e, c in votes.items()),
                received=counted,
                counted=counted,
                duplicate=0,
                late=0,
                held=0,
                struck=0,
                winner_entry_id=winner,
                certified_by=(STAFF, APPROVER),
                certified_at=self.clock.instant,
            )
        )

    async def publish_results(self) -> Decision:
        """Staff propose, an approver publishes."""
        async with self.database.transaction() as session:
            await propose_results(session, self.clock, ProposeResults(self.contest_id, STAFF))
        async with self.database.transaction() as session:
            command = Sign(self.contest_id, Signer(APPROVER, approver=True))
            return await approve_results(session, self.clock, command)

    async def rows(self, table: str) -> list[dict[str, Any]]:
        """Every row of a table, for whole comparisons."""
        async with self.database.transaction() as session:
            result = await session.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2, 3"))  # noqa: S608
            return [dict(row._mapping) for row in result]
