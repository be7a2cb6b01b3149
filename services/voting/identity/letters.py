"""What is written to somebody who asked for a code."""

from dataclasses import dataclass

from shared.contracts.rulebook import Rulebook


@dataclass(frozen=True, slots=True)
class Letter:
    """A code in words: as an e-mail, and as a short message of at most 70 characters a part."""

    subject: str
    text: str
    short: str


def letter(rulebook: Rulebook, code: str, language: str) -> Letter:
    """The message that carries ``code``, in the reader's language first."""
    shown = f"{code[:3]} {code[3:]}"
    name_th, name_en = rulebook.name.th, rulebook.name.in_language("en")
    thai = (
        f"รหัสสำหรับโหวต {name_th} ของคุณคือ\n\n    {shown}\n\n"
        "ใช้ได้ 10 นาที และใช้ได้ครั้งเดียว อย่าบอกรหัสนี้แก่ผู้อื่น\n"
        "หากคุณไม่ได้ขอรหัสนี้ ไม่ต้องทำอะไร ไม่มีใครโหวตแทนคุณได้หากไม่มีรหัส"
    )
    english = (
        f"Your code to vote in {name_en} is\n\n    {shown}\n\n"
        "It is valid for 10 minutes and works once. Do not tell it to anyone.\n"
        "If you did not ask for it, do nothing: nobody can vote for you without it."
    )
    parts = (english, thai) if language == "en" else (thai, english)
    subject = f"{shown} is your voting code" if language == "en" else f"{shown} คือรหัสโหวตของคุณ"
    short = (
        f"{code} is your voting code, valid for 10 minutes. Tell it to nobody."
        if language == "en"
        else f"{code} คือรหัสโหวต ใช้ได้ 10 นาที อย่าบอกรหัสนี้แก่ผู้อื่น"
    )
    return Letter(subject, "\n\n––––\n\n".join(parts) + "\n", short)
