"""``contest.toml`` as people write it: what the sources say, and what was decided where they do not."""

import re
import tomllib
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from services.intake.domain.contest_lines import Location, line_numbers, line_of
from shared.contracts.event import LocalizedText
from shared.contracts.rulebook import (
    ApplicantKind,
    Award,
    AwardKind,
    Category,
    DecisionStatus,
    MilestoneKind,
)

Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{1,62}$")]
Name = Annotated[str, Field(min_length=1)]
MAXIMUM_BYTES = 512 * 1024


class FileText(LocalizedText):
    """Words in both languages; English is not optional in a contest file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    en: Annotated[str, Field(min_length=1)]


class FilePart(BaseModel):
    """A table of the file; an unknown key is an error, not a silent loss."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(FilePart):
    id: Slug
    name: FileText


class Statement(FilePart):
    """What one place of one source says, in its own words."""

    source: Slug
    place: Name
    text: Name


class CalendarStatement(Statement):
    """``starts`` and ``ends`` as far as the place tells them; a date alone tells no hour."""

    starts: AwareDatetime | date | None = None
    ends: AwareDatetime | date | None = None


class CalendarRow(FilePart):
    kind: MilestoneKind
    name: FileText
    note: FileText | None = None
    url: str = ""
    stated: Annotated[tuple[CalendarStatement, ...], Field(min_length=1)]


class Fact(FilePart):
    """Something that is said in more than one place."""

    id: Literal["name", "abbreviation", "letter_number", "phone", "email"]
    label: FileText
    stated: Annotated[tuple[Statement, ...], Field(min_length=1)]


class Silence(FilePart):
    """Where a source mentions a matter without ruling it; ``keys`` are the decisions it calls for."""

    source: Slug
    place: Name
    text: Name
    keys: Annotated[tuple[str, ...], Field(min_length=1)]


class FileDecision(FilePart):
    """The value chosen, by which post, and why."""

    value: Any
    status: DecisionStatus
    decided_by: Name
    reason: Name
    reason_en: str = ""


class ContestPart(FilePart):
    theme: FileText
    summary: FileText


class OrganiserPart(FilePart):
    name: FileText
    abbreviation_en: str
    ministry: FileText
    unit: FileText
    address: FileText
    website: str


class FileApplicantKind(FilePart):
    id: Slug
    name: FileText

    def published(self) -> ApplicantKind:
        """As the rulebook carries it."""
        return ApplicantKind(id=self.id, name=LocalizedText(**self.name.model_dump()))


class EligibilityPart(FilePart):
    who: FileText
    operated_months: Annotated[int, Field(ge=0, le=120)]
    place: Name
    applicant_kinds: Annotated[tuple[FileApplicantKind, ...], Field(min_length=1)]


class FileCategory(FilePart):
    id: Slug
    name: FileText

    def published(self) -> Category:
        """As the rulebook carries it."""
        return Category.model_validate(self.model_dump())


class FileAward(FilePart):
    id: Slug
    name: FileText
    kind: AwardKind
    category_id: Slug | None = None

    def published(self) -> Award:
        """As the rulebook carries it."""
        return Award.model_validate(self.model_dump())


class FileDimension(FilePart):
    id: Slug
    name: FileText
    points: Annotated[int, Field(gt=0, le=1000)]
    guidance: tuple[FileText, ...]


class Step(FilePart):
    text: FileText
    url: str = ""


class Section(FilePart):
    """One section of the application form. ``maximum`` counts characters."""

    id: Slug
    heading: FileText
    dimension_id: Slug | None = None
    required: bool = True
    maximum: Annotated[int, Field(gt=0, le=50_000)]


class ApplicationPart(FilePart):
    note: FileText | None = None
    steps: tuple[Step, ...] = ()
    sections: Annotated[tuple[Section, ...], Field(min_length=1)]


class Question(FilePart):
    """A question people ask; its answer is a text, or the decision it rests on."""

    question: FileText
    answer: FileText | None = None
    answer_from: str = ""


class FileDocument(FilePart):
    name: FileText
    path: Annotated[str, Field(pattern=r"^documents/[A-Za-z0-9._-]+$")]


class ContestFile(FilePart):
    """The whole file, well formed; whether it makes sense is for ``contest_check`` to say."""

    format: Literal[1]
    slug: Slug
    reference_prefix: Annotated[str, Field(pattern=r"^[A-Z]{1,6}\d{0,4}$")]
    holidays: Literal["TH"]
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    facts: tuple[Fact, ...]
    contest: ContestPart
    organiser: OrganiserPart
    rationale: tuple[FileText, ...]
    purposes: Annotated[tuple[FileText, ...], Field(min_length=1)]
    eligibility: EligibilityPart
    categories: Annotated[tuple[FileCategory, ...], Field(min_length=1)]
    awards: Annotated[tuple[FileAward, ...], Field(min_length=1)]
    prizes: tuple[FileText, ...]
    calendar: Annotated[tuple[CalendarRow, ...], Field(min_length=1)]
    application: ApplicationPart
    rubric: Annotated[tuple[FileDimension, ...], Field(min_length=1)]
    documents: tuple[FileDocument, ...] = ()
    faq: tuple[Question, ...] = ()
    silent: tuple[Silence, ...] = ()
    decisions: dict[str, FileDecision] = Field(default_factory=dict)

    def row(self, kind: MilestoneKind) -> CalendarRow | None:
        """The calendar row of ``kind``, if the file has one."""
        return next((row for row in self.calendar if row.kind is kind), None)

    def source_name(self, source_id: str) -> LocalizedText:
        """How people call a source."""
        return next(source.name for source in self.sources if source.id == source_id)


