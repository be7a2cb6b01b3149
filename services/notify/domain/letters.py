"""The life of a letter: draft → review → approved → signed → dispatched → acknowledged, bounced or void."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from shared.contracts.notify import LetterKind
from shared.errors import Conflict, Forbidden


class LetterState(StrEnum):
    DRAFT = "draft"
    REVIEW = "review"
    APPROVED = "approved"
    SIGNED = "signed"
    DISPATCHED = "dispatched"
    ACKNOWLEDGED = "acknowledged"
    BOUNCED = "bounced"
    """It reached none of its addressees."""
    VOID = "void"


class Step(StrEnum):
    """What someone does to a letter."""

    EDIT = "edit"
    SUBMIT = "submit"
    RETURN = "return"
    APPROVE = "approve"
    SIGN = "sign"
    NUMBER = "number"
    """The registry gives number and date, where the agency does so after signing."""
    DISPATCH = "dispatch"
    ACKNOWLEDGE = "acknowledge"
    BOUNCE = "bounce"
    VOID = "void"
    ERASE = "erase"
    """The system takes a person out who was erased; the state stays."""


_NEXT: dict[tuple[LetterState, Step], LetterState] = {
    (LetterState.DRAFT, Step.EDIT): LetterState.DRAFT,
    (LetterState.DRAFT, Step.SUBMIT): LetterState.REVIEW,
    (LetterState.REVIEW, Step.EDIT): LetterState.DRAFT,
    (LetterState.REVIEW, Step.RETURN): LetterState.DRAFT,
    (LetterState.REVIEW, Step.APPROVE): LetterState.APPROVED,
    (LetterState.APPROVED, Step.EDIT): LetterState.DRAFT,
    (LetterState.APPROVED, Step.RETURN): LetterState.DRAFT,
    (LetterState.APPROVED, Step.SIGN): LetterState.SIGNED,
    (LetterState.SIGNED, Step.NUMBER): LetterState.SIGNED,
    (LetterState.SIGNED, Step.DISPATCH): LetterState.DISPATCHED,
    (LetterState.DISPATCHED, Step.BOUNCE): LetterState.BOUNCED,
    (LetterState.BOUNCED, Step.DISPATCH): LetterState.DISPATCHED,
    (LetterState.BOUNCED, Step.ACKNOWLEDGE): LetterState.ACKNOWLEDGED,
    (LetterState.REVIEW, Step.VOID): LetterState.VOID,
    (LetterState.BOUNCED, Step.VOID): LetterState.VOID,
    (LetterState.DISPATCHED, Step.ACKNOWLEDGE): LetterState.ACKNOWLEDGED,
    (LetterState.ACKNOWLEDGED, Step.ACKNOWLEDGE): LetterState.ACKNOWLEDGED,
    (LetterState.DRAFT, Step.VOID): LetterState.VOID,
    (LetterState.APPROVED, Step.VOID): LetterState.VOID,
    (LetterState.SIGNED, Step.VOID): LetterState.VOID,
    (LetterState.DISPATCHED, Step.VOID): LetterState.VOID,
}
STATE_NAMES: dict[LetterState, tuple[str, str]] = {
    LetterState.DRAFT: ("ร่าง", "draft"),
    LetterState.REVIEW: ("รอตรวจร่าง", "in review"),
    LetterState.APPROVED: ("อนุมัติร่างแล้ว", "approved"),
    LetterState.SIGNED: ("ลงนามแล้ว", "signed"),
    LetterState.DISPATCHED: ("ส่งแล้ว", "dispatched"),
    LetterState.ACKNOWLEDGED: ("ลงรับครบแล้ว", "acknowledged"),
    LetterState.BOUNCED: ("ตีกลับ", "bounced"),
    LetterState.VOID: ("ยกเลิก", "void"),
}
STEP_NAMES: dict[Step, tuple[str, str]] = {
    Step.EDIT: ("แก้ร่าง", "edited"),
    Step.SUBMIT: ("ส่งตรวจร่าง", "sent to review"),
    Step.RETURN: ("ส่งกลับให้แก้ไข", "returned"),
    Step.APPROVE: ("อนุมัติร่าง", "approved"),
    Step.SIGN: ("ลงนาม", "signed"),
    Step.NUMBER: ("ออกเลขทะเบียน", "numbered"),
    Step.DISPATCH: ("ส่งออก", "dispatched"),
    Step.ACKNOWLEDGE: ("ลงรับ", "acknowledged"),
    Step.BOUNCE: ("ส่งไม่ถึง", "bounced"),
    Step.VOID: ("ยกเลิก", "voided"),
    Step.ERASE: ("ลบข้อมูลบุคคล", "lost a person's data"),
}
_NOTES: dict[str, tuple[str, str]] = {
    "totp": ("ยืนยันด้วยรหัสจากแอป", "by an authenticator's code"),
    "recovery": ("ยืนยันด้วยรหัสสำรอง", "by a recovery code"),
}


def step_note(step: str, note: str, language: str) -> str:
    """What was noted at a step, for people: how it was confirmed, or to how many it went."""
    position = 1 if language == "en" else 0
    if step in (Step.DISPATCH, Step.ACKNOWLEDGE) and note.isdecimal():
        return f"{int(note):,} {('หน่วยงาน', 'office' if note == '1' else 'offices')[position]}"
    return _NOTES[note][position] if step == Step.SIGN and note in _NOTES else note


KIND_NAMES: dict[LetterKind, tuple[str, str]] = {
    LetterKind.EXTERNAL: ("หนังสือภายนอก", "External letter"),
    LetterKind.CIRCULAR: ("หนังสือเวียน", "Circular"),
    LetterKind.MEMORANDUM: ("บันทึกข้อความ", "Memorandum"),
    LetterKind.ANNOUNCEMENT: ("ประกาศ", "Announcement"),
    LetterKind.ORDER: ("คำสั่ง", "Order"),
    LetterKind.CERTIFICATE: ("ใบประกาศนียบัตร", "Certificate"),
    LetterKind.MINUTES: ("รายงานการประชุม", "Minutes"),
}

URGENCY_NAMES: dict[str, str] = {"ด่วน": "Urgent", "ด่วนมาก": "Very urgent", "ด่วนที่สุด": "Most urgent"}
"""ชั้นความเร็ว as English pages call it; letters bear the Thai word."""


def after(state: LetterState, step: Step) -> LetterState:
    """The state that ``step`` leads to.

    Raises:
        Conflict: the step does not fit the state; the text names both.
    """
    following = _NEXT.get((state, step))
    if following is None:
        state_th, state_en = STATE_NAMES[state]
        step_th, step_en = STEP_NAMES[step]
        raise Conflict(
            f"หนังสือนี้อยู่ในสถานะ “{state_th}” จึง{step_th}ไม่ได้ โปรดโหลดหน้าใหม่เพื่อดูสถานะปัจจุบัน",
            f"The letter is {state_en}, so it cannot be {step_en}. Reload it to see where it stands.",
        )
    return following


def may_confirm(authors: Collection[str], person: str) -> None:
    """Nobody approves or signs what they drafted, changed or put forward: a letter needs two persons.

    Raises:
        Forbidden: the person is one of its authors.
    """
    if person in authors:
        raise Forbidden(
            "ผู้ร่างหนังสืออนุมัติหรือลงนามหนังสือของตนเองไม่ได้ ให้ผู้มีอำนาจอีกคนดำเนินการ",
            "Whoever drafted a letter cannot approve or sign it; ask a second person.",
        )


class DispatchState(StrEnum):
    """One addressee of a letter."""

    READY = "ready"
    PRINT = "print"
    """No address is known: it waits in the print queue."""
    SENT = "sent"
    OPENED = "opened"
    ACKNOWLEDGED = "acknowledged"
    PASSED_ON = "passed_on"
    FAILED = "failed"
    BOUNCED = "bounced"
    """The server took it, and it came back."""


DISPATCH_NAMES: dict[DispatchState, tuple[str, str]] = {
    DispatchState.READY: ("รอส่ง", "waiting"),
    DispatchState.PRINT: ("รอพิมพ์", "to be printed"),
    DispatchState.SENT: ("ส่งแล้ว", "sent"),
    DispatchState.OPENED: ("เปิดอ่านแล้ว", "opened"),
    DispatchState.ACKNOWLEDGED: ("ลงรับแล้ว", "acknowledged"),
    DispatchState.PASSED_ON: ("ส่งต่อแล้ว", "passed on"),
    DispatchState.FAILED: ("ส่งไม่สำเร็จ", "failed"),
    DispatchState.BOUNCED: ("ตีกลับ", "bounced"),
}
RECEIVED = frozenset({DispatchState.ACKNOWLEDGED, DispatchState.PASSED_ON})
LOST = frozenset({DispatchState.FAILED, DispatchState.BOUNCED})
"""It did not reach the addressee."""


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom a letter goes to: a post, never a person."""

    code: str
    place: str
    post: str
    email: str = ""
    """Of an office."""
    place_en: str = ""
    contact_id: str = ""
    """Of a contact, who has the address: it is looked up when a mail is written, and goes with them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that the composer points out before a letter is approved."""

    code: str
    th: str
    en: str
    field: str = ""
    blocking: bool = False
