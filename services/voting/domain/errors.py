"""What can stand between a voter and a counted vote, and what to do about it."""

from shared.errors import Conflict, Forbidden, Gone, Invalid, NotFound, TooMany, Unavailable


class BallotRefused(Forbidden):
    """The ballot token is not one of ours."""

    code = "ballot-refused"

    def __init__(self) -> None:
        super().__init__(
            "บัตรลงคะแนนนี้ใช้ไม่ได้ โปรดยืนยันอีเมลใหม่อีกครั้ง",
            "This ballot is not valid. Confirm your e-mail address again to get one.",
            field="ballot",
        )


class VoteNotOpen(Conflict):
    code = "vote-not-open"

    def __init__(self) -> None:
        super().__init__(
            "ยังไม่เปิดให้โหวต โปรดกลับมาใหม่เมื่อถึงเวลาเปิด",
            "The vote has not opened yet. Come back when it does.",
        )


class VoteClosed(Gone):
    code = "vote-closed"

    def __init__(self) -> None:
        super().__init__(
            "ปิดโหวตแล้ว ระบบไม่ได้รับเสียงที่ส่งครั้งนี้ หากครั้งก่อนยังไม่ได้รับการยืนยัน ให้ค้นด้วยใบรับของครั้งนั้น",
            "The vote has closed; this attempt was not taken. If an earlier one was not confirmed, "
            "look up its receipt.",
        )


class NotOnBallot(Invalid):
    code = "not-on-ballot"

    def __init__(self) -> None:
        super().__init__(
            "ไม่มีผลงานนี้ในรายการโหวต โปรดเลือกใหม่จากรายการ",
            "This entry is not on the ballot. Choose one from the list.",
            field="entry_id",
        )


class EntryLeft(Invalid):
    code = "entry-withdrawn"

    def __init__(self) -> None:
        super().__init__(
            "ผลงานนี้ถอนตัวแล้ว โปรดเลือกผลงานอื่น หากเคยส่งแล้วยังไม่ได้รับการยืนยัน ให้ค้นด้วยใบรับของครั้งนั้นก่อน",
            "This entry has been withdrawn. Choose another one; if an earlier attempt was not confirmed, "
            "look up its receipt first.",
            field="entry_id",
        )


class TooBusy(Unavailable):
    """Shed before anything was sent."""

    code = "too-busy"

    def __init__(self) -> None:
        super().__init__(
            "มีผู้โหวตพร้อมกันจำนวนมาก ระบบยังไม่ได้รับเสียงที่ส่งครั้งนี้ โปรดลองใหม่ในอีกสักครู่",
            "Many people are voting right now and this attempt was not taken. Try again in a moment.",
            retry_after=1,
        )


class MayBeRecorded(Unavailable):
    """The log did not confirm in time. ``receipt`` finds the vote if it was recorded all the same."""

    code = "may-be-recorded"

    def __init__(self, receipt: str) -> None:
        super().__init__(
            "ระบบยังไม่ยืนยันการบันทึก เสียงนี้อาจบันทึกแล้ว ส่งซ้ำได้โดยปลอดภัย จะนับเพียงครั้งเดียว ใบรับนี้ใช้ค้นได้ว่าบันทึกแล้วหรือไม่",
            "The vote was not confirmed in time and may have been recorded. "
            "Retrying with the same key is safe: it counts once. If it was recorded, its receipt finds it.",
            retry_after=2,
        )
        self.receipt = receipt
        self.members = {"receipt": receipt}


class WrongCode(Invalid):
    code = "wrong-code"

    def __init__(self) -> None:
        super().__init__(
            "รหัสไม่ถูกต้อง ตรวจตัวเลขในข้อความล่าสุดแล้วพิมพ์ใหม่",
            "That is not the code. Check the digits in the newest message and type them again.",
            field="code",
        )


class CodeExpired(Invalid):
    code = "code-expired"

    def __init__(self) -> None:
        super().__init__(
            "รหัสนี้หมดอายุหรือใช้ไปแล้ว โปรดขอรหัสใหม่",
            "This code has expired or was used already. Ask for a new one.",
            field="code",
        )


class CodeExhausted(TooMany):
    code = "code-exhausted"

    def __init__(self) -> None:
        super().__init__(
            "พิมพ์รหัสผิดครบ 5 ครั้งแล้ว โปรดขอรหัสใหม่",
            "The code was wrong five times. Ask for a new one.",
            retry_after=1,
            field="code",
        )


