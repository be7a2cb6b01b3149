"""A small rulebook, every open point of it assumed."""

from datetime import date, datetime
from typing import Any, TypeVar

from shared.contracts import rulebook
from shared.contracts.examples.scene import CONTEST, LIVING, MOBILITY, at, words
from shared.contracts.ids import AwardId, DimensionId

T = TypeVar("T")


def _assumed(value: T, reason: str, source: str) -> rulebook.Decision[T]:
    return rulebook.Decision[Any](
        value=value,
        status=rulebook.DecisionStatus.ASSUMED,
        decided_by="ผู้อำนวยการฝ่ายส่งเสริมเมืองอัจฉริยะ",
        reason=reason,
        source=source,
    )


def _milestone(
    kind: rulebook.MilestoneKind, th: str, en: str, start: datetime, end: datetime | None = None
) -> rulebook.Milestone:
    return rulebook.Milestone(kind=kind, name=words(th, en), starts_at=start, ends_at=end or start)


_Kind = rulebook.MilestoneKind

RULEBOOK = rulebook.Rulebook(
    contest_id=CONTEST,
    number=1,
    rehearsal=True,
    name=words("โครงการ The Smart City Showcase Awards 2022", "The Smart City Showcase Awards 2022"),
    theme=words(
        "การพัฒนาเมืองน่าอยู่เมืองทันสมัย ยกระดับคุณภาพชีวิตของประชาชน",
        "Livable, modern cities that raise the quality of life",
    ),
    purposes=(words("เชิดชูเกียรติหน่วยงานที่นำเทคโนโลยีไปใช้พัฒนาเมือง", "Honour agencies that build smart cities"),),
    organiser=rulebook.Organiser(
        name=words("สำนักงานส่งเสริมเศรษฐกิจดิจิทัล", "Digital Economy Promotion Agency"),
        abbreviation=words("สศด.", "depa"),
        ministry=words("กระทรวงดิจิทัลเพื่อเศรษฐกิจและสังคม", "Ministry of Digital Economy and Society"),
        address=words("80 ซอยลาดพร้าว 4 เขตจตุจักร กรุงเทพมหานคร 10900", "80 Soi Ladprao 4, Bangkok 10900"),
        email="scp@depa.or.th",
        phone="0 2000 0000",
        website="https://www.depa.or.th",
    ),
    categories=(
        rulebook.Category(id=MOBILITY, name=words("การเดินทางและขนส่งอัจฉริยะ", "Smart Mobility")),
        rulebook.Category(id=LIVING, name=words("การดำรงชีวิตอัจฉริยะ", "Smart Living")),
    ),
    awards=(
        rulebook.Award(
            id=AwardId("smart-mobility"),
            name=words("รางวัลดีเด่นด้าน Smart Mobility", "Outstanding Smart Mobility"),
            kind=rulebook.AwardKind.JUDGED,
            category_id=MOBILITY,
        ),
        rulebook.Award(
            id=AwardId("popular-vote"),
            name=words("รางวัล Popular Vote", "Popular Vote"),
            kind=rulebook.AwardKind.POPULAR,
        ),
    ),
    prizes=(words("โล่ประกาศเกียรติคุณและใบประกาศนียบัตร", "A plaque and a certificate"),),
    milestones=(
        _milestone(_Kind.BRIEFING, "ชี้แจงรายละเอียดโครงการ", "Briefing", at(7, 1, 6, 30), at(7, 1, 8)),
        _milestone(_Kind.APPLICATIONS, "เปิดรับสมัคร", "Applications", at(7, 1), at(7, 30, 17)),
        _milestone(_Kind.SHORTLIST, "ประกาศผู้ผ่านการคัดเลือกรอบแรก", "Shortlist", at(8, 5)),
        _milestone(_Kind.VOTING, "เปิดโหวต", "Public vote", at(8, 5, 3), at(8, 12, 10)),
        _milestone(_Kind.PRESENTATION, "นำเสนอผลงานต่อกรรมการ", "Presentations", at(8, 11, 3), at(8, 11, 8)),
        _milestone(_Kind.RESULTS, "ประกาศผล", "Results", at(8, 15)),
    ),
    rubric=tuple(
        rulebook.Dimension(
            id=DimensionId(id_), name=words(th, en), points=points, guidance=(words(hint, hint_en),)
        )
        for id_, th, en, points, hint, hint_en in (
            (
                "origin",
                "ที่มาและความสำคัญของโครงการ",
                "Origin and importance",
                10,
                "อธิบายที่มาชัดเจน",
                "Clear origin",
            ),
            ("solution", "แนวทางการดำเนินโครงการ", "Smart solution", 30, "ใช้นวัตกรรม", "Uses innovation"),
            (
                "evidence",
                "การจัดเก็บข้อมูลสำหรับประเมินผลลัพธ์",
                "Evidence of results",
                40,
                "ตัวชี้วัดเหมาะสม",
                "Fit indicators",
            ),
            (
                "sustain",
                "การนำไปใช้ได้หลากหลายและความยั่งยืน",
                "Reach and durability",
                20,
                "มีผู้รับผิดชอบ",
                "Has an owner",
            ),
        )
    ),
    eligibility=rulebook.EligibilityRules(
        applicant_kinds=(rulebook.ApplicantKind(id="municipality", name=words("เทศบาล", "Municipality")),),
        operated_months=6,
        operated_until=_assumed(date(2022, 7, 1), "นับถึงวันเปิดรับสมัคร", "annex §1"),
        entries_per_applicant=_assumed(2, "ไม่จำกัดจนเกินพิจารณา", "annex §3"),
        categories_per_entry=_assumed(1, "ด้านละ 1 รางวัล", "annex §4"),
    ),
    judging=rulebook.JudgingRules(
        judges_per_entry=_assumed(3, "กรรมการ 9 คน", "annex §8"),
        shortlist_per_category=_assumed(2, "เวลานำเสนอ 5 ชั่วโมง", "annex §6"),
        minimum_total=_assumed(60, "มาตรฐานขั้นต่ำ", "annex §8"),
        second_round=_assumed(rulebook.ScoringRound.SECOND_REPLACES, "ดูผลงานจริง", "annex §6"),
        tie_break=_assumed(
            (rulebook.TieBreak.HIGHEST_DIMENSION, rulebook.TieBreak.COMMITTEE_VOTE),
            "ให้น้ำหนักผลลัพธ์",
            "annex §8",
        ),
        slot_minutes=_assumed(20, "14 ผลงานใน 5 ชั่วโมง", "annex §6"),
        one_award_per_entry=_assumed(False, "Popular Vote แยกจากกรรมการ", "annex §4"),
        empty_category=_assumed(rulebook.EmptyCategory.NO_AWARD, "คงมาตรฐาน", "annex §4"),
        appeal_days=_assumed(3, "ก่อนมอบรางวัล", "annex §6"),
        comments_released=_assumed(True, "เพื่อพัฒนาผลงาน", "annex §8"),
    ),
    voting=rulebook.VotingRules(
        who_may_vote=_assumed(words("ประชาชนทั่วไป", "Everybody"), "ให้ประชาชนรับรู้", "annex §4"),
        identity=_assumed(rulebook.VoterIdentity.EMAIL, "ไม่ต้องมีบัญชี", "annex §4"),
        minimum_age=_assumed(13, "คุ้มครองผู้เยาว์", "annex §4"),
        scope=_assumed(rulebook.VoteScope.CONTEST, "รางวัลเดียว", "annex §4"),
        totals_shown=_assumed(rulebook.VotesShown.STAFF, "ไม่ชี้นำ", "annex §4"),
        totals_hidden_last_hours=_assumed(0, "ไม่แสดงยอดอยู่แล้ว", "annex §4"),
        disposable_addresses=_assumed(rulebook.DisposableAddresses.REFUSED, "หนึ่งคนหนึ่งเสียง", "annex §4"),
    ),
    certificates=rulebook.CertificateRules(
        finalists=_assumed(True, "เป็นกำลังใจ", "annex §5"),
        participants=_assumed(False, "ไม่ระบุ", "annex §5"),
    ),
    closing_day=_assumed(rulebook.ClosingDay.AS_WRITTEN, "30 กรกฎาคม 2565 เป็นวันเสาร์", "annex §6"),
)
