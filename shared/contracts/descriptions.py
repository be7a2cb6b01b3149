"""What each topic and event is, in Thai and English, for people who read the published contract.

The English of an event is its docstring; its Thai stands here, beside the words for topics.
"""

import inspect
from collections.abc import Mapping

from shared.contracts.catalogue import Audience
from shared.contracts.event import Event, LocalizedText

TOPIC_DESCRIPTIONS: Mapping[str, LocalizedText] = {
    "intake.contest.v1": LocalizedText(
        th="กติกาการประกวดฉบับเต็มที่ประกาศใช้ และการแก้ไขทุกครั้งพร้อมเหตุผล",
        en="The whole rulebook as it was sealed, and every numbered amendment with its reason.",
    ),
    "intake.contact.v1": LocalizedText(
        th="ผู้ติดต่อและบทบาท หัวข้อเดียวที่มีข้อมูลส่วนบุคคล ระเบียนว่าง (tombstone) หมายถึงลบบุคคลนั้นแล้ว",
        en="People and their roles: the only personal data. A record without a value erases the person.",
    ),
    "intake.briefing.v1": LocalizedText(
        th="การลงทะเบียนและยกเลิกเข้าร่วมการชี้แจงรายละเอียดโครงการ",
        en="Who signed up for the briefing, and who cancelled.",
    ),
    "intake.entry.v1": LocalizedText(
        th="ผลงานตั้งแต่เริ่มร่าง ส่ง แก้ไข ถอน จนถึงผลการตรวจคุณสมบัติ",
        en="Entries from the first draft to the decision of screening.",
    ),
    "scoring.judge.v1": LocalizedText(
        th="การเชิญกรรมการ การตอบรับ การมอบหมายผลงาน และการงดให้คะแนนเพราะมีส่วนได้เสีย",
        en="Judges: invited, accepted, assigned, recused.",
    ),
    "scoring.score.v1": LocalizedText(
        th="คะแนนของกรรมการแต่ละคนต่อผลงานแต่ละชิ้น แยกตามมิติ",
        en="Every judge's scores of every entry, dimension by dimension.",
    ),
    "scoring.decision.v1": LocalizedText(
        th="ประกาศผู้ผ่านการคัดเลือก กำหนดการนำเสนอ การรับรองผู้ชนะ และการประกาศผล",
        en="Shortlist, presentation schedule, certified winners and published results.",
    ),
    "voting.vote.v1": LocalizedText(
        th="คะแนนโหวตทุกใบตามที่ได้รับ และเครื่องหมายปิดหีบของแต่ละพาร์ทิชัน",
        en="Every ballot as it was received, and the seal that ends each partition.",
    ),
    "voting.tally.v1": LocalizedText(
        th="ยอดโหวตสะสมของผลงานแต่ละชิ้น",
        en="The cumulative count of each entry.",
    ),
    "voting.decision.v1": LocalizedText(
        th="การเปิดและปิดโหวต การพักหรือตัดคะแนน ลายเซ็นรากต้นไม้แฮช และการรับรองผล Popular Vote",
        en="Opening and closing, votes set aside or struck, signed tree heads, the certified Popular Vote.",
    ),
    "notify.delivery.v1": LocalizedText(
        th="หนังสือและใบประกาศนียบัตรที่ออกเลขแล้ว การลงรับ และการแจ้งเตือนที่ส่งสำเร็จหรือไม่สำเร็จ",
        en="Letters and certificates issued and acknowledged; notices sent or failed.",
    ),
}

