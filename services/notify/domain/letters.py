"""The life of a letter: draft → approved → signed → dispatched → acknowledged, or void."""

from dataclasses import dataclass
from enum import StrEnum

from shared.contracts.notify import LetterKind
from shared.errors import Conflict, Forbidden


class LetterState(StrEnum):
    DRAFT = "draft"
    APPROVED = "approved"
    SIGNED = "signed"
    DISPATCHED = "dispatched"
    ACKNOWLEDGED = "acknowledged"
    VOID = "void"


class Step(StrEnum):
    """What someone does to a letter."""

    EDIT = "edit"
    APPROVE = "approve"
    SIGN = "sign"
    DISPATCH = "dispatch"
    ACKNOWLEDGE = "acknowledge"
    VOID = "void"


_NEXT: dict[tuple[LetterState, Step], LetterState] = {
    (LetterState.DRAFT, Step.EDIT): LetterState.DRAFT,
    (LetterState.DRAFT, Step.APPROVE): LetterState.APPROVED,
    (LetterState.APPROVED, Step.EDIT): LetterState.DRAFT,
    (LetterState.APPROVED, Step.SIGN): LetterState.SIGNED,
    (LetterState.SIGNED, Step.DISPATCH): LetterState.DISPATCHED,
    (LetterState.DISPATCHED, Step.ACKNOWLEDGE): LetterState.ACKNOWLEDGED,
    (LetterState.ACKNOWLEDGED, Step.ACKNOWLEDGE): LetterState.ACKNOWLEDGED,
    (LetterState.DRAFT, Step.VOID): LetterState.VOID,
    (LetterState.APPROVED, Step.VOID): LetterState.VOID,
    (LetterState.SIGNED, Step.VOID): LetterState.VOID,
    (LetterState.DISPATCHED, Step.VOID): LetterState.VOID,
}
STATE_NAMES: dict[LetterState, tuple[str, str]] = {
    LetterState.DRAFT: ("ร่าง", "draft"),
    LetterState.APPROVED: ("อนุมัติร่างแล้ว", "approved"),
    LetterState.SIGNED: ("ลงนามแล้ว", "signed"),
    LetterState.DISPATCHED: ("ส่งแล้ว", "dispatched"),
    LetterState.ACKNOWLEDGED: ("ลงรับครบแล้ว", "acknowledged"),
    LetterState.VOID: ("ยกเลิก", "void"),
}
STEP_NAMES: dict[Step, tuple[str, str]] = {
    Step.EDIT: ("แก้ร่าง", "edited"),
    Step.APPROVE: ("อนุมัติร่าง", "approved"),
    Step.SIGN: ("ลงนามและออกเลข", "signed and numbered"),
    Step.DISPATCH: ("ส่งออก", "dispatched"),
    Step.ACKNOWLEDGE: ("ลงรับ", "acknowledged"),
    Step.VOID: ("ยกเลิก", "voided"),
}
KIND_NAMES: dict[LetterKind, tuple[str, str]] = {
    LetterKind.EXTERNAL: ("หนังสือภายนอก", "External letter"),
    LetterKind.CIRCULAR: ("หนังสือเวียน", "Circular"),
    LetterKind.MEMORANDUM: ("บันทึกข้อความ", "Memorandum"),
    LetterKind.ANNOUNCEMENT: ("ประกาศ", "Announcement"),
    LetterKind.ORDER: ("คำสั่ง", "Order"),
    LetterKind.CERTIFICATE: ("ใบประกาศนียบัตร", "Certificate"),
    LetterKind.MINUTES: ("รายงานการประชุม", "Minutes"),
}


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


def may_confirm(drafted_by: str, person: str) -> None:
    """Nobody approves or signs what they drafted: a letter needs two persons.

    Raises:
        Forbidden: it is the same person.
    """
    if drafted_by == person:
        raise Forbidden(
            "ผู้ร่างหนังสืออนุมัติหรือลงนามหนังสือของตนเองไม่ได้ ให้ผู้มีอำนาจอีกคนดำเนินการ",
            "Whoever drafted a letter cannot approve or sign it; ask a second person.",
        )


class DispatchState(StrEnum):
    """One addressee of a letter."""

    READY = "ready"
    PRINT = "print"
    """No office address is known: it waits in the print queue."""
    SENT = "sent"
    OPENED = "opened"
    ACKNOWLEDGED = "acknowledged"
    PASSED_ON = "passed_on"
    FAILED = "failed"


DISPATCH_NAMES: dict[DispatchState, tuple[str, str]] = {
    DispatchState.READY: ("รอส่ง", "waiting"),
    DispatchState.PRINT: ("รอพิมพ์", "to be printed"),
    DispatchState.SENT: ("ส่งแล้ว", "sent"),
    DispatchState.OPENED: ("เปิดอ่านแล้ว", "opened"),
    DispatchState.ACKNOWLEDGED: ("ลงรับแล้ว", "acknowledged"),
    DispatchState.PASSED_ON: ("ส่งต่อแล้ว", "passed on"),
    DispatchState.FAILED: ("ส่งไม่สำเร็จ", "failed"),
}
RECEIVED = frozenset({DispatchState.ACKNOWLEDGED, DispatchState.PASSED_ON})


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom a letter goes to: a post, never a person."""

    code: str
    place: str
    post: str
    email: str = ""
    place_en: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that the composer points out before a letter is approved."""

    code: str
    th: str
    en: str
    field: str = ""
    blocking: bool = False
