"""``contests/<slug>/notices``: the table of notices and their texts, read and checked."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from datetime import time
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from services.notify.domain.notices import BY_ENTRY, EVENTS, Audience, Rule, Timing
from services.notify.domain.texts import places
from shared.contracts.notify import Channel
from shared.contracts.rulebook import MilestoneKind
from shared.errors import Invalid, NotFound

_ROW = re.compile(r"^\s*\[\[\s*notice\s*\]\]")
_PERSON = frozenset({"person.name", "person.organisation"})
_ENTRY = frozenset({"entry.title", "entry.reference", "entry.applicant"})
_CONTEST = frozenset({"site", "contest.name", "organiser.name", "organiser.email", "vote.closes"})
_MILESTONE = frozenset({"day", "date", "hours", "closes", "join"})
_OFFICE = frozenset(
    f"letter.{name}" for name in ("urgency", "number", "subject", "agency", "post", "date", "link")
)
OFFICE_TEMPLATES = ("official-letter", "branch-asleep")
"""Texts to an office that a letter is for; they follow from the letter, not from the table."""


class NoticeText(BaseModel):
    """The words of one notice in one language."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: Annotated[str, Field(min_length=1, max_length=200)]
    heading: Annotated[str, Field(min_length=1, max_length=200)]
    paragraphs: tuple[str, ...]
    action: str = ""
    url: str = ""
    ics: Literal["", "briefing", "slot"] = ""

    @field_validator("subject", "heading", "action")
    @classmethod
    def _one_line(cls, text: str) -> str:
        if "\n" in text or "\r" in text:
            raise ValueError("must be one line")
        return text

    def every_text(self) -> tuple[str, ...]:
        """All that may hold places."""
        return (self.subject, self.heading, *self.paragraphs, self.action, self.url)


