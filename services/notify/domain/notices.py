"""The table of notices: event or date → audience → channel → template → timing. It is the contest's data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum

from shared.contracts.notify import Channel
from shared.contracts.rulebook import MilestoneKind


class Audience(StrEnum):
    """Who is told."""

    SUBJECT = "subject"
    """The person that the event is about."""
    ENTRANT = "entrant"
    """Whoever entered the entry that the event is about."""
    FINALISTS = "finalists"
    NOT_SELECTED = "not_selected"
    WINNERS = "winners"
    ENTRANTS = "entrants"
    """Everyone with an entry that is still in the contest."""
    GUESTS = "guests"
    """Everyone whose briefing registration stands."""
    CONCERNED = "concerned"
    """Everyone with an entry, a briefing registration or a judge's seat, and staff."""
    JUDGES = "judges"
    STAFF = "staff"
    APPROVERS = "approvers"
    SUBSCRIBERS = "subscribers"
    """Other systems: every webhook of the contest that asks for the event."""


AUDIENCE_NAMES: dict[Audience, tuple[str, str]] = {
    Audience.SUBJECT: ("ผู้เกี่ยวข้อง", "the person concerned"),
    Audience.ENTRANT: ("ผู้สมัคร", "the entrant"),
    Audience.FINALISTS: ("ผู้ผ่านรอบแรก", "finalists"),
    Audience.NOT_SELECTED: ("ผู้ไม่ผ่านรอบแรก", "those not selected"),
    Audience.WINNERS: ("ผู้ได้รับรางวัล", "winners"),
    Audience.ENTRANTS: ("ผู้สมัครทุกราย", "every entrant"),
    Audience.GUESTS: ("ผู้ลงทะเบียนรับฟังชี้แจง", "briefing guests"),
    Audience.CONCERNED: ("ทุกคนที่เกี่ยวข้อง", "everyone concerned"),
    Audience.JUDGES: ("กรรมการ", "judges"),
    Audience.STAFF: ("เจ้าหน้าที่", "staff"),
    Audience.APPROVERS: ("ผู้อนุมัติ", "approvers"),
    Audience.SUBSCRIBERS: ("ระบบอื่น", "other systems"),
}
BY_ENTRY = frozenset({Audience.ENTRANT, Audience.FINALISTS, Audience.NOT_SELECTED, Audience.WINNERS})
"""Whoever these mean is told once for each entry, and the text may name it."""


class Timing(StrEnum):
    AT_ONCE = "at_once"
    DIGEST = "digest"
    """Collected, and told in the person's next daily digest."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table."""

    event: str
    audience: Audience
    channel: Channel
    template: str
    condition: str = ""
    """A name that the event's facts must hold, e.g. ``accepted``; empty = always."""
    timing: Timing = Timing.AT_ONCE
    days_before: tuple[int, ...] = ()
    """Calendar days before the date that the event is about; 0 = once it has passed."""
    working_days_before: tuple[int, ...] = ()
    """The same in working days."""
    working_days_after: int = 0
    """How long to wait first, e.g. for an office to acknowledge."""
    of: MilestoneKind | None = None
    """The milestone whose date is meant."""
    at: time | None = None
    """The hour of the daily digest, Bangkok time."""
    review: bool = False
    """Nothing leaves before staff have seen and approved it."""
    reminder: bool = False
    """A person may unsubscribe from it; never from decisions and official letters."""
    urgent: bool = False
    """Goes out in quiet hours too, and before what is not urgent."""
    line: int = 0
    """Where it stands in the file."""


@dataclass(frozen=True, slots=True)
class Told:
    """What an event offers to the texts of its notices, and whom it can mean."""

    about: str
    """In Thai, for the page that shows the table."""
    about_en: str
    facts: frozenset[str] = frozenset()
    entry: bool = False
    """Whether it is about one entry, whose title and reference the text may name."""
    conditions: tuple[str, ...] = ()
    dated: bool = False
    """Whether it comes from the calendar, not from the log."""
    audiences: frozenset[Audience] = field(
        default_factory=lambda: frozenset({Audience.STAFF, Audience.APPROVERS})
    )
    public: bool = False
    """Whether other systems may be told of it."""


