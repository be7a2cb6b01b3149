"""A small complete contest for tests: two categories, a popular award, a calendar, the 2022 rubric."""

from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from shared.clock import BANGKOK
from shared.contracts.event import LocalizedText
from shared.contracts.ids import AwardId, CategoryId, ContestId, DimensionId
from shared.contracts.rulebook import (
    ApplicantKind,
    Award,
    AwardKind,
    Category,
    CertificateRules,
    ClosingDay,
    Decision,
    DecisionStatus,
    Dimension,
    DisposableAddresses,
    EligibilityRules,
    EmptyCategory,
    FraudRules,
    JudgingRules,
    Milestone,
    MilestoneKind,
    Organiser,
    Rulebook,
    ScoringRound,
    TieBreak,
    VoterIdentity,
    VoteScope,
    VotesShown,
    VotingRules,
)

T = TypeVar("T")
CONTEST_ID = ContestId("test-contest-2022")

OPENING = datetime(2022, 6, 20, 9, 0, tzinfo=BANGKOK)
BRIEFING = datetime(2022, 7, 1, 13, 30, tzinfo=BANGKOK)
CLOSING = datetime(2022, 7, 30, 18, 0, tzinfo=BANGKOK)
SHORTLIST = datetime(2022, 8, 5, 12, 0, tzinfo=BANGKOK)
VOTE_OPENS = datetime(2022, 8, 5, 13, 0, tzinfo=BANGKOK)
VOTE_CLOSES = datetime(2022, 8, 10, 18, 0, tzinfo=BANGKOK)
PRESENTATION = datetime(2022, 8, 11, 10, 0, tzinfo=BANGKOK)
RESULTS = datetime(2022, 8, 15, 12, 0, tzinfo=BANGKOK)


def text(th: str, en: str = "") -> LocalizedText:
    """A pair of Thai and English."""
    return LocalizedText(th=th, en=en)


def assumed(value: T) -> Decision[T]:
    """A decision that nobody has really made."""
    return Decision[Any](
        value=value,
        status=DecisionStatus.ASSUMED,
        decided_by="ผู้จัดการโครงการ",
        reason="ใช้ในการทดสอบ",
    )


def milestone(kind: MilestoneKind, name: LocalizedText, starts: datetime, ends: datetime) -> Milestone:
    """One row of the calendar."""
    return Milestone(kind=kind, name=name, starts_at=starts, ends_at=ends)


