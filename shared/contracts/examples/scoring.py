"""Examples of scoring's events."""

from shared.contracts import rulebook, scoring
from shared.contracts.event import Event
from shared.contracts.examples.scene import (
    APPROVER,
    CONTEST,
    ENTRY,
    JUDGE,
    JUDGE_CONTACT,
    MOBILITY,
    OTHER_ENTRY,
    STAFF,
    at,
    words,
)
from shared.contracts.ids import AwardId, DimensionId, SlotId

_SCORES = tuple(
    scoring.DimensionScore(dimension_id=DimensionId(id_), points=points)
    for id_, points in (("origin", 9), ("solution", 26), ("evidence", 34), ("sustain", 17))
)
_AWARDS = (
    scoring.AwardGiven(
        award_id=AwardId("smart-mobility"),
        kind=rulebook.AwardKind.JUDGED,
        name=words("รางวัลดีเด่นด้าน Smart Mobility", "Outstanding Smart Mobility"),
        category_id=MOBILITY,
        entry_id=ENTRY,
        title=words("รถเมล์ตรงเวลา", "Buses on time"),
        applicant_name="เทศบาลเมืองตัวอย่าง",
        mean_total="86.33",
    ),
)
_POPULAR = scoring.AwardGiven(
    award_id=AwardId("popular-vote"),
    kind=rulebook.AwardKind.POPULAR,
    name=words("รางวัล Popular Vote", "Popular Vote"),
    entry_id=OTHER_ENTRY,
    title=words("บ้านปลอดภัยวัยเกษียณ", "Safe homes for the old"),
    applicant_name="องค์การบริหารส่วนตำบลตัวอย่าง",
    votes=4_210,
)
_SLOT = {"contest_id": CONTEST, "slot_id": SlotId("2022-08-11-03"), "entry_id": ENTRY}
_OF_JUDGE = {"contest_id": CONTEST, "judge_id": JUDGE, "contact_id": JUDGE_CONTACT}
_MEETING = "https://meet.invalid/smart-city-2022"

SCORING: tuple[Event, ...] = (
    scoring.JudgeInvited(**_OF_JUDGE, revision=1, category_ids=(MOBILITY,), invited_at=at(7, 25)),
    scoring.JudgeAccepted(**_OF_JUDGE, revision=2, accepted_at=at(7, 26)),
    scoring.JudgeAssigned(
        **_OF_JUDGE,
        revision=3,
        round=scoring.Round.FIRST,
        entry_ids=(ENTRY, OTHER_ENTRY),
        due_at=at(8, 4, 10),
        assigned_at=at(8, 1),
    ),
    scoring.JudgeRecused(
        **_OF_JUDGE,
        revision=4,
        entry_id=OTHER_ENTRY,
        conflict=scoring.ConflictKind.PROVINCE,
        recused_at=at(8, 2),
    ),
    scoring.ScoreRecorded(
        contest_id=CONTEST,
        entry_id=ENTRY,
        judge_id=JUDGE,
        round=scoring.Round.FIRST,
        revision=1,
        scores=_SCORES,
        total=86,
        recorded_at=at(8, 3),
    ),
    scoring.ScoreAmended(
        contest_id=CONTEST,
        entry_id=ENTRY,
        judge_id=JUDGE,
        round=scoring.Round.FIRST,
        revision=2,
        scores=(*_SCORES[:3], scoring.DimensionScore(dimension_id=DimensionId("sustain"), points=18)),
        total=87,
        reason="พบหลักฐานความยั่งยืนเพิ่มเติม",
        amended_at=at(8, 4),
    ),
    scoring.ShortlistPublished(
        contest_id=CONTEST,
        revision=1,
        finalists=(
            scoring.Finalist(
                entry_id=ENTRY,
                category_id=MOBILITY,
                title=words("รถเมล์ตรงเวลา", "Buses on time"),
                applicant_name="เทศบาลเมืองตัวอย่าง",
                province_code="96",
                summary=words("ป้ายรถเมล์บอกเวลาจริง", "Stops show real arrival times"),
                rank=1,
            ),
        ),
        not_selected=(OTHER_ENTRY,),
        approved_by=(STAFF, APPROVER),
        published_at=at(8, 5),
    ),
    scoring.PresentationScheduled(
        **_SLOT,
        revision=1,
        starts_at=at(8, 11, 3, 40),
        ends_at=at(8, 11, 4),
        meeting_url=_MEETING,
        scheduled_at=at(8, 6),
    ),
    scoring.PresentationMoved(
        **_SLOT,
        revision=2,
        starts_at=at(8, 11, 4),
        ends_at=at(8, 11, 4, 20),
        meeting_url=_MEETING,
        previous_starts_at=at(8, 11, 3, 40),
        reason="ผู้นำเสนอติดราชการ",
        moved_at=at(8, 8),
    ),
    scoring.ApprovalAwaited(
        contest_id=CONTEST,
        decision=scoring.DecisionName.WINNERS,
        proposal=1,
        signatures=1,
        waits_on_others_than=(STAFF,),
        awaited_at=at(8, 12),
    ),
    scoring.WinnersCertified(
        contest_id=CONTEST, revision=1, awards=_AWARDS, certified_by=(STAFF, APPROVER), certified_at=at(8, 12)
    ),
    scoring.ResultsPublished(
        contest_id=CONTEST,
        revision=1,
        awards=(*_AWARDS, _POPULAR),
        approved_by=(STAFF, APPROVER),
        published_at=at(8, 15),
    ),
)
