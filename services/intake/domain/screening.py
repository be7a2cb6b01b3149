"""Why staff return or refuse an entry: coded, so that reasons can be counted and appealed."""

from collections.abc import Mapping
from enum import StrEnum

from shared.contracts.event import LocalizedText


class ScreeningCode(StrEnum):
    OPERATED_TOO_SHORT = "operated_too_short"
    NOT_ELIGIBLE_APPLICANT = "not_eligible_applicant"
    WRONG_CATEGORY = "wrong_category"
    INCOMPLETE = "incomplete"
    EVIDENCE_MISSING = "evidence_missing"
    UNREADABLE_ATTACHMENT = "unreadable_attachment"
    DUPLICATE = "duplicate"
    NO_PUBLIC_SERVICE = "no_public_service"
    OTHER = "other"


REASONS: Mapping[ScreeningCode, LocalizedText] = {
    ScreeningCode.OPERATED_TOO_SHORT: LocalizedText(
        th="ดำเนินการยังไม่ครบ 6 เดือนตามข้อ 1", en="It has run for less than the 6 months of annex §1"
    ),
    ScreeningCode.NOT_ELIGIBLE_APPLICANT: LocalizedText(
        th="ผู้สมัครไม่อยู่ในกลุ่มเป้าหมายตามข้อ 3", en="The applicant is none of those in annex §3"
    ),
    ScreeningCode.WRONG_CATEGORY: LocalizedText(
        th="ผลงานไม่ตรงกับด้านที่สมัคร", en="The entry does not belong to its category"
    ),
    ScreeningCode.INCOMPLETE: LocalizedText(th="ข้อมูลไม่ครบถ้วน", en="Something is missing"),
    ScreeningCode.EVIDENCE_MISSING: LocalizedText(
        th="ไม่มีหลักฐานการให้บริการ", en="There is no evidence of the service"
    ),
    ScreeningCode.UNREADABLE_ATTACHMENT: LocalizedText(
        th="เปิดไฟล์แนบไม่ได้", en="An attachment cannot be opened"
    ),
    ScreeningCode.DUPLICATE: LocalizedText(
        th="ซ้ำกับผลงานอื่นของหน่วยงาน", en="The same as another entry of the agency"
    ),
    ScreeningCode.NO_PUBLIC_SERVICE: LocalizedText(
        th="ไม่ใช่โครงการหรือบริการที่ให้บริการประชาชนตามข้อ 1", en="No service to the public as annex §1 asks"
    ),
    ScreeningCode.OTHER: LocalizedText(th="เหตุผลอื่น", en="Another reason"),
}