class _Row(BaseModel):
    """One ``[[notice]]`` as it stands in the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event: str
    to: Audience
    channel: Channel = Channel.EMAIL
    template: str = ""
    when: str = ""
    timing: Timing = Timing.AT_ONCE
    days_before: tuple[Annotated[int, Field(ge=0, le=365)], ...] = ()
    working_days_before: tuple[Annotated[int, Field(ge=1, le=250)], ...] = ()
    working_days_after: Annotated[int, Field(ge=0, le=250)] = 0
    of: MilestoneKind | None = None
    at: time | None = None
    review: bool = False
    reminder: bool = False
    urgent: bool = False


def rules_in(path: Path) -> tuple[Rule, ...]:
    """The table of a contest, checked: every row's event, audience and dates fit, and its text exists.

    Raises:
        Invalid: names the file, the line and the field of the first fault.
        NotFound: the contest has no table.
    """
    if not path.is_file():
        raise NotFound(f"ไม่พบ {path.name}", f"There is no {path.name}.")
    folder = path.parent
    stamp = max(file.stat().st_mtime_ns for file in (path, *folder.glob("*.toml")))
    return _checked(path, stamp)


@lru_cache(maxsize=32)
def _checked(path: Path, _stamp: int) -> tuple[Rule, ...]:
    text = path.read_text(encoding="utf-8")
    rows = _toml(path, text).get("notice", [])
    if not isinstance(rows, list):
        raise _fault(path, 1, "notice", "เขียนเป็น [[notice]]", "is written as [[notice]]")
    starts = [number for number, line in enumerate(text.splitlines(), 1) if _ROW.match(line)]
    lines = text.splitlines()
    rules: list[Rule] = []
    for position, content in enumerate(rows):
        start = starts[position] if position < len(starts) else 1
        end = starts[position + 1] if position + 1 < len(starts) else len(lines) + 1
        where = _Where(path, lines, start, end)
        try:
            row = _Row.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0])
            raise where.fault(name, f"ค่าไม่ถูกต้อง: {first['msg']}", first["msg"]) from error
        _check(row, where)
        rule = Rule(
            event=row.event,
            audience=row.to,
            channel=row.channel,
            template=row.template,
            condition=row.when,
            timing=row.timing,
            days_before=row.days_before,
            working_days_before=row.working_days_before,
            working_days_after=row.working_days_after,
            of=row.of,
            at=row.at,
            review=row.review,
            reminder=row.reminder,
            urgent=row.urgent,
            line=start,
        )
        twin = next((other for other in rules if _same(other, rule)), None)
        if twin:
            raise where.fault("event", f"ซ้ำกับบรรทัด {twin.line}", f"repeats line {twin.line}")
        rules.append(rule)
    return tuple(rules)


def _same(one: Rule, other: Rule) -> bool:
    def key(rule: Rule) -> tuple[object, ...]:
        return (rule.event, rule.audience, rule.channel, rule.condition, rule.of)

    return key(one) == key(other)


class _Where:
    """The lines of one row, to point at a field."""

    def __init__(self, path: Path, lines: list[str], start: int, end: int) -> None:
        self.path, self.lines, self.start, self.end = path, lines, start, end

    def fault(self, field: str, th: str, en: str) -> Invalid:
        pattern = re.compile(rf"^\s*{re.escape(field)}\s*=")
        rows = range(self.start, min(self.end, len(self.lines) + 1))
        line = next((number for number in rows if pattern.match(self.lines[number - 1])), self.start)
        return _fault(self.path, line, field, th, en)


def _fault(path: Path, line: int, field: str, th: str, en: str) -> Invalid:
    return Invalid(
        f"{path.name} บรรทัด {line} ช่อง {field}: {th}", f"{path.name}, line {line}, {field}: {en}", field=field
    )


def _toml(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"อ่านไฟล์ {path.name} ไม่ได้: {error}", f"{path.name} cannot be read: {error}") from error


def _check(row: _Row, where: _Where) -> None:
    """Whether the parts of a row fit each other."""
    told = EVENTS.get(row.event)
    if told is None:
        raise where.fault(
            "event", f"ไม่รู้จัก {row.event}", f"{row.event} is none of: {', '.join(sorted(EVENTS))}"
        )
    if row.to not in told.audiences:
        names = ", ".join(sorted(told.audiences))
        raise where.fault(
            "to", f"{row.event} แจ้ง {row.to} ไม่ได้ เลือกจาก {names}", f"{row.event} can tell: {names}"
        )
    if row.when and row.when not in told.conditions:
        names = ", ".join(told.conditions) or "–"
        raise where.fault(
            "when", f"{row.event} มีเงื่อนไข: {names}", f"the conditions of {row.event} are: {names}"
        )
    if (row.to is Audience.SUBSCRIBERS) != (row.channel is Channel.WEBHOOK):
        raise where.fault(
            "channel",
            "subscribers คู่กับ webhook",
            "subscribers and webhook go together",
        )
    if row.channel is Channel.LETTER:
        raise where.fault(
            "channel",
            "หนังสือมาจากแบบหนังสือ",
            "letters come from letter templates",
        )
    _check_timing(row, where, dated=told.dated)
    if row.channel is not Channel.WEBHOOK:
        _check_text(row, where)
    elif row.template or row.review or row.reminder:
        raise where.fault(
            "channel", "webhook ไม่มีข้อความ ไม่ต้องตรวจ", "a webhook has no text to write, review or stop"
        )


def _check_timing(row: _Row, where: _Where, *, dated: bool) -> None:
    days = row.days_before or row.working_days_before
    if days and not dated:
        raise where.fault(
            "days_before" if row.days_before else "working_days_before",
            f"{row.event} ไม่ใช่กำหนดวัน",
            f"{row.event} is no date: it is told at once",
        )
    if row.event in ("ApplicationsClosing", "JudgeBehind", "MilestoneNear", "DeadlineTight") and not days:
        raise where.fault(
            "event",
            f"{row.event} ต้องระบุ days_before หรือ working_days_before",
            f"{row.event} needs days_before",
        )
    if row.event == "DeadlineTight" and not row.working_days_before:
        raise where.fault(
            "event",
            "DeadlineTight ต้องระบุ working_days_before",
            "DeadlineTight needs working_days_before: fewer working days than these are too few",
        )
    if row.event == "MilestoneNear" and row.of is None:
        raise where.fault("event", "MilestoneNear ต้องระบุ of", "MilestoneNear needs of: a milestone")
    if row.event == "BranchAsleep" and not row.working_days_after:
        raise where.fault(
            "event", "BranchAsleep ต้องระบุ working_days_after", "BranchAsleep needs working_days_after"
        )
    if (row.event == "DailyDigest") != (row.at is not None):
        raise where.fault(
            "at", "DailyDigest ต้องระบุ at = 08:30:00", "DailyDigest, and only it, needs at = 08:30:00"
        )
    if row.timing is Timing.DIGEST and (row.review or row.channel is Channel.WEBHOOK or dated):
        raise where.fault(
            "timing",
            "digest ใช้กับการแจ้งที่ต้องตรวจ กำหนดวัน หรือ webhook ไม่ได้",
            "digest fits no review, date or webhook",
        )
    if row.reminder and not dated:
        raise where.fault(
            "reminder",
            "เฉพาะการเตือนตามวันเท่านั้นที่ยกเลิกรับได้",
            "only what the calendar brings can be stopped",
        )


def _check_text(row: _Row, where: _Where) -> None:
    if not row.template:
        raise where.fault("event", "ไม่ได้ระบุ template", "template is missing")
    path = where.path.parent / f"{row.template}.toml"
    if not path.is_file():
        raise where.fault(
            "template", f"ไม่พบไฟล์ {row.template}.toml", f"there is no {row.template}.toml beside the table"
        )
    known = places_of(row.event, row.to)
    for language, text in notice_texts(path).items():
        for name in (name for each in text.every_text() for name in places(each)):
            if name not in known:
                raise where.fault(
                    "template",
                    f"{path.name} [{language}] อ้างถึง {{{name}}} ซึ่ง {row.event} ไม่มี",
                    f"{path.name} [{language}] names {{{name}}}, which {row.event} does not offer",
                )


def places_of(event: str, to: Audience) -> frozenset[str]:
    """The places that a text about ``event`` to an audience may name."""
    told = EVENTS[event]
    milestones = {f"{kind.value}.{name}" for kind in MilestoneKind for name in _MILESTONE}
    entry: Iterable[str] = _ENTRY if told.entry or to in BY_ENTRY else ()
    return frozenset({*_CONTEST, *_PERSON, *milestones, *entry, *told.facts})


def places_of_office() -> frozenset[str]:
    """The places that a text to an office may name."""
    milestones = {f"{kind.value}.{name}" for kind in MilestoneKind for name in _MILESTONE}
    return frozenset({*_CONTEST, *milestones, *_OFFICE})


def notice_texts(path: Path) -> Mapping[str, NoticeText]:
    """The texts of one notice by language; Thai is always there.

    Raises:
        NotFound: there is no such file.
        Invalid: it cannot be read, or a field is wrong; names the file, language and field.
    """
    if not path.is_file():
        raise NotFound(f"ไม่มีข้อความแจ้ง {path.stem}", f"There is no notice {path.stem}.")
    return _texts(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _texts(path: Path, _stamp: int) -> Mapping[str, NoticeText]:
    content = _toml(path, path.read_text(encoding="utf-8"))
    if "th" not in content:
        raise Invalid(f"{path.name} ไม่มีข้อความภาษาไทย [th]", f"{path.name} has no [th].")
    found = {}
    for language, text in content.items():
        try:
            found[language] = NoticeText.model_validate(text)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(step) for step in first["loc"])
            raise Invalid(
                f"{path.name} [{language}] ช่อง {name}: {first['msg']}",
                f"{path.name} [{language}], {name}: {first['msg']}",
                field=name,
            ) from error
    return found