_EVENT_THAI: Mapping[str, str] = {
    "ContestPublished": "ประกาศใช้กติกาการประกวดแล้ว มีผลผูกพันตั้งแต่บัดนี้",
    "ContestAmended": "แก้ไขกติกา มีเลขลำดับ สิ่งที่เปลี่ยน และเหตุผล",
    "ContactUpserted": "ข้อมูลผู้ติดต่อทั้งหมด ณ ขณะนั้น",
    "BriefingRegistered": "มีผู้ลงทะเบียนเข้าร่วมการชี้แจง ด้วยตนเองหรือส่งผู้แทน",
    "BriefingCancelled": "ผู้ลงทะเบียนแจ้งว่าไม่เข้าร่วม",
    "EntryStarted": "เริ่มร่างผลงาน",
    "EntrySubmitted": "ผู้สมัครส่งผลงาน",
    "EntryAmended": "ผู้สมัครแก้ไขผลงานที่ส่งแล้วก่อนปิดรับสมัคร",
    "EntryReturned": "เจ้าหน้าที่ส่งคืนให้แก้ไขก่อนปิดรับสมัคร",
    "EntryWithdrawn": "ผู้สมัครถอนผลงาน",
    "EntryScreened": "ผลการตรวจคุณสมบัติ ผ่านหรือไม่ผ่าน พร้อมเหตุผล",
    "JudgeInvited": "เชิญเป็นกรรมการ",
    "JudgeAccepted": "กรรมการตอบรับ และแจ้งส่วนได้เสียแล้ว",
    "JudgeAssigned": "รายการผลงานทั้งหมดของกรรมการในรอบนั้น แทนรายการเดิม",
    "JudgeRecused": "กรรมการงดให้คะแนนผลงานนี้ คะแนนที่ให้ไว้ก่อนไม่นับ",
    "ScoreRecorded": "กรรมการส่งคะแนนครั้งแรกของรอบ",
    "ScoreAmended": "กรรมการแก้คะแนนที่ส่งแล้ว ใช้ฉบับที่เลขสูงกว่า",
    "ShortlistPublished": "ประกาศผู้ผ่านการคัดเลือกทุกด้าน โดยมีผู้อนุมัติคนที่สอง",
    "PresentationScheduled": "กำหนดเวลานำเสนอของผลงาน",
    "PresentationMoved": "เลื่อนเวลานำเสนอ",
    "ApprovalAwaited": "มีผู้เสนอหรือลงนามแล้ว รอลายมือชื่อของอีกคน เนื้อหายังไม่เผยแพร่จนกว่าจะประกาศ",
    "WinnersCertified": "รับรองผู้ชนะจากคะแนนกรรมการ โดยเจ้าหน้าที่สองคน",
    "ResultsPublished": "ประกาศผลรางวัลทั้งหมดต่อสาธารณะ",
    "VoteCast": "ได้รับคะแนนโหวตหนึ่งใบ จะนับหรือไม่เป็นเรื่องของการนับคะแนน",
    "VotingSealed": "ปิดหีบของพาร์ทิชันนี้ ใบที่อยู่หลังเครื่องหมายนี้ถือว่ามาช้า",
    "TallyChanged": "ยอดสะสมของผลงาน",
    "VotingOpened": "เปิดโหวต",
    "VotingClosed": "ปิดโหวต ระบุตำแหน่งปิดหีบของทุกพาร์ทิชัน",
    "VotesHeld": "พักคะแนนที่ต้องสงสัยไว้จนกว่าเจ้าหน้าที่สองคนจะตัดสิน",
    "VotesStruck": "ตัดคะแนนที่พักไว้ ไม่นับ",
    "VotesReleased": "คืนคะแนนที่พักไว้ นับตามปกติ",
    "TreeHeadSigned": "ลงลายมือชื่อรากต้นไม้แฮชของทุกพาร์ทิชัน",
    "PopularVoteCertified": "รับรองผล Popular Vote: ได้รับ = นับ + ซ้ำ + ช้า + พัก + ตัด เสมอ",
    "IdentityKeysDestroyed": "ทำลายกุญแจข้อมูลตัวตนของผู้ลงคะแนนแล้ว ไม่มีใครโยงเสียงกับบุคคลได้อีก",
    "LetterIssued": "หนังสือหรือใบประกาศนียบัตรมีเลขที่ วันที่ และไฟล์แล้ว",
    "LetterAcknowledged": "ผู้รับลงรับหนังสือแล้ว",
    "NoticeSent": "ส่งการแจ้งเตือนแล้ว",
    "NoticeFailed": "ส่งการแจ้งเตือนไม่สำเร็จ",
}

AUDIENCE_DESCRIPTIONS: Mapping[Audience, LocalizedText] = {
    Audience.PUBLIC: LocalizedText(th="สาธารณะ", en="public"),
    Audience.PARTNER: LocalizedText(th="หน่วยงานร่วม", en="partners"),
    Audience.INTERNAL: LocalizedText(th="ภายใน", en="internal"),
}


def event_description(event: type[Event]) -> LocalizedText:
    """What ``event`` says, in both languages; the English on one line."""
    english = " ".join((inspect.getdoc(event) or "").split())
    return LocalizedText(th=_EVENT_THAI[event.__name__], en=english)
