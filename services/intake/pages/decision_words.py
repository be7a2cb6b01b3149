"""Decisions in words that people read."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from shared.thai.dates import page_date, page_instant

_WORDS: Mapping[str, tuple[str, str]] = {
    "accepted": ("ยอมรับตามกำหนด", "Accepted as scheduled"),
    "as_written": ("ปิดตามวันที่เขียน", "Closes on the day as written"),
    "next_working_day": ("เลื่อนไปวันทำการถัดไป", "Moves to the next working day"),
    "first_only": ("ใช้คะแนนรอบแรกเท่านั้น", "Only the first round counts"),
    "second_replaces": ("คะแนนหลังการนำเสนอแทนคะแนนรอบแรก", "Scores after the presentation replace the first"),
    "highest_dimension": ("คะแนนมิติที่หนักที่สุดก่อน", "the heaviest dimension"),
    "median_total": ("ค่ามัธยฐานของคะแนนรวม", "the median total"),
    "earliest_submission": ("ส่งก่อน", "earlier submission"),
    "committee_vote": ("มติคณะกรรมการ", "the committee's vote"),
    "no_award": ("ไม่มอบรางวัลในด้านนั้น", "No award in that category"),
    "best_remaining": ("มอบแก่ผลงานที่ดีที่สุดที่เหลือ", "The best remaining entry"),
    "email": ("รหัสทางอีเมล หนึ่งอีเมลต่อหนึ่งบัตร", "A code by e-mail, one ballot per address"),
    "phone": ("รหัสทางโทรศัพท์", "A code by telephone"),
    "oidc": ("บัญชีดิจิทัลของรัฐ", "A government digital identity"),
    "contest": ("หนึ่งคน หนึ่งเสียง ตลอดการประกวด", "One person, one vote in the contest"),
    "category": ("หนึ่งเสียงต่อด้าน", "One vote per category"),
    "day": ("หนึ่งเสียงต่อวัน", "One vote per day"),
    "staff": ("เจ้าหน้าที่เท่านั้น", "Staff only"),
    "public": ("ทุกคน", "Everyone"),
    "refused": ("ไม่รับ", "Refused"),
    "flagged": ("รับ แต่ตรวจเข้มขึ้น", "Let in, and looked at more closely"),
    "public_until": ("ทุกคน จนถึงช่วงท้าย", "Everyone, until the last hours"),
}
_UNITS: Mapping[str, tuple[str, str]] = {
    "eligibility.entries_per_applicant": ("ไม่เกิน {} ผลงาน", "{} at most"),
    "eligibility.categories_per_entry": ("{} ด้าน", "{}"),
    "judging.judges_per_entry": ("{} คน", "{} judges"),
    "judging.shortlist_per_category": ("ด้านละ {} ผลงาน", "{} per category"),
    "judging.minimum_total": ("{} คะแนน", "{} points"),
    "judging.slot_minutes": ("{} นาที", "{} minutes"),
    "judging.appeal_days": ("{} วัน", "{} days"),
    "voting.minimum_age": ("{} ปี", "{} years"),
    "voting.totals_hidden_last_hours": ("{} ชั่วโมง", "{} hours"),
    "fraud.hold_at": ("{} แต้ม", "{} points"),
    "fraud.lift": ("{} เท่า", "{} times"),
    "fraud.network_votes": ("{} เสียง", "{} votes"),
    "fraud.network_entropy": ("{} บิต", "{} bits"),
    "fraud.agent_votes": ("{} เสียง", "{} votes"),
    "fraud.domain_votes": ("{} เสียง", "{} votes"),
    "fraud.domain_percent": ("ร้อยละ {}", "{}%"),
    "fraud.look_alike_addresses": ("{} ที่อยู่", "{} addresses"),
    "fraud.look_alike_percent": ("ร้อยละ {}", "{}%"),
    "fraud.fast_seconds": ("{} วินาที", "{} seconds"),
    "fraud.fast_votes": ("{} เสียง", "{} votes"),
    "fraud.rate_votes": ("{} เสียง", "{} votes"),
    "fraud.rate_factor": ("{} เท่า", "{} times"),
    "fraud.row_odds": ("1 ใน 10 ยกกำลัง {}", "1 in 10 to the power of {}"),
    "fraud.people_programs": ("{} บิต", "{} bits"),
    "fraud.people_pace": ("{} เท่า", "{} times"),
    "fraud.people_gaps": ("{} เท่าของค่าเฉลี่ย", "{} times the mean"),
}
_DECIMALS: Mapping[str, int] = {
    "fraud.network_entropy": 2,
    "fraud.people_programs": 2,
    "fraud.people_pace": 1,
    "fraud.people_gaps": 2,
}
"""Decided in whole tenths or hundredths, read as decimals."""
_YES = {
    True: ("ใช่", "Yes"),
    False: ("ไม่ใช่", "No"),
}
_SPECIAL: Mapping[tuple[str, bool], tuple[str, str]] = {
    ("judging.one_award_per_entry", False): ("รับได้ทั้งสองรางวัล", "It may win both"),
    ("judging.one_award_per_entry", True): ("รับได้รางวัลเดียว", "It may win only one"),
    ("certificates.finalists", True): ("ได้รับ", "Yes"),
    ("certificates.participants", False): ("ไม่ได้รับ", "No"),
}


def spoken_value(key: str, value: Any, language: str) -> str:
    """The value of a decision, in words."""
    at = 1 if language == "en" else 0
    if isinstance(value, bool):
        return _SPECIAL.get((key, value), _YES[value])[at]
    if isinstance(value, datetime):
        return page_instant(value, language)
    if isinstance(value, date):
        return page_date(value, language, long=True)
    if isinstance(value, dict):
        return str(value.get(language) or value.get("th", ""))
    if isinstance(value, list | tuple):
        return " → ".join(spoken_value(key, part, language) for part in value)
    if isinstance(value, int) and key in _UNITS:
        places = _DECIMALS.get(key, 0)
        return _UNITS[key][at].format(f"{value / 10**places:,.{places}f}")
    pair = _WORDS.get(str(value)) if not key.startswith("facts.") else None
    return pair[at] if pair else str(value)