def _told(
    about: str,
    about_en: str,
    *audiences: Audience,
    facts: str = "",
    entry: bool = False,
    conditions: tuple[str, ...] = (),
    dated: bool = False,
    public: bool = False,
) -> Told:
    everyone = {Audience.STAFF, Audience.APPROVERS, *audiences}
    if public:
        everyone.add(Audience.SUBSCRIBERS)
    return Told(
        about, about_en, frozenset(facts.split()), entry, conditions, dated, frozenset(everyone), public
    )


A = Audience
_MANY = (A.ENTRANTS, A.CONCERNED, A.JUDGES, A.GUESTS)
_SLOT = "slot.day slot.hours slot.url"
EVENTS: Mapping[str, Told] = {
    "BriefingRegistered": _told("ลงทะเบียนรับฟังชี้แจง", "a briefing registration", A.SUBJECT),
    "BriefingCancelled": _told("ยกเลิกการลงทะเบียน", "a briefing registration is cancelled", A.SUBJECT),
    "BriefingChanged": _told(
        "เปลี่ยนวัน เวลา หรือลิงก์การชี้แจง",
        "the briefing's time or link changes",
        A.SUBJECT,
        facts="amendment.reason",
    ),
    "EntrySubmitted": _told(
        "ได้รับผลงาน",
        "an entry is received",
        A.ENTRANT,
        facts="entry.submitted",
        entry=True,
        conditions=("first", "again"),
    ),
    "EntryAmended": _told("แก้ไขผลงานที่ส่งแล้ว", "a submitted entry is amended", A.ENTRANT, entry=True),
    "EntryReturned": _told("ส่งคืนให้แก้ไข", "an entry is returned", A.ENTRANT, facts="reasons", entry=True),
    "EntryWithdrawn": _told("ถอนผลงาน", "an entry is withdrawn", A.ENTRANT, entry=True),
    "EntryScreened": _told(
        "ผลการตรวจคุณสมบัติ",
        "an entry is screened",
        A.ENTRANT,
        facts="reasons",
        entry=True,
        conditions=("accepted", "refused"),
    ),
    "JudgeInvited": _told("เชิญกรรมการ", "a judge is invited", A.SUBJECT),
    "JudgeAccepted": _told("กรรมการตอบรับ", "a judge accepts", A.SUBJECT, facts="judge.name"),
    "JudgeAssigned": _told(
        "มอบหมายผลงาน", "a judge is assigned entries", A.SUBJECT, facts="judge.count judge.due"
    ),
    "JudgeRecused": _told("กรรมการงดให้คะแนน", "a judge is recused", entry=True),
    "ApprovalAwaited": _told(
        "รอผู้ลงนามคนที่สอง", "a decision waits for its second signature", facts="decision.name"
    ),
    "ShortlistPublished": _told(
        "ประกาศผู้ผ่านรอบแรก", "the shortlist is published", A.FINALISTS, A.NOT_SELECTED, *_MANY, public=True
    ),
    "PresentationScheduled": _told(
        "กำหนดเวลานำเสนอ", "a presentation is scheduled", A.ENTRANT, facts=_SLOT, entry=True, public=True
    ),
    "PresentationMoved": _told(
        "เลื่อนเวลานำเสนอ",
        "a presentation is moved",
        A.ENTRANT,
        facts=f"{_SLOT} slot.before slot.reason",
        entry=True,
        public=True,
    ),
    "VotingOpened": _told("เปิดโหวต", "the vote opens", A.FINALISTS, *_MANY, facts="vote.closes", public=True),
    "VotesHeld": _told("พักคะแนนโหวต", "votes are held", facts="votes.held votes.reason"),
    "ResultsPublished": _told(
        "ประกาศผล", "the results are published", A.WINNERS, A.FINALISTS, *_MANY, public=True
    ),
    "CertificateNameAsked": _told(
        "ขอให้ยืนยันชื่อในใบประกาศนียบัตร",
        "a winner is asked how the name on the certificate is spelt",
        A.ENTRANT,
        facts="certificate.name certificate.award certificate.confirm",
        entry=True,
    ),
    "CertificateIssued": _told(
        "ออกใบประกาศนียบัตร",
        "a certificate is issued",
        A.ENTRANT,
        facts="certificate.serial certificate.award certificate.url",
        entry=True,
    ),
    "ContestAmended": _told(
        "แก้ไขกติกา",
        "the rulebook is amended",
        *_MANY,
        facts="amendment.number amendment.reason amendment.changed",
        public=True,
    ),
    "ApplicationsClosing": _told(
        "ใกล้ปิดรับสมัคร", "applications close soon", A.ENTRANT, facts="days", entry=True, dated=True
    ),
    "JudgeBehind": _told(
        "กรรมการให้คะแนนไม่ครบ",
        "a judge has not scored all",
        A.SUBJECT,
        facts="judge.name judge.missing judge.due days",
        dated=True,
    ),
    "MilestoneNear": _told(
        "ใกล้ถึงกำหนดการ", "a milestone is near", *_MANY, facts="milestone.name milestone.when days", dated=True
    ),
    "DeadlineTight": _told(
        "วันทำการก่อนกำหนดน้อยเกินไป",
        "too few working days before a deadline",
        facts="milestone.name milestone.when milestone.previous days",
        dated=True,
    ),
    "BranchAsleep": _told(
        "หน่วยงานยังไม่ลงรับหนังสือ",
        "an office has not acknowledged a letter",
        facts="letter.number letter.subject branches.count branches.list branches.page",
        dated=True,
    ),
    "DailyDigest": _told(
        "สรุปประจำวัน", "the daily digest", A.SUBJECT, facts="digest.count digest.items digest.day", dated=True
    ),
}
"""Every event or date that the table may name."""