@dataclass(frozen=True, slots=True)
class FileFault:
    """Something in the file that cannot be read: where, which field, and what to do."""

    line: int
    field: str
    th: str
    en: str


class ContestFileUnreadable(Exception):
    """The file is no contest file; ``faults`` name every line and field."""

    def __init__(self, faults: tuple[FileFault, ...]) -> None:
        super().__init__("; ".join(f"line {fault.line}, {fault.field}: {fault.en}" for fault in faults))
        self.faults = faults


def dotted(location: Location) -> str:
    """``("calendar", 1, "name")`` as people read it: ``calendar[1].name``."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "file"


def read(text: str) -> tuple[ContestFile, dict[Location, int]]:
    """Read a contest file.

    Returns:
        The file, and the line of each of its fields.

    Raises:
        ContestFileUnreadable: it is no TOML, or a field is missing, unknown or of the wrong kind.
    """
    if len(text.encode()) > MAXIMUM_BYTES:
        fault = FileFault(1, "file", "ไฟล์ใหญ่เกิน 512 KB", "the file is larger than 512 KB")
        raise ContestFileUnreadable((fault,))
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ContestFileUnreadable((_syntax_fault(text, str(error)),)) from error
    lines = dict(line_numbers(text))
    try:
        file = ContestFile.model_validate(document)
    except ValidationError as error:
        raise ContestFileUnreadable(_faults(error, lines)) from error
    if faults := _dangling(file, lines):
        raise ContestFileUnreadable(faults)
    return file, lines


def _syntax_fault(text: str, message: str) -> FileFault:
    found = re.search(r"at line (\d+)", message)
    line = int(found[1]) if found else text.count("\n") + 1
    return FileFault(line, "file", f"อ่านเป็น TOML ไม่ได้: {message}", f"not readable as TOML: {message}")


_SAID = {
    "missing": ("ต้องมีช่องนี้", "must be given"),
    "extra_forbidden": (
        "ไม่รู้จักช่องนี้ แก้ชื่อช่องหรือลบบรรทัด", "there is no such field: correct its name, or delete the line"
    ),
}  # fmt: skip
"""What the two commonest faults are called."""


def _faults(error: ValidationError, lines: dict[Location, int]) -> tuple[FileFault, ...]:
    faults = []
    for detail in error.errors():
        location = tuple(part for part in detail["loc"] if not (isinstance(part, str) and _is_type_tag(part)))
        th, en = _SAID.get(detail["type"], (f"ค่าไม่ถูกต้อง ({detail['msg']})", detail["msg"]))
        faults.append(FileFault(line_of(lines, location), dotted(location), th, en))
    return tuple(dict.fromkeys(faults))


def _is_type_tag(part: str) -> bool:
    """pydantic names the branch of a union in the location; people do not write it."""
    return part in {"datetime", "date"} or part.startswith(("function-", "constrained-"))


def _dangling(file: ContestFile, lines: dict[Location, int]) -> tuple[FileFault, ...]:
    """References to ids that do not exist, and ids given twice."""
    faults: list[FileFault] = []

    def fault(location: Location, th: str, en: str) -> None:
        faults.append(FileFault(line_of(lines, location), dotted(location), th, en))

    def unique(name: str, ids: list[str]) -> None:
        for index, value in enumerate(ids):
            if value in ids[:index]:
                fault((name, index), f"“{value}” ซ้ำ", f"“{value}” stands here twice")

    unique("sources", [source.id for source in file.sources])
    unique("categories", [category.id for category in file.categories])
    unique("awards", [award.id for award in file.awards])
    unique("rubric", [dimension.id for dimension in file.rubric])
    unique("calendar", [row.kind.value for row in file.calendar])
    unique("facts", [fact.id for fact in file.facts])

    sources = {source.id for source in file.sources}
    stated: list[tuple[Location, str]] = [
        (("silent", index, "source"), silence.source) for index, silence in enumerate(file.silent)
    ]
    groups = (("facts", [f.stated for f in file.facts]), ("calendar", [r.stated for r in file.calendar]))
    for name, rows in groups:
        for index, statements in enumerate(rows):
            for position, statement in enumerate(statements):
                stated.append(((name, index, "stated", position, "source"), statement.source))
    for location, source in stated:
        if source not in sources:
            fault(location, f"ไม่มีเอกสารต้นทาง “{source}”", f"no source is called “{source}”")

    categories = {category.id for category in file.categories}
    for index, award in enumerate(file.awards):
        if award.kind is AwardKind.JUDGED and award.category_id not in categories:
            fault(
                ("awards", index, "category_id"),
                "รางวัลของกรรมการต้องอยู่ในด้านใดด้านหนึ่ง",
                "a judged award needs one of the categories",
            )
    dimensions = {dimension.id for dimension in file.rubric}
    for index, section in enumerate(file.application.sections):
        if section.dimension_id is not None and section.dimension_id not in dimensions:
            fault(
                ("application", "sections", index, "dimension_id"),
                f"ไม่มีมิติ “{section.dimension_id}”",
                f"no dimension is called “{section.dimension_id}”",
            )
    return tuple(faults)