def a_rulebook(contest_id: str = CONTEST_ID, **changes: Any) -> Rulebook:
    """A rehearsal with the 2022 calendar; ``changes`` replace fields of the rulebook."""
    kinds = MilestoneKind
    fields: dict[str, Any] = {
        "contest_id": contest_id,
        "number": 1,
        "rehearsal": True,
        "name": text("The Smart City Showcase Awards 2022", "The Smart City Showcase Awards 2022"),
        "theme": text("เมืองที่ทุกคนอยู่ดี", "A city good for everyone"),
        "purposes": (text("ยกย่องบริการเมืองอัจฉริยะ", "Honour smart city services"),),
        "organiser": Organiser(
            name=text("สำนักงานส่งเสริมเศรษฐกิจดิจิทัล", "Digital Economy Promotion Agency"),
            abbreviation=text("สศด.", "depa"),
            ministry=text("กระทรวงดิจิทัลเพื่อเศรษฐกิจและสังคม", "Ministry of Digital Economy and Society"),
            address=text("กรุงเทพฯ", "Bangkok"),
            email="scp@depa.or.th",
            phone="0 2026 2333",
            website="www.depa.or.th",
        ),
        "categories": (
            Category(id=CategoryId("environment"), name=text("สิ่งแวดล้อมอัจฉริยะ", "Smart Environment")),
            Category(id=CategoryId("mobility"), name=text("การเดินทางและขนส่งอัจฉริยะ", "Smart Mobility")),
        ),
        "awards": (
            Award(
                id=AwardId("environment"),
                name=text("รางวัลด้านสิ่งแวดล้อมอัจฉริยะ", "Smart Environment award"),
                kind=AwardKind.JUDGED,
                category_id=CategoryId("environment"),
            ),
            Award(
                id=AwardId("mobility"),
                name=text("รางวัลด้านการเดินทางและขนส่งอัจฉริยะ", "Smart Mobility award"),
                kind=AwardKind.JUDGED,
                category_id=CategoryId("mobility"),
            ),
            Award(
                id=AwardId("popular"), name=text("รางวัล Popular Vote", "Popular Vote"), kind=AwardKind.POPULAR
            ),
        ),
        "prizes": (text("โล่และเกียรติบัตร", "A plaque and a certificate"),),
        "milestones": (
            milestone(kinds.INVITATION, text("เชิญชวน", "Invitation"), OPENING, OPENING),
            milestone(kinds.APPLICATIONS, text("รับสมัคร", "Applications"), OPENING, CLOSING),
            milestone(kinds.BRIEFING, text("ชี้แจง", "Briefing"), BRIEFING, BRIEFING + timedelta(minutes=90)),
            milestone(kinds.SHORTLIST, text("ประกาศรอบแรก", "Shortlist"), SHORTLIST, SHORTLIST),
            milestone(kinds.VOTING, text("โหวต", "Public vote"), VOTE_OPENS, VOTE_CLOSES),
            milestone(
                kinds.PRESENTATION,
                text("นำเสนอ", "Presentations"),
                PRESENTATION,
                PRESENTATION + timedelta(hours=5),
            ),
            milestone(kinds.RESULTS, text("ประกาศผล", "Results"), RESULTS, RESULTS),
        ),
        "rubric": tuple(
            Dimension(
                id=DimensionId(name),
                name=text(th, en),
                points=points,
                guidance=tuple(text(f"แนวทางที่ {number}", f"Guidance {number}") for number in (1, 2, 3)),
            )
            for name, th, en, points in (
                ("background", "ที่มาและความสำคัญ", "Background", 10),
                ("implementation", "การดำเนินงาน", "Implementation", 30),
                ("impact", "ผลลัพธ์และผลกระทบ", "Impact", 40),
                ("sustainability", "ความยั่งยืนและการขยายผล", "Sustainability", 20),
            )
        ),
        "eligibility": EligibilityRules(
            applicant_kinds=(
                ApplicantKind(id="municipality", name=text("เทศบาล", "Municipality")),
                ApplicantKind(id="company", name=text("บริษัท", "Company")),
            ),
            operated_months=6,
            operated_until=assumed(date(2022, 7, 30)),
            entries_per_applicant=assumed(3),
            categories_per_entry=assumed(1),
        ),
        "judging": JudgingRules(
            judges_per_entry=assumed(3),
            shortlist_per_category=assumed(3),
            minimum_total=assumed(50),
            second_round=assumed(ScoringRound.SECOND_REPLACES),
            tie_break=assumed((TieBreak.HIGHEST_DIMENSION, TieBreak.MEDIAN_TOTAL, TieBreak.COMMITTEE_VOTE)),
            slot_minutes=assumed(10),
            one_award_per_entry=assumed(False),
            empty_category=assumed(EmptyCategory.NO_AWARD),
            appeal_days=assumed(3),
            comments_released=assumed(True),
        ),
        "voting": VotingRules(
            who_may_vote=assumed(text("ประชาชนทั่วไป", "Anyone")),
            identity=assumed(VoterIdentity.EMAIL),
            minimum_age=assumed(0),
            scope=assumed(VoteScope.CONTEST),
            totals_shown=assumed(VotesShown.STAFF),
            totals_hidden_last_hours=assumed(24),
            disposable_addresses=assumed(DisposableAddresses.REFUSED),
        ),
        "certificates": CertificateRules(finalists=assumed(True), participants=assumed(False)),
        "closing_day": assumed(ClosingDay.AS_WRITTEN),
    }
    return Rulebook(**{**fields, **changes})


def fraud_rules(**changes: int) -> FraudRules:
    """The detectors' thresholds of 2022; ``changes`` replace some."""
    values = {
        "hold_at": 5,
        "lift": 8,
        "network_votes": 20,
        "network_entropy": 100,
        "agent_votes": 30,
        "domain_votes": 30,
        "domain_percent": 30,
        "look_alike_addresses": 12,
        "look_alike_percent": 90,
        "fast_seconds": 3,
        "fast_votes": 20,
        "rate_votes": 60,
        "rate_factor": 10,
        "row_odds": 6,
        "people_programs": 100,
        "people_pace": 50,
        "people_gaps": 60,
    }
    return FraudRules(**{name: assumed(value) for name, value in {**values, **changes}.items()})
