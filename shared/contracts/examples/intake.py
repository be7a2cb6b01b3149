"""Examples of intake's events."""

from typing import Any

from shared.contracts import intake
from shared.contracts.event import Event
from shared.contracts.examples.rules import RULEBOOK
from shared.contracts.examples.scene import APPLICANT, CONTEST, ENTRY, MOBILITY, OTHER_ENTRY, STAFF, at, words
from shared.contracts.ids import RegistrationId

_ENTRY_CONTENT: dict[str, Any] = {
    "contest_id": CONTEST,
    "entry_id": ENTRY,
    "reference": "SC65-0017",
    "contact_id": APPLICANT,
    "applicant": intake.Applicant(name="เทศบาลเมืองตัวอย่าง", kind="municipality", province_code="96"),
    "category_id": MOBILITY,
    "title": words("รถเมล์ตรงเวลา", "Buses on time"),
    "summary": words("ป้ายรถเมล์บอกเวลาจริงด้วยข้อมูลจากรถทุกคัน", "Stops show real arrival times from every bus"),
    "operating_since": "2021-06-01",
    "sections": (
        intake.EntrySection(id="origin", heading=words("ที่มา", "Origin"), text="ผู้โดยสารรอนานและไม่รู้เวลารถ"),
    ),
    "attachments": (
        intake.Attachment(
            attachment_id="0181b2f1-0000-7000-8000-000000000001",
            name="ผลการดำเนินงาน.pdf",
            media_type="application/pdf",
            size=182_400,
            sha256="9f" * 32,
        ),
    ),
}
_OF_ENTRY = {"contest_id": CONTEST, "entry_id": ENTRY, "contact_id": APPLICANT, "reference": "SC65-0017"}

INTAKE: tuple[Event, ...] = (
    intake.ContestPublished(
        contest_id=CONTEST,
        revision=1,
        rulebook=RULEBOOK,
        rulebook_sha256=RULEBOOK.sha256(),
        sealed_at=at(6, 17),
    ),
    intake.ContestAmended(
        contest_id=CONTEST,
        revision=2,
        rulebook=(_AMENDED := RULEBOOK.model_copy(update={"number": 2})),
        rulebook_sha256=_AMENDED.sha256(),
        changed=("milestones.briefing.ends_at",),
        reason=words("เวลาสิ้นสุดการชี้แจงตามหนังสือเชิญ", "The briefing ends when the invitation says"),
        amended_at=at(6, 24),
    ),
    intake.ContactUpserted(
        contest_id=CONTEST,
        contact_id=APPLICANT,
        revision=1,
        name="ชื่อ สมมติ",
        email="applicant@example.invalid",
        organisation="เทศบาลเมืองตัวอย่าง",
        position="นายกเทศมนตรีเมืองตัวอย่าง",
        province_code="96",
        roles=(intake.Role.APPLICANT,),
        language="th",
        sessions_valid_from=at(7, 4),
    ),
    intake.BriefingRegistered(
        contest_id=CONTEST,
        registration_id=(_REGISTRATION := RegistrationId("0181a900-0000-7e00-8000-000000000001")),
        revision=1,
        contact_id=APPLICANT,
        attends_as=intake.Attendance.REPRESENTATIVE,
        organisation="เทศบาลเมืองตัวอย่าง",
        province_code="96",
        registered_at=at(6, 28),
    ),
    intake.BriefingCancelled(
        contest_id=CONTEST,
        registration_id=_REGISTRATION,
        revision=2,
        contact_id=APPLICANT,
        cancelled_at=at(6, 30),
    ),
    intake.EntryStarted(
        contest_id=CONTEST,
        entry_id=ENTRY,
        revision=1,
        contact_id=APPLICANT,
        category_id=MOBILITY,
        started_at=at(7, 4),
    ),
    intake.EntrySubmitted(**_ENTRY_CONTENT, revision=2, submitted_at=at(7, 20)),
    intake.EntryReturned(
        **_OF_ENTRY,
        revision=3,
        reasons=(
            intake.EntryReason(
                code="missing-evidence",
                text=words("โปรดแนบผลการดำเนินงาน", "Attach the results"),
                field="attachments",
            ),
        ),
        returned_at=at(7, 21),
    ),
    intake.EntryAmended(**_ENTRY_CONTENT, revision=4, amended_at=at(7, 22), submitted_at=at(7, 20)),
    intake.EntryScreened(**_OF_ENTRY, revision=5, accepted=True, screened_by=STAFF, screened_at=at(8, 1)),
    intake.EntryWithdrawn(
        contest_id=CONTEST,
        entry_id=OTHER_ENTRY,
        revision=3,
        contact_id=APPLICANT,
        reference="SC65-0018",
        reason="ปรับปรุงระบบอยู่",
        withdrawn_at=at(7, 25),
    ),
)