class TooManyCodes(TooMany):
    code = "too-many-codes"

    def __init__(self, minutes: int) -> None:
        super().__init__(
            f"ขอรหัสครบ 3 ครั้งในหนึ่งชั่วโมงแล้ว โปรดลองใหม่ในอีก {minutes} นาที",
            f"Three codes were sent within an hour. Try again in {minutes} minutes.",
            retry_after=minutes * 60,
            field="email",
        )


class NotAnAddress(Invalid):
    code = "not-an-address"

    def __init__(self) -> None:
        super().__init__(
            "อีเมลนี้ไม่ถูกต้อง ตรวจตัวสะกด เช่น somchai@example.go.th",
            "This is not an e-mail address. Check its spelling, for example somchai@example.go.th.",
            field="email",
        )


class AddressRefused(Invalid):
    """The mail server will never take a message to the address."""

    code = "address-refused"

    def __init__(self) -> None:
        super().__init__(
            "เซิร์ฟเวอร์อีเมลปลายทางไม่รับข้อความถึงที่อยู่นี้ ตรวจตัวสะกด หรือใช้อีเมลอื่น",
            "The mail server takes no message to this address. Check its spelling, or use another one.",
            field="email",
        )


class NumberRefused(Invalid):
    """The gateway will never take a message to the number."""

    code = "number-refused"

    def __init__(self) -> None:
        super().__init__(
            "ส่งข้อความถึงหมายเลขนี้ไม่ได้ ตรวจตัวเลข หรือใช้หมายเลขอื่น",
            "No message can be sent to this number. Check its digits, or use another one.",
            field="email",
        )


class NotSentInTime(Gone):
    """Nobody took messages for so long that the code was given up."""

    code = "code-not-sent"

    def __init__(self) -> None:
        super().__init__(
            "ระบบส่งข้อความขัดข้องนานเกินไป รหัสนี้จึงไม่ได้ส่งออกไป ไม่ได้เกิดจากอีเมลหรือหมายเลขของคุณ โปรดขอรหัสใหม่",
            "No message could be sent for too long, so your code never left. "
            "Your address or number is not the cause: ask for a new code.",
        )


class DisposableAddress(Invalid):
    code = "disposable-address"

    def __init__(self) -> None:
        super().__init__(
            "กติกาไม่รับอีเมลชั่วคราว โปรดใช้อีเมลที่คุณใช้ประจำ",
            "The rules refuse disposable addresses. Use a mailbox of your own.",
            field="email",
        )


class NotAPhone(Invalid):
    code = "not-a-phone"

    def __init__(self) -> None:
        super().__init__(
            "หมายเลขนี้ไม่ใช่โทรศัพท์มือถือ พิมพ์ 10 หลัก เช่น 081 234 5678",
            "This is no mobile number. Type its 10 digits, such as 081 234 5678; abroad begin with +.",
            field="email",
        )


class UnknownCode(NotFound):
    """There is no code with that id."""

    code = "unknown-code"

    def __init__(self) -> None:
        super().__init__("ไม่มีคำขอรหัสนี้ โปรดขอรหัสใหม่", "There is no such code. Ask for a new one.")


class OtherIdentity(Conflict):
    """The rulebook identifies voters in another way."""

    code = "other-identity"

    def __init__(self) -> None:
        super().__init__(
            "กติกาของการประกวดนี้ยืนยันตัวผู้ลงคะแนนด้วยวิธีอื่น เริ่มใหม่จากหน้าโหวต",
            "The rules of this contest identify voters in another way. Start again from the vote page.",
        )


class SignInFailed(Invalid):
    """The provider did not confirm who somebody is, or its answer could not be believed."""

    code = "sign-in-failed"

    def __init__(self, reason: str) -> None:
        super().__init__(
            "ยืนยันตัวตนกับผู้ให้บริการไม่สำเร็จ โปรดลองใหม่อีกครั้ง",
            f"The provider did not confirm who you are ({reason}). Please try again.",
        )


class ProviderAway(Unavailable):
    """The identity provider or the telephone gateway does not answer."""

    code = "provider-away"

    def __init__(self) -> None:
        super().__init__(
            "ผู้ให้บริการยืนยันตัวตนไม่ตอบ โปรดลองใหม่ในอีกหนึ่งนาที",
            "The identity provider does not answer. Try again in a minute.",
            retry_after=60,
        )


class BadProof(Invalid):
    """The puzzle's answer is wrong, too old, of another network, or was used before."""

    code = "bad-proof"

    def __init__(self) -> None:
        super().__init__(
            "คำตอบของโจทย์ตรวจสอบใช้ไม่ได้แล้ว โปรดโหลดหน้าใหม่แล้วลองอีกครั้ง",
            "The answer to the check is wrong, too old or used. Load the page again and retry.",
            field="proof",
        )


