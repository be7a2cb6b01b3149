"""A letter as a plain, readable page: the same words as the PDF, in its order."""

from dataclasses import dataclass
from typing import Any

from services.notify.contest_files import Profile
from services.notify.domain.letters import Addressee
from services.notify.domain.texts import fill
from services.notify.letter_texts import LetterTemplate
from services.notify.letters.compose import HEADING, Numbered, dated
from shared.contracts.notify import LetterKind
from shared.thai.dates import letter_date

Json = dict[str, Any]
_CLOSED = {"external": "ขอแสดงความนับถือ"}


@dataclass(frozen=True, slots=True)
class Reading:
    """What the page shows, in reading order."""

    draft: bool
    heading: str
    """Of announcements, orders, minutes and memoranda; empty for a letter."""
    urgency: str
    number: str
    sender: tuple[str, ...]
    date: str
    labels: tuple[tuple[str, tuple[str, ...]], ...]
    """เรื่อง, เรียน, อ้างถึง, สิ่งที่ส่งมาด้วย, each with its lines; empty ones are left out."""
    heads: tuple[str, ...]
    lists: tuple[Json, ...]
    paragraphs: tuple[tuple[bool, str], ...]
    """(is a heading, text)."""
    table: Json
    after: tuple[tuple[bool, str], ...]
    given: str
    closing: str
    signers: tuple[tuple[str, ...], ...]
    owner: tuple[str, ...]
    codes: tuple[Json, ...]


def reading_of(
    template: LetterTemplate,
    profile: Profile,
    content: Json,
    numbered: Numbered,
    addressee: Addressee | None = None,
) -> Reading:
    """The letter's words in the order in which a screen reader should say them."""
    post = addressee.post if addressee else template.to_all
    headed = template.layout in ("announcement", "minutes")
    signer = template.signer or profile.signer
    number = f"{template.number_label} {numbered.number}".strip() if headed else f"ที่ {numbered.number}"
    labels = (
        ("เรื่อง", (content["subject"],)),
        ("เรียน", (fill(content["to"], {"to.post": post}),) if content["to"] else ()),
        ("อ้างถึง", tuple(content["references"])),
        (
            "สิ่งที่ส่งมาด้วย",
            tuple(f"{each['text']} {each['copies']}".strip() for each in content["enclosures"]),
        ),
    )
    signature: Json = content.get("signature") or {}
    signers = [(signer.name, *signer.lines)]
    if signature.get("appointed"):
        signers = [(signature["name"], *signature["lines"])]
    if template.second_signer:
        signers.append((template.second_signer.name, *template.second_signer.lines))
    issued = numbered.issued_at
    return Reading(
        draft=not signature.get("official", profile.complete() and signer.authorised_by),
        heading=_heading(template, profile, content),
        urgency=content["urgency"],
        number="" if headed and not template.number_label else number,
        sender=(profile.name, *profile.sender) if template.layout == "external" else (profile.unit,),
        date=letter_date(issued) if issued and not headed else "",
        labels=tuple((label, lines) for label, lines in labels if lines),
        heads=tuple(content["heads"]),
        lists=tuple(content["lists"]),
        paragraphs=_texts(content["paragraphs"]),
        table=content["table"],
        after=_texts(content["after"]),
        given=f"{template.given_label} {dated(issued)}"
        if issued and template.layout == "announcement"
        else "",
        closing=_CLOSED.get(template.layout, ""),
        signers=tuple(signers),
        owner=profile.owner if template.layout == "external" else (),
        codes=tuple(content["codes"]),
    )


def _heading(template: LetterTemplate, profile: Profile, content: Json) -> str:
    if template.kind is LetterKind.MEMORANDUM:
        return "บันทึกข้อความ"
    if template.layout == "external":
        return ""
    return str(content["heading"]) or f"ประกาศ{profile.name}"


def _texts(paragraphs: list[str]) -> tuple[tuple[bool, str], ...]:
    return tuple((text.startswith(HEADING), text.removeprefix(HEADING)) for text in paragraphs)
