"""What a letter says: the contest's text, the rulebook's facts and staff's changes make its content;
the content makes the inputs of a Typst template."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.notify.contest_files import ContestFiles, Profile
from services.notify.domain.letters import Addressee
from services.notify.domain.texts import MERGE, fill, refuse_merge_fields
from services.notify.letter_texts import CertificateTemplate, Column, LetterTemplate, ListText, Signer
from services.notify.letters.linebreak import LineBreaker
from services.notify.letters.qr import qr_svg
from shared.clock import BANGKOK
from shared.contracts.notify import LetterKind
from shared.contracts.rulebook import MilestoneKind, Rulebook
from shared.thai.dates import BUDDHIST_ERA, MONTHS, letter_date, letter_time
from shared.thai.digits import thai_digits

Json = dict[str, Any]
NO_CONTEST_PREFIX = "โครงการ "
NO_TABLE: Json = {"columns": [], "rows": []}
HEADING = "# "
"""What a paragraph begins with that is a heading."""


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
        facts[f"{kind}.hours"] = letter_time(milestone.starts_at, milestone.ends_at)
        facts[f"{kind}.starts"] = letter_time(milestone.starts_at)
        facts[f"{kind}.ends"] = letter_time(milestone.ends_at)
        facts[f"{kind}.given"] = dated(milestone.starts_at)
        facts[f"{kind}.join"] = milestone.url or f"{public_url}/briefing"
    closing = rulebook.milestone(MilestoneKind.APPLICATIONS)
    facts["applications.closing_day"] = letter_date(closing.ends_at)
    return facts


def row_words(row: Mapping[str, Any], index: int) -> dict[str, str]:
    """A row's texts with its place in the list. A code such as SC65-0001 keeps its digits."""
    return {"index": thai_digits(index)} | {
        name: value for name, value in row.items() if isinstance(value, str)
    }


def row_facts(row: Mapping[str, Any]) -> dict[str, str]:
    """The facts of the row that a letter is about."""
    return {f"row.{name}": value for name, value in row_words(row, 1).items()} if row else {}


def compose(
    template: LetterTemplate,
    facts: Mapping[str, str],
    rows: Mapping[str, Sequence[Mapping[str, str]]],
    overrides: Mapping[str, Any],
) -> Json:
    """The content of a letter: plain texts, without number, date and addressee.

    Args:
        rows: the rows of each source that the template names.
        overrides: what staff changed: ``subject``, ``to``, ``urgency``, ``references``, ``enclosures``
            (``{"text", "copies"}``), ``paragraphs`` and ``after``.

    Raises:
        Invalid: a place without a fact, or a circular that differs from one addressee to the next.
    """
    subject = overrides.get("subject") or template.subject
    paragraphs = list(overrides.get("paragraphs") or template.paragraphs)
    after = list(overrides.get("after", template.after))
    references = list(overrides.get("references", template.references))
    enclosures = overrides.get("enclosures", [each.model_dump() for each in template.enclosures])
    if template.kind is LetterKind.CIRCULAR:
        enclosed = [each[part] for each in enclosures for part in ("text", "copies")]
        refuse_merge_fields([subject, *paragraphs, *after, *references, *enclosed])
    return {
        "subject": fill(subject, facts),
        "to": overrides.get("to") or fill(template.to, {**facts, f"{MERGE}post": f"{{{MERGE}post}}"}),
        "urgency": overrides.get("urgency", template.urgency),
        "heading": fill(template.heading, facts),
        "heads": [fill(text, facts) for text in template.heads],
        "lists": [
            {"heading": each.heading, "items": [_item(each, row) for row in rows[each.source]]}
            for each in template.lists
        ],
        "references": [fill(text, facts) for text in references],
        "enclosures": [
            {"text": fill(each["text"], facts), "copies": fill(each["copies"], facts)} for each in enclosures
        ],
        "paragraphs": [fill(text, facts) for text in paragraphs],
        "after": [fill(text, facts) for text in after],
        "codes": [{"caption": code.caption, "url": fill(code.url, facts)} for code in template.codes],
        "table": table(template.table.columns, rows[template.table.source]) if template.table else NO_TABLE,
    }


def table(columns: Sequence[Column], rows: Sequence[Mapping[str, str]]) -> Json:
    """Columns and the filled cells of ``rows``."""
    return {
        "columns": [column.model_dump(include={"name", "width", "centred"}) for column in columns],
        "rows": [[fill(column.value, row_facts(row)) for column in columns] for row in rows],
    }


def _item(each: ListText, row: Mapping[str, str]) -> Json:
    return {"name": fill(each.name, row_facts(row)), "detail": fill(each.detail, row_facts(row))}


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
            "draft": not (profile.complete() and signer.authorised_by),
            "letterhead": self.letterhead(profile),
            "subject": runs(content["subject"]),
            "to": runs(fill(content["to"], merge)),
            "number": number,
            "date": _letter_date(numbered),
            "paragraphs": self.texts(content["paragraphs"]),
            "table": self.table(content["table"]),
            "after": self.texts(content["after"]),
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
                "codes": [_code(code) for code in content["codes"]],
            }
        elif template.layout == "memorandum":
            inputs["unit"] = profile.unit
        else:
            inputs |= self._headed(template, content, numbered, profile)
        return inputs

    def _headed(self, template: LetterTemplate, content: Json, numbered: Numbered, profile: Profile) -> Json:
        """What announcements, orders and minutes bear at their head and foot."""
        given = f"{template.given_label} {dated(numbered.issued_at)}" if numbered.issued_at else ""
        second = template.second_signer
        return {
            "heading": self.breaker.runs(content["heading"] or f"ประกาศ{profile.name}"),
            "number_line": f"{template.number_label} {numbered.number or '/'}"
            if template.number_label
            else "",
            "given": given or template.given_label,
            "heads": [self.breaker.runs(text) for text in content["heads"]],
            "lists": [
                {
                    "heading": each["heading"],
                    "items": [
                        {part: self.breaker.runs(item[part]) for part in ("name", "detail")}
                        for item in each["items"]
                    ],
                }
                for each in content["lists"]
            ],
            "second_signer": _signer(second) if second else None,
        }

    def texts(self, paragraphs: Sequence[str]) -> list[Json]:
        """Paragraphs and headings as runs."""
        return [
            {
                "heading": text.startswith(HEADING),
                "runs": self.breaker.runs(text.removeprefix(HEADING)),
            }
            for text in paragraphs
        ]

    def table(self, content: Json) -> Json:
        """A table's head and cells as runs."""
        runs = self.breaker.runs
        return {
            "columns": [{**column, "name": runs(column["name"])} for column in content["columns"]],
            "rows": [[{"runs": runs(cell)} for cell in row] for row in content["rows"]],
        }

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


def _code(code: Mapping[str, str]) -> Json:
    return {
        "svg": qr_svg(code["url"]),
        "alt": f"QR Code {code['caption']} {code['url']}",
        "caption": code["caption"],
        "url": code["url"].removeprefix("https://").removeprefix("http://"),
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