CONDITION_NAMES: dict[str, tuple[str, str]] = {
    "first": ("ครั้งแรก", "for the first time"),
    "again": ("ส่งใหม่", "again"),
    "accepted": ("ผ่าน", "accepted"),
    "refused": ("ไม่ผ่าน", "refused"),
}


class NoticeState(StrEnum):
    COLLECTED = "collected"
    """Waits for the person's next digest."""
    PLANNED = "planned"
    REVIEW = "review"
    BUILT = "built"
    SENT = "sent"
    FAILED = "failed"
    BOUNCED = "bounced"
    """Taken by the server, and sent back later."""
    CANCELLED = "cancelled"
    DISCARDED = "discarded"
    """Staff decided that it is not sent."""
    DIGESTED = "digested"
    """Told as a line of a digest."""


STATE_NAMES: dict[NoticeState, tuple[str, str]] = {
    NoticeState.COLLECTED: ("รอสรุปประจำวัน", "for the digest"),
    NoticeState.PLANNED: ("รอสร้าง", "planned"),
    NoticeState.REVIEW: ("รอตรวจก่อนส่ง", "to be reviewed"),
    NoticeState.BUILT: ("รอส่ง", "waiting"),
    NoticeState.SENT: ("ส่งแล้ว", "sent"),
    NoticeState.FAILED: ("ส่งไม่สำเร็จ", "failed"),
    NoticeState.BOUNCED: ("ตีกลับ", "bounced"),
    NoticeState.CANCELLED: ("ยกเลิก", "cancelled"),
    NoticeState.DISCARDED: ("ไม่ส่ง", "discarded"),
    NoticeState.DIGESTED: ("แจ้งในสรุปประจำวัน", "in a digest"),
}
CHANNEL_NAMES: dict[Channel, tuple[str, str]] = {
    Channel.EMAIL: ("อีเมล", "e-mail"),
    Channel.LETTER: ("หนังสือ", "letter"),
    Channel.WEBHOOK: ("เว็บฮุก", "webhook"),
    Channel.IN_APP: ("ในระบบ", "in the system"),
}
WAITING = (NoticeState.PLANNED, NoticeState.REVIEW, NoticeState.BUILT, NoticeState.COLLECTED)
"""Not yet told, and may still be stopped."""
UNDELIVERED = (NoticeState.FAILED, NoticeState.BOUNCED)
"""Someone must telephone, or mend the address."""
