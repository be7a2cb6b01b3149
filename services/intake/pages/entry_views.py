"""An entry in words: its task list, and its answers for checking and printing."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.intake.domain.eligibility import Completeness
from services.intake.domain.entry import EntryContent
from services.intake.domain.files import MAXIMUM_FILES
from services.intake.pages.common import Here, province_name
from services.intake.tables import Attachment, Entry
from shared.thai.dates import page_date


@dataclass(frozen=True, slots=True)
class AnswerGroup:
    """A heading and its rows of (term, value, where to change it)."""

    heading: str
    rows: list[tuple[str, str, str]]


def tasks(entry: Entry, found: Here, done: Completeness, files: int, language: str) -> list[dict[str, str]]:
    """The sections of the form and how far each is."""
    english = language == "en"
    base = f"/apply/{entry.entry_id}"

    def task(href: str, title: str, complete: bool, hint: str = "") -> dict[str, str]:
        state = ("Done" if english else "เสร็จแล้ว") if complete else ("To do" if english else "ยังไม่เสร็จ")
        return {
            "href": href,
            "title": title,
            "state": state,
            "kind": "good" if complete else "note",
            "hint": hint,
        }

    found_tasks = [
        task(f"{base}/applicant", "The applicant" if english else "ผู้สมัคร", done.applicant),
        task(f"{base}/project", "The entry" if english else "ผลงาน", done.project),
    ]
    points = {dimension.id: dimension.points for dimension in found.rulebook.rubric}
    for section in found.file.application.sections:
        weight = points.get(section.dimension_id) if section.dimension_id else None  # type: ignore[call-overload]
        hint = f"{weight} {'points of 100' if english else 'คะแนนจาก 100'}" if weight else ""
        found_tasks.append(
            task(
                f"{base}/section/{section.id}",
                section.heading.in_language(language),
                done.sections[section.id],
                hint,
            )
        )
    count = f"{files} / {MAXIMUM_FILES} {'files' if english else 'ไฟล์'}"
    attach = task(f"{base}/files", "Attachments" if english else "ไฟล์แนบ", files > 0, count)
    if not files:
        attach["state"] = "Optional" if english else "ไม่บังคับ"
    return [*found_tasks, attach]


def part_answers(groups: Sequence[AnswerGroup], part: str, found: Here) -> AnswerGroup | None:
    """What :func:`answers` says of one page of the form: ``applicant``, ``project`` or ``section:<id>``."""
    name, _, section_id = part.partition(":")
    if name in ("applicant", "project"):
        return groups[0 if name == "applicant" else 1]
    for section, row in zip(found.file.application.sections, groups[2].rows, strict=True):
        if section.id == section_id:
            return AnswerGroup(row[0], [(groups[2].heading, row[1], "")])
    return None


def following(part: str, found: Here) -> str:
    """The page of the form behind ``part``: ``project``, ``section/<id>``, at last ``files``."""
    sections = [f"section/{section.id}" for section in found.file.application.sections]
    order = ["applicant", "project", *sections, "files"]
    return order[order.index(part.replace(":", "/")) + 1]


def answers(
    content: EntryContent, found: Here, files: Sequence[Attachment], language: str, *, change: str = ""
) -> list[AnswerGroup]:
    """Everything that was written, for reading. With ``change`` each row leads to its form."""
    english = language == "en"

    def row(th: str, en: str, value: str, page: str) -> tuple[str, str, str]:
        return (en if english else th, value, f"{change}/{page}" if change else "")

    kinds = {kind.id: kind.name for kind in found.rulebook.eligibility.applicant_kinds}
    categories = {category.id: category.name for category in found.rulebook.categories}
    kind, category = kinds.get(content.applicant_kind), categories.get(content.category_id)  # type: ignore[call-overload]
    since = page_date(content.operating_since, language, long=True) if content.operating_since else ""
    groups = [
        AnswerGroup(
            "The applicant" if english else "ผู้สมัคร",
            [
                row("หน่วยงาน", "Organisation", content.applicant_name, "applicant"),
                row("ประเภท", "Kind", kind.in_language(language) if kind else "", "applicant"),
                row("จังหวัด", "Province", province_name(content.province_code, language), "applicant"),
            ],
        ),
        AnswerGroup(
            "The entry" if english else "ผลงาน",
            [
                row("ด้าน", "Category", category.in_language(language) if category else "", "project"),
                row("ชื่อผลงาน (ไทย)", "Title (Thai)", content.title_th, "project"),
                row("ชื่อผลงาน (อังกฤษ)", "Title (English)", content.title_en, "project"),
                row("บทสรุป (ไทย)", "Summary (Thai)", content.summary_th, "project"),
                row("บทสรุป (อังกฤษ)", "Summary (English)", content.summary_en, "project"),
                row("เริ่มให้บริการ", "Running since", since, "project"),
                row("ผู้พัฒนาระบบ", "Vendor", content.vendor, "project"),
            ],
        ),
        AnswerGroup(
            "In your own words" if english else "รายละเอียดตามเกณฑ์",
            [
                (
                    section.heading.in_language(language),
                    content.sections.get(section.id, ""),
                    f"{change}/section/{section.id}" if change else "",
                )
                for section in found.file.application.sections
            ],
        ),
    ]
    names = "\n".join(f"{file.name} ({file.size / 1024:,.0f} kB)" for file in files)
    rows = [row("ไฟล์แนบ", "Attachments", names, "files")]
    return [*groups, AnswerGroup("Attachments" if english else "ไฟล์แนบ", rows)]
