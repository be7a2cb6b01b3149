"""Who may apply with what (annex §1 and §3), and what a complete entry has."""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from services.intake.domain.contest_file import Section
from services.intake.domain.entry import EntryContent
from shared.contracts.rulebook import EligibilityRules, Rulebook
from shared.errors import Invalid
from shared.thai.dates import page_date
from shared.thai.provinces import known_province


def months_before(day: date, months: int) -> date:
    """The same day ``months`` earlier, or the last day of that month where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def latest_start(rules: EligibilityRules) -> date:
    """The last day on which a service may have begun to run (annex §1: at least 6 months)."""
    return months_before(rules.operated_until.value, rules.operated_months)


def ran_long_enough(rules: EligibilityRules, operating_since: date) -> bool:
    """Whether a service that began on that day has run long enough by the reference date."""
    return operating_since <= latest_start(rules)


def same_applicant(one: str, other: str) -> bool:
    """Whether two names mean the same organisation: white space and case aside."""
    return _squeezed(one) == _squeezed(other)


def _squeezed(name: str) -> str:
    return "".join(name.split()).casefold()


@dataclass(frozen=True, slots=True)
class Completeness:
    """Which parts of an entry are filled in, for the task list."""

    applicant: bool
    project: bool
    sections: dict[str, bool]
    attachments: bool

    def ready(self) -> bool:
        """Whether everything that is required is there."""
        return self.applicant and self.project and all(self.sections.values())


def completeness(
    content: EntryContent, sections: Sequence[Section], rulebook: Rulebook, attachments: int
) -> Completeness:
    """What is filled in, and within the limits."""
    faulty = {fault.field for fault in faults(content, sections, rulebook)}
    return Completeness(
        applicant=faulty.isdisjoint(
            {"applicant_name", "applicant_kind", "province_code", "interest_declared"}
        ),
        project=faulty.isdisjoint({"category_id", "title_th", "summary_th", "operating_since"}),
        sections={section.id: f"sections.{section.id}" not in faulty for section in sections},
        attachments=attachments > 0,
    )


def faults(content: EntryContent, sections: Sequence[Section], rulebook: Rulebook) -> tuple[Invalid, ...]:
    """Everything that keeps an entry from being submitted, each with its field and what to do."""
    return (*_who(content, rulebook), *_what(content, rulebook), *_written(content, sections))


def _who(content: EntryContent, rulebook: Rulebook) -> list[Invalid]:
    found = []
    if not content.applicant_name:
        found.append(Invalid("ระบุชื่อหน่วยงาน", "Give the organisation's name.", field="applicant_name"))
    kinds = {kind.id for kind in rulebook.eligibility.applicant_kinds}
    if content.applicant_kind not in kinds:
        found.append(
            Invalid(
                "เลือกประเภทหน่วยงานตามข้อ 3 ของรายละเอียดโครงการ",
                "Choose the kind of organisation; annex §3 says who may apply.",
                field="applicant_kind",
            )
        )
    if known_province(content.province_code) is None:
        found.append(Invalid("เลือกจังหวัด", "Choose the province.", field="province_code"))
    if not content.interest_declared:
        found.append(
            Invalid(
                "ยืนยันว่าเป็นเขตส่งเสริมเมืองอัจฉริยะ หรือสนใจจะพัฒนาเมืองอัจฉริยะ (ข้อ 3)",
                "Confirm that you are a smart city promotion zone, or want to become one (annex §3).",
                field="interest_declared",
            )
        )
    return found


def _what(content: EntryContent, rulebook: Rulebook) -> list[Invalid]:
    found = []
    if content.category_id not in {category.id for category in rulebook.categories}:
        found.append(Invalid("เลือกด้านที่สมัคร (ข้อ 4)", "Choose the category (annex §4).", field="category_id"))
    if not content.title_th:
        found.append(Invalid("ระบุชื่อผลงานภาษาไทย", "Give the title in Thai.", field="title_th"))
    if not content.summary_th:
        found.append(Invalid("เขียนบทสรุปภาษาไทย", "Write the summary in Thai.", field="summary_th"))
    rules = rulebook.eligibility
    if content.operating_since is None:
        found.append(
            Invalid("ระบุวันที่เริ่มให้บริการ", "Say when the service began to run.", field="operating_since")
        )
    elif not ran_long_enough(rules, content.operating_since):
        last, until = latest_start(rules), rules.operated_until.value
        found.append(
            Invalid(
                f"ผลงานต้องดำเนินการแล้วไม่น้อยกว่า {rules.operated_months} เดือน (ข้อ 1) "
                f"คือเริ่มไม่หลังวันที่ {page_date(last, 'th')} นับถึงวันที่ {page_date(until, 'th')}",
                f"The service must have run for at least {rules.operated_months} months (annex §1): since "
                f"{page_date(last, 'en')} or earlier, counted to {page_date(until, 'en')}.",
                field="operating_since",
            )
        )
    return found


def _written(content: EntryContent, sections: Sequence[Section]) -> list[Invalid]:
    found = []
    for section in sections:
        text = content.sections.get(section.id, "").strip()
        field = f"sections.{section.id}"
        if section.required and not text:
            found.append(
                Invalid(f"เขียนหัวข้อ “{section.heading.th}”", f"Write “{section.heading.en}”.", field=field)
            )
        elif len(text) > section.maximum:
            over = len(text) - section.maximum
            found.append(
                Invalid(
                    f"หัวข้อ “{section.heading.th}” ยาวเกิน {over:,} ตัวอักษร (ไม่เกิน {section.maximum:,})",
                    f"“{section.heading.en}” is {over:,} characters over its limit of {section.maximum:,}.",
                    field=field,
                )
            )
    known = {section.id for section in sections}
    found += [
        Invalid(f"ไม่มีหัวข้อ {key}", f"There is no section called {key}.", field=f"sections.{key}")
        for key in content.sections
        if key not in known
    ]
    return found