class TooManyWaiting(Unavailable):
    """The queue of codes is full."""

    code = "codes-too-busy"

    def __init__(self) -> None:
        super().__init__(
            "มีผู้ขอรหัสจำนวนมากเกินกว่าจะส่งทัน คำขอนี้ยังไม่ได้รับไว้ โปรดลองใหม่ในอีกไม่กี่นาที",
            "More people ask for codes than can be sent; you are not queued. Try again in a few minutes.",
            retry_after=120,
        )


class IdentityDestroyed(Gone):
    """The contest's identity keys were destroyed after its appeal period."""

    code = "identity-destroyed"

    def __init__(self) -> None:
        super().__init__(
            "กุญแจข้อมูลตัวตนของการประกวดนี้ถูกทำลายแล้วหลังพ้นระยะทักท้วง",
            "The identity keys of this contest were destroyed after its appeal period.",
        )


class UnknownReceipt(NotFound):
    code = "unknown-receipt"

    def __init__(self) -> None:
        super().__init__(
            "ไม่มีใบรับหมายเลขนี้ ตรวจตัวอักษรแล้วลองใหม่ เช่น 7KQ2-M9XD-4TBA",
            "There is no such receipt. Check its letters, as in 7KQ2-M9XD-4TBA.",
            field="receipt",
        )


class NoSuchHead(NotFound):
    code = "unknown-head"

    def __init__(self) -> None:
        super().__init__(
            "ไม่มีบันทึกลงลายมือชื่อฉบับนี้ ดูฉบับที่มีได้จากรายการ",
            "There is no such signed head, or not in this order. See the list for those that exist.",
        )


class NotSignedYet(Conflict):
    """The record is on the log; the next signed head will cover it."""

    code = "not-signed-yet"

    def __init__(self) -> None:
        super().__init__(
            "เสียงนี้ยังไม่อยู่ในบันทึกที่ลงลายมือชื่อ ระบบลงลายมือชื่อทุกไม่เกิน 5 วินาที โปรดลองใหม่อีกครั้ง",
            "No signed head covers this vote yet. One is signed every few seconds: try again in a moment.",
        )


class NotInTree(Conflict):
    """The tree has another record where this one should be."""

    code = "not-in-tree"

    def __init__(self) -> None:
        super().__init__(
            "บันทึกที่ลงลายมือชื่อไม่มีเสียงนี้ในตำแหน่งที่ควรอยู่ โปรดแจ้งผู้จัดพร้อมหมายเลขใบรับ "
            "(ในการซ้อม เกิดได้เมื่อเริ่มตัวกลางข้อความใหม่)",
            "The signed tree does not have this vote where it should be. Tell the organiser, with the "
            "receipt. (In a rehearsal this follows when its broker was started anew.)",
        )


class OpeningsRefused(Forbidden):
    code = "openings-refused"

    def __init__(self) -> None:
        super().__init__(
            "ยังไม่มีผู้อนุมัติให้คุณเปิดข้อผูกมัดของการโหวตนี้ ขออนุญาตจากผู้อนุมัติก่อน",
            "No approver has let you open this contest's commitments. Ask one first.",
        )


class NeedsAnotherPerson(Forbidden):
    code = "needs-another-person"

    def __init__(self) -> None:
        super().__init__(
            "คุณเลือกไว้แล้ว ต้องเป็นผู้อนุมัติอีกคนที่ยืนยัน หากเปลี่ยนใจให้ถอนการเลือกก่อน",
            "You have chosen already; another approver has to confirm. Take your choice back to change it.",
        )


class CaseChanged(Conflict):
    """The case is not what the approver saw."""

    code = "case-changed"


class CaseDecided(Conflict):
    code = "case-decided"

    def __init__(self) -> None:
        super().__init__(
            "สองคนตัดสินกลุ่มนี้ไปแล้ว เปลี่ยนไม่ได้",
            "Two people have decided this case already; it cannot be changed.",
        )


class ResultCertified(Conflict):
    code = "result-certified"

    def __init__(self) -> None:
        super().__init__(
            "รับรองผลแล้ว คะแนนเปลี่ยนไม่ได้อีก",
            "The result is certified; no vote changes any more.",
        )


class ReportTooEarly(Conflict):
    code = "report-too-early"

    def __init__(self) -> None:
        super().__init__(
            "รายงานการตรวจความผิดปกติเผยแพร่หลังปิดโหวต",
            "The report on suspicious votes is published once the vote has closed.",
        )
