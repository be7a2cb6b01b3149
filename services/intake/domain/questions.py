"""Every decision a contest needs beyond its calendar and its facts, as a question to people.

The keys are the paths of the :class:`~shared.contracts.rulebook.Decision` fields in the rulebook, so
a rule that is added there without a question here fails a test.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from shared.contracts.event import LocalizedText
from shared.contracts.rulebook import (
    ClosingDay,
    DisposableAddresses,
    EmptyCategory,
    ScoringRound,
    TieBreak,
    VoterIdentity,
    VoteScope,
    VotesShown,
)


@dataclass(frozen=True, slots=True)
class RuleQuestion:
    """A question that the contest file must answer. ``kind`` is the type of the answer;
    whole numbers lie between ``least`` and ``most``."""

    th: str
    en: str
    kind: Any
    least: int = 0
    most: int = 0


QUESTIONS: Mapping[str, RuleQuestion] = {
    "closing_day": RuleQuestion(
        "วันปิดรับที่ไม่ใช่วันทำการหมายความว่าอย่างไร",
        "What does a closing day that is no working day mean?",
        ClosingDay,
    ),
    "eligibility.operated_until": RuleQuestion(
        "นับระยะเวลาดำเนินการ (6 เดือน) ถึงวันใด", "Up to which day are the months of operation counted?", date
    ),
    "eligibility.entries_per_applicant": RuleQuestion(
        "หน่วยงานหนึ่งส่งได้กี่ผลงาน", "How many entries may one agency send?", int, 1, 1000
    ),
    "eligibility.categories_per_entry": RuleQuestion(
        "ผลงานหนึ่งสมัครได้กี่ด้าน", "In how many categories may one entry compete?", int, 1, 1
    ),
    "judging.judges_per_entry": RuleQuestion(
        "กรรมการกี่คนให้คะแนนผลงานหนึ่ง", "How many judges score one entry?", int, 1, 50
    ),
    "judging.shortlist_per_category": RuleQuestion(
        "รอบแรกคัดเลือกด้านละกี่ผลงาน", "How many entries per category are shortlisted?", int, 1, 100
    ),
    "judging.minimum_total": RuleQuestion("คะแนนขั้นต่ำเท่าใด", "What is the minimum total?", int, 0, 100),
    "judging.second_round": RuleQuestion(
        "คะแนนหลังการนำเสนอแทนคะแนนรอบแรกหรือไม่",
        "Do scores after the presentation replace the first round's?",
        ScoringRound,
    ),
    "judging.tie_break": RuleQuestion("คะแนนเท่ากันตัดสินอย่างไร", "How are ties broken?", tuple[TieBreak, ...]),
    "judging.slot_minutes": RuleQuestion(
        "นำเสนอผลงานละกี่นาที", "How long is one presentation, in minutes?", int, 1, 480
    ),
    "judging.one_award_per_entry": RuleQuestion(
        "ผลงานหนึ่งรับได้เพียงรางวัลเดียวหรือไม่", "May an entry win only one award?", bool
    ),
    "judging.empty_category": RuleQuestion(
        "ด้านที่ไม่มีผู้ควรได้รับรางวัลทำอย่างไร", "What if a category has no worthy winner?", EmptyCategory
    ),
    "judging.appeal_days": RuleQuestion(
        "ทักท้วงผลได้ภายในกี่วัน", "How many days are there to appeal?", int, 0, 365
    ),
    "judging.comments_released": RuleQuestion(
        "เปิดเผยความเห็นของกรรมการแก่ผู้สมัครหรือไม่", "Are judges' comments released to applicants?", bool
    ),
    "voting.who_may_vote": RuleQuestion("ใครโหวตได้", "Who may vote?", LocalizedText),
    "voting.identity": RuleQuestion(
        "ยืนยันผู้ลงคะแนนและออกบัตรอย่างไร", "How is a voter identified and given a ballot?", VoterIdentity
    ),
    "voting.minimum_age": RuleQuestion("ผู้ลงคะแนนอายุขั้นต่ำเท่าใด", "How old must a voter be?", int, 0, 120),
    "voting.scope": RuleQuestion(
        "หนึ่งคนโหวตได้กี่ครั้ง นับอย่างไร", "What does one vote per person mean?", VoteScope
    ),
    "voting.totals_shown": RuleQuestion(
        "ใครเห็นคะแนนระหว่างโหวต", "Who sees totals while the vote is open?", VotesShown
    ),
    "voting.totals_hidden_last_hours": RuleQuestion(
        "ซ่อนคะแนนกี่ชั่วโมงสุดท้าย", "For how many last hours are totals hidden?", int, 0, 720
    ),
    "fraud.hold_at": RuleQuestion(
        "พักคะแนนโหวตไว้ตรวจเมื่อได้กี่แต้มสงสัย",
        "At how many points of suspicion is a vote held?",
        int,
        1,
        17,
    ),
    "fraud.lift": RuleQuestion(
        "ลักษณะหนึ่งต้องพบบ่อยกว่าที่อื่นกี่เท่าจึงผิดสังเกต",
        "How many times as common as elsewhere is conspicuous?",
        int,
        2,
        100,
    ),
    "fraud.network_votes": RuleQuestion(
        "ดูโปรแกรมของเครือข่ายหนึ่งเมื่อโหวตให้ผลงานเดียวกี่เสียง",
        "From how many votes for one entry is a network looked at?",
        int,
        5,
        10000,
    ),
    "fraud.network_entropy": RuleQuestion(
        "โปรแกรมในเครือข่ายเดียวกันคล้ายกันเกินไปเมื่อเอนโทรปีต่ำกว่ากี่บิต (100 = 1.00 บิต)",
        "Below what entropy are a network's programs too alike? (100 = 1.00 bits)",
        int,
        0,
        600,
    ),
    "fraud.agent_votes": RuleQuestion(
        "ดูสัดส่วนของโปรแกรมหนึ่งเมื่อโหวตให้ผลงานเดียวกี่เสียง",
        "From how many votes for one entry is a program looked at?",
        int,
        5,
        10000,
    ),
    "fraud.domain_votes": RuleQuestion(
        "ดูสัดส่วนของโดเมนอีเมลหนึ่งเมื่อโหวตให้ผลงานเดียวกี่เสียง",
        "From how many votes for one entry is a mail domain looked at?",
        int,
        5,
        10000,
    ),
    "fraud.domain_percent": RuleQuestion(
        "โดเมนหนึ่งได้รหัสกี่ร้อยละของชั่วโมงจึงผิดสังเกต",
        "What share of an hour's codes for one mail domain is conspicuous?",
        int,
        5,
        100,
    ),
    "fraud.look_alike_addresses": RuleQuestion(
        "ที่อยู่อีเมลต่างกันเพียงเลขท้ายกี่รายการจึงผิดสังเกต",
        "How many addresses that differ in their last digits only are conspicuous?",
        int,
        5,
        1000,
    ),
    "fraud.look_alike_percent": RuleQuestion(
        "และเลือกผลงานเดียวกันกี่ร้อยละ",
        "And how many per cent of them chose the same entry?",
        int,
        50,
        100,
    ),
    "fraud.fast_seconds": RuleQuestion(
        "โหวตเร็วกว่ากี่วินาทีหลังได้บัตรจึงเร็วเกินอ่าน",
        "Sooner than how many seconds after the ballot is too fast to read?",
        int,
        1,
        60,
    ),
    "fraud.fast_votes": RuleQuestion(
        "ต้องมีเสียงที่เร็วเกินอ่านกี่เสียงในกลุ่มเดียวกัน",
        "How many such fast votes in one group are conspicuous?",
        int,
        5,
        10000,
    ),
    "fraud.rate_votes": RuleQuestion(
        "ดูความเร็วของผลงานหนึ่งเมื่อได้กี่เสียงในสิบนาที",
        "From how many votes in ten minutes is an entry's rate looked at?",
        int,
        10,
        100000,
    ),
    "fraud.rate_factor": RuleQuestion(
        "เร็วกว่าค่ากลางของตนเองในวันก่อนกี่เท่าจึงผิดสังเกต",
        "How many times its own median of the day before is conspicuous?",
        int,
        2,
        1000,
    ),
    "fraud.row_odds": RuleQuestion(
        "กล่องจดหมายเรียงเลขเห็นตรงกันโดยบังเอิญได้น้อยกว่าหนึ่งใน 10 ยกกำลังเท่าใดจึงผิดสังเกต",
        "Agreement of numbered mailboxes is conspicuous below one chance in 10 to which power?",
        int,
        2,
        30,
    ),
    "fraud.people_programs": RuleQuestion(
        "เพื่อนร่วมงานโดเมนเดียวกันใช้โปรแกรมต่างกันกี่บิตจึงถือว่าเป็นคน (100 = 1.00 บิต)",
        "By how many bits must the programs of one mail domain differ to be people's? (100 = 1.00)",
        int,
        0,
        600,
    ),
    "fraud.people_pace": RuleQuestion(
        "คนช้าใช้เวลากี่เท่าของคนเร็วในโดเมนเดียวกันจึงถือว่าเป็นคน (50 = 5.0 เท่า)",
        "How many times as long must the slow of a mail domain take as the quick, to be people? (50 = 5.0)",
        int,
        10,
        1000,
    ),
    "fraud.people_gaps": RuleQuestion(
        "ช่วงห่างระหว่างเสียงของโดเมนเดียวกันแปรผันกี่เท่าของค่าเฉลี่ยจึงถือว่าเป็นคน (60 = 0.60 เท่า)",
        "By how many times their mean must the gaps between votes vary, to be people's? (60 = 0.60)",
        int,
        0,
        1000,
    ),
    "voting.disposable_addresses": RuleQuestion(
        "อีเมลชั่วคราวโหวตได้หรือไม่",
        "May disposable e-mail addresses vote?",
        DisposableAddresses,
    ),
    "certificates.finalists": RuleQuestion(
        "ผู้ผ่านรอบแรกได้รับใบประกาศนียบัตรหรือไม่", "Do finalists get a certificate?", bool
    ),
    "certificates.participants": RuleQuestion(
        "ผู้สมัครทุกรายได้รับใบประกาศนียบัตรหรือไม่", "Do all participants get a certificate?", bool
    ),
}
