"""Certificates: whom they go to, and the code by which anyone can verify one."""

import secrets
from collections.abc import Iterable
from enum import StrEnum

from shared.contracts.scoring import AwardGiven
from shared.errors import Invalid

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Digits and letters that are not taken for each other on paper."""
CODE_LENGTH = 12


def new_code() -> str:
    """A fresh code, 58 bits of chance: ``7KQ2-M9XD-4TBA``."""
    return grouped("".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH)))


def grouped(code: str) -> str:
    """Groups of four with hyphens."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def normal_code(typed: str) -> str:
    """What someone typed, as it is printed: case, spaces and hyphens do not matter."""
    return grouped(
        "".join(character for character in typed.upper() if character.isascii() and character.isalnum())
    )


def winners(awards: Iterable[AwardGiven]) -> tuple[AwardGiven, ...]:
    """The awards that have a winner, in the order in which they are announced."""
    return tuple(award for award in awards if award.entry_id is not None and award.applicant_name)


class CertificateAct(StrEnum):
    """What is done to a certificate."""

    ASK = "ask"
    CONFIRM = "confirm"
    PROPOSE = "propose"
    SETTLE = "settle"
    ISSUE = "issue"
    REVOKE = "revoke"
    REISSUE = "reissue"


ACT_NAMES: dict[CertificateAct, tuple[str, str]] = {
    CertificateAct.ASK: ("ขอให้ยืนยันการสะกดชื่อ", "asked for the spelling of the name"),
    CertificateAct.CONFIRM: ("ผู้ได้รับรางวัลยืนยันชื่อ", "the winner confirmed the name"),
    CertificateAct.PROPOSE: ("ผู้ได้รับรางวัลขอแก้ชื่อ", "the winner corrected the name"),
    CertificateAct.SETTLE: ("เจ้าหน้าที่รับรองชื่อ", "staff settled the name"),
    CertificateAct.ISSUE: ("ออกใบประกาศนียบัตร", "issued"),
    CertificateAct.REVOKE: ("เพิกถอน", "revoked"),
    CertificateAct.REISSUE: ("ออกแทนฉบับที่เพิกถอน", "issued in place of a revoked one"),
}

LONGEST_NAME = 200


def clean_name(typed: str) -> str:
    """A name as it is printed: one space between words, nothing before or after.

    Raises:
        Invalid: it is empty, too long, or has a control character.
    """
    name = " ".join(typed.split())
    if not name or len(name) > LONGEST_NAME or any(ord(character) < 32 for character in name):
        raise Invalid(
            f"โปรดพิมพ์ชื่อหน่วยงาน ไม่เกิน {LONGEST_NAME} ตัวอักษร",
            f"Type the organisation's name, at most {LONGEST_NAME} characters.",
            field="name",
        )
    return name
