"""What a letter says: the contest's text, the rulebook's facts and staff's changes make its content;
the content makes the inputs of a Typst template."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.notify.contest_files import CertificateTemplate, ContestFiles, LetterTemplate, Profile, Signer
from services.notify.domain.letters import Addressee
from services.notify.domain.texts import fill, refuse_merge_fields
from services.notify.letters.linebreak import LineBreaker
from services.notify.letters.qr import qr_svg
from shared.clock import BANGKOK
from shared.contracts.notify import LetterKind
from shared.contracts.rulebook import MilestoneKind, Rulebook
from shared.thai.dates import BUDDHIST_ERA, MONTHS, letter_date
from shared.thai.digits import thai_digits

Json = dict[str, Any]
NO_CONTEST_PREFIX = "โครงการ "


def hours(starts_at: datetime, ends_at: datetime) -> str:
    """``๑๓.๓๐ - ๑๕.๐๐ น.``"""
    start, end = starts_at.astimezone(BANGKOK), ends_at.astimezone(BANGKOK)
    return thai_digits(f"{start:%H.%M} - {end:%H.%M} น.")


def dated(instant: datetime) -> str:
    """``๕ สิงหาคม พ.ศ. ๒๕๖๕``, as announcements and certificates write it."""
    local = instant.astimezone(BANGKOK)
    return thai_digits(f"{local.day} {MONTHS[local.month - 1]} พ.ศ. {local.year + BUDDHIST_ERA}")


def contest_facts(rulebook: Rulebook, public_url: str) -> dict[str, str]:
    """What letters may say of the contest, as they write it."""
    facts = {
        "contest.name": rulebook.name.th.removeprefix(NO_CONTEST_PREFIX),
        "contest.theme": rulebook.theme.th,
        "briefing.sign_up": f"{public_url}/briefing",
    }
    for milestone in rulebook.milestones:
        kind = milestone.kind.value
        facts[f"{kind}.day"] = letter_date(milestone.starts_at, weekday=True)
        facts[f"{kind}.date"] = letter_date(milestone.starts_at)
        facts[f"{kind}.hours"] = hours(milestone.starts_at, milestone.ends_at)
        facts[f"{kind}.join"] = milestone.url or f"{public_url}/briefing"
    closing = rulebook.milestone(MilestoneKind.APPLICATIONS)
    facts["applications.closing_day"] = letter_date(closing.ends_at)
    return facts


def compose(
    template: LetterTemplate,
    facts: Mapping[str, str],
    rows: Sequence[Mapping[str, str]],
    overrides: Mapping[str, Any],
) -> Json:
    """The content of a letter: plain texts, without number, date and addressee.

    Raises:
        Invalid: a place without a fact, or a circular that differs from one addressee to the next.
    """
    paragraphs = list(overrides.get("paragraphs") or template.paragraphs)
    subject = overrides.get("subject") or template.subject
    if template.kind is LetterKind.CIRCULAR:
        enclosed = [text for enclosure in template.enclosures for text in (enclosure.text, enclosure.copies)]
        refuse_merge_fields([subject, *paragraphs, *template.after, *template.references, *enclosed])
    return {
        "subject": fill(subject, facts),
        "to": overrides.get("to") or template.to,
        "urgency": overrides.get("urgency", template.urgency),
        "references": [fill(text, facts) for text in template.references],
        "enclosures": [
            {"text": fill(enclosure.text, facts), "copies": fill(enclosure.copies, facts)}
            for enclosure in template.enclosures
        ],
        "paragraphs": [fill(text, facts) for text in paragraphs],
        "after": [fill(text, facts) for text in template.after],
        "codes": [{"caption": code.caption, "url": fill(code.url, facts)} for code in template.codes],
        "columns": [column.model_dump() for column in template.table.columns] if template.table else [],
        "rows": [
            [
                fill(column.value, {f"row.{name}": value for name, value in row.items()})
                for column in template.table.columns
            ]
            for row in rows
        ]
        if template.table
        else [],
    }


@dataclass(frozen=True, slots=True)
class Numbered:
    """What signing adds: the number with Thai digits, and the instant. A draft has neither."""

    number: str = ""
    issued_at: datetime | None = None
    month_of: datetime | None = None
    """For a draft: the month that its date leaves open the day of."""


class Typesetting:
    """Turns content into the inputs of the Typst templates, for one contest."""

    def __init__(self, files: ContestFiles) -> None:
        self.files = files
        self.breaker = LineBreaker([files.glossary])

    def letterhead(self, profile: Profile) -> Json:
        return {
            "layout": profile.layout,
            "name": profile.name,
            "name_en": profile.name_en,
            "emblem": list(self.files.emblem(profile)),
            "emblem_alt": profile.emblem_alt or profile.name,
            "date_axis_mm": profile.date_axis_mm,
        }

    def letter(
        self,
        template: LetterTemplate,
        content: Json,
        numbered: Numbered,
        addressee: Addressee | None = None,
    ) -> Json:
        """The inputs of one letter for one addressee."""
        profile = self.files.profile(template.profile)
        runs = self.breaker.runs
        merge = {"to.post": addressee.post if addressee else template.to_all}
        number = numbered.number or thai_digits(profile.code) + (
            "/ว" if template.kind is LetterKind.CIRCULAR else "/"
        )
        signer = template.signer or profile.signer
        inputs: Json = {
            "title": content["subject"],
            "keywords": [numbered.number] if numbered.number else [],
            "draft": not profile.complete(),
            "letterhead": self.letterhead(profile),
            "subject": runs(content["subject"]),
            "to": runs(fill(content["to"], merge)),
            "number": number,
            "date": _letter_date(numbered),
            "paragraphs": [runs(text) for text in content["paragraphs"]],
            "signer": _signer(signer),
        }
        if template.layout == "external":
            inputs |= {
                "urgency": content["urgency"],
                "sender": list(profile.sender),
                "references": [runs(text) for text in content["references"]],
                "enclosures": [
                    {"text": runs(enclosure["text"]), "copies": enclosure["copies"]}
                    for enclosure in content["enclosures"]
                ],
                "owner": list(profile.owner),
                "codes": [
                    {
                        "svg": qr_svg(code["url"]),
                        "alt": f"QR Code {code['caption']} {code['url']}",
                        "caption": code["caption"],
                        "url": code["url"].removeprefix("https://").removeprefix("http://"),
                    }
                    for code in content["codes"]
                ],
            }
        elif template.layout == "announcement":
            inputs |= {
                "heading": f"ประกาศ{profile.name}",
                "after": [runs(text) for text in content["after"]],
                "given": f"ประกาศ ณ วันที่ {dated(numbered.issued_at)}"
                if numbered.issued_at
                else "ประกาศ ณ วันที่",
                "table": {
                    "columns": content["columns"],
                    "rows": [[{"runs": runs(cell)} for cell in row] for row in content["rows"]],
                },
            }
        else:
            inputs["unit"] = profile.unit
        return inputs

    def certificate(
        self, template: CertificateTemplate, content: Json, issued_at: datetime, verify_url: str
    ) -> Json:
        """The inputs of one certificate; ``content`` has recipient, award, title, serial and code."""
        profile = self.files.profile(template.profile)
        runs = self.breaker.runs
        facts = {
            "award.name": content["award"],
            "award.title": content["title"],
            "contest.name": content["contest"],
        }
        address = f"{verify_url}/{content['code']}"
        return {
            "title": f"{template.name.th} {content['serial']}",
            "keywords": [content["serial"]],
            "draft": not profile.complete(),
            "letterhead": self.letterhead(profile),
            "opening": runs(template.opening),
            "recipient": runs(content["recipient"]),
            "name_size": 40 if len(content["recipient"]) <= 42 else 32,
            "lines": [runs(fill(line, facts)) for line in template.lines],
            "given": f"ให้ไว้ ณ วันที่ {dated(issued_at)}",
            "signer": _signer(profile.signer),
            "serial": content["serial"],
            "verify_at": verify_url.removeprefix("https://").removeprefix("http://"),
            "code": {"svg": qr_svg(address), "alt": f"QR Code {address}"},
            "code_text": content["code"],
        }


def _signer(signer: Signer) -> Json:
    return {"name": signer.name, "lines": list(signer.lines)}


def _letter_date(numbered: Numbered) -> str:
    if numbered.issued_at:
        return letter_date(numbered.issued_at)
    if numbered.month_of:
        local = numbered.month_of.astimezone(BANGKOK)
        # The day stays open in a draft, as it is written by hand when the letter is signed.
        return "\u00a0" * 6 + thai_digits(f"{MONTHS[local.month - 1]} {local.year + BUDDHIST_ERA}")
    return ""
