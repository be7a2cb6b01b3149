"""What a contest file leaves open or contradicts, with both places of each, and who decided it.

A finding's ``key`` is also the key of the decision that settles it in ``[decisions]``.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from services.intake.domain.contest_file import CalendarRow, ContestFile
from services.intake.domain.contest_findings import (
    INSTANTS,
    Finding,
    FindingKind,
    FindingStatus,
    Place,
    calendar_places,
    endpoint,
    impossible,
    is_instant,
    place_of,
    stated_values,
)
from services.intake.domain.contest_impossible import impossible_findings, needless_decisions
from services.intake.domain.questions import QUESTIONS
from shared.contracts.event import LocalizedText
from shared.contracts.rulebook import MilestoneKind
from shared.thai.dates import page_date, page_instant
from shared.thai.working_days import is_working_day, why_no_working_day
from shared.zone import BANGKOK

GAPS = (
    (MilestoneKind.APPLICATIONS, MilestoneKind.SHORTLIST, 5),
    (MilestoneKind.SHORTLIST, MilestoneKind.PRESENTATION, 1),
    (MilestoneKind.PRESENTATION, MilestoneKind.RESULTS, 1),
)
"""Steps, and how many working days between them are not worth a question."""


def check(file: ContestFile) -> tuple[Finding, ...]:
    """Everything that the sources contradict, leave blank or do not rule, in the order of the file."""
    findings = (
        *_facts(file),
        *_calendar(file),
        *_closing_day(file),
        *_gaps(file),
        *_rules(file),
        *impossible_findings(file),
    )
    needed = {finding.key for finding in findings}
    return (*findings, *needless_decisions(file, needed))


def open_findings(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings that keep the contest from being sealed."""
    return tuple(finding for finding in findings if finding.status is FindingStatus.OPEN)


def only_a_rehearsal(findings: tuple[Finding, ...]) -> bool:
    """Whether a decision is only assumed, so that the contest can be sealed as a rehearsal alone."""
    return any(finding.status is FindingStatus.ASSUMED for finding in findings)


def _facts(file: ContestFile) -> Iterator[Finding]:
    for fact in file.facts:
        key = f"facts.{fact.id}"
        decision = file.decisions.get(key)
        places = tuple(place_of(file, statement) for statement in fact.stated)
        if decision is not None and not (isinstance(decision.value, str) and decision.value.strip()):
            yield _wrong_value(key, "ข้อความ", "a text", places)
        elif len({statement.text for statement in fact.stated}) > 1:
            title = LocalizedText(
                th=f"{fact.label.th}เขียนไว้ไม่ตรงกัน", en=f"{fact.label.en}: the sources differ"
            )
            yield Finding(key, FindingKind.CONTRADICTION, title, places, decision)


def _wrong_value(key: str, th: str, en: str, places: tuple[Place, ...]) -> Finding:
    return impossible(key, f"ค่าที่ตัดสินไว้ของ {key} ต้องเป็น{th}", f"{key} must be decided as {en}", places)


def _calendar(file: ContestFile) -> Iterator[Finding]:
    for row in file.calendar:
        for name in ("starts",) if row.kind in INSTANTS else ("starts", "ends"):
            finding = _endpoint_finding(file, row, name)
            if finding is not None:
                yield finding


def _endpoint_finding(file: ContestFile, row: CalendarRow, name: str) -> Finding | None:
    key = f"calendar.{row.kind.value}.{name}"
    th_end, en_end = ("เริ่ม", "start") if name == "starts" else ("สิ้นสุด", "end")
    decision = file.decisions.get(key)
    values = stated_values(row, name)
    places = tuple(
        place_of(file, statement)
        for statement in row.stated
        if not values or getattr(statement, name) is not None
    )
    if decision is not None and not is_instant(decision.value):
        return _wrong_value(
            key, "วันเวลาที่มีเขตเวลา เช่น 2022-07-30T23:59:00+07:00", "an instant with its offset", places
        )
    if not values:
        title = LocalizedText(
            th=f"{row.name.th}: ไม่ได้ระบุวันเวลา{th_end}", en=f"{row.name.en}: the {en_end} is blank"
        )
        return Finding(key, FindingKind.BLANK, title, places, decision)
    if len(values) > 1:
        said_th = " / ".join(_written(value, "th") for value in values)
        said_en = " / ".join(_written(value, "en") for value in values)
        title = LocalizedText(
            th=f"{row.name.th}: เวลา{th_end}ไม่ตรงกัน ({said_th})",
            en=f"{row.name.en}: the sources differ on the {en_end} ({said_en})",
        )
        return Finding(key, FindingKind.CONTRADICTION, title, places, decision)
    value = values[0]
    if isinstance(value, datetime):
        if decision is not None and decision.value != value:
            return impossible(
                key,
                f"{row.name.th}: ต้นทางระบุชัดแล้ว แต่ตัดสินไว้เป็นอย่างอื่น",
                f"{row.name.en}: the sources are clear, and the decision says something else",
                places,
            )
        return None
    if decision is not None and value not in _days_of(decision.value, name):
        return impossible(
            key,
            f"{row.name.th}: เวลาที่ตัดสินไว้ไม่อยู่ในวันที่ต้นทางระบุ ({_written(value, 'th')})",
            f"{row.name.en}: the decided hour is not on the day named ({_written(value, 'en')})",
            places,
        )
    title = LocalizedText(
        th=f"{row.name.th}: ไม่ได้ระบุเวลา{th_end}ของวันที่ {_written(value, 'th')}",
        en=f"{row.name.en}: no hour for the {en_end} on {_written(value, 'en')}",
    )
    return Finding(key, FindingKind.NO_HOUR, title, places, decision)


def _days_of(instant: datetime, name: str) -> set[date]:
    """The Bangkok day of an instant; midnight at an end belongs to the day before as well."""
    local = instant.astimezone(BANGKOK)
    days = {local.date()}
    if name == "ends":
        days.add((local - timedelta(microseconds=1)).date())
    return days


def _written(value: datetime | date, language: str) -> str:
    if isinstance(value, datetime):
        return page_instant(value, language)
    return page_date(value, language)


def _applications_close(file: ContestFile) -> datetime | date | None:
    """When applications close, or the day where no hour is decided yet."""
    instant = endpoint(file, MilestoneKind.APPLICATIONS, "ends")
    if instant is not None:
        return instant
    row = file.row(MilestoneKind.APPLICATIONS)
    values = stated_values(row, "ends") if row else []
    return values[0] if values else None


def _day(moment: datetime | date) -> date:
    return moment.astimezone(BANGKOK).date() if isinstance(moment, datetime) else moment


def _closing_day(file: ContestFile) -> Iterator[Finding]:
    close = _applications_close(file)
    if close is None:
        return
    day = _day(close - timedelta(microseconds=1) if isinstance(close, datetime) else close)
    why = why_no_working_day(day)
    if why is None:
        return
    title = LocalizedText(
        th=f"วันปิดรับสมัคร {page_date(day, 'th', long=True)} ไม่ใช่วันทำการ ({why[0]})",
        en=f"Applications close on {page_date(day, 'en', long=True)}, which is no working day ({why[1]})",
    )
    places = calendar_places(file, MilestoneKind.APPLICATIONS)
    yield Finding("closing_day", FindingKind.CLOSED_DAY, title, places, file.decisions.get("closing_day"))


def _gaps(file: ContestFile) -> Iterator[Finding]:
    for before, after, enough in GAPS:
        rows = file.row(before), file.row(after)
        if rows[0] is None or rows[1] is None:
            continue
        ends = stated_values(rows[0], "starts" if before in INSTANTS else "ends")
        starts = stated_values(rows[1], "starts")
        if before is MilestoneKind.APPLICATIONS:
            close = _applications_close(file)
            ends = [close] if close else []
        if not ends or not starts:
            continue
        between = _days_between(_day(ends[-1]), _day(starts[0]))
        working = [day for day in between if is_working_day(day)]
        if len(working) >= enough:
            continue
        key = f"calendar.gap.{before.value}.{after.value}"
        yield Finding(
            key,
            FindingKind.SHORT_GAP,
            _gap_title(rows[0], rows[1], between, working),
            calendar_places(file, before, after),
            file.decisions.get(key),
        )


def _days_between(first: date, last: date) -> tuple[date, ...]:
    """The days strictly between."""
    return tuple(first + timedelta(days=n) for n in range(1, (last - first).days))


def _gap_title(
    before: CalendarRow, after: CalendarRow, between: tuple[date, ...], working: list[date]
) -> LocalizedText:
    if working:
        span = (working[0], working[-1])
        return LocalizedText(
            th=f"จาก{before.name.th}ถึง{after.name.th} มีวันทำการเพียง {len(working)} วัน "
            f"({page_date(span[0], 'th')} – {page_date(span[1], 'th')})",
            en=f"Only {len(working)} working days between {before.name.en.lower()} and "
            f"{after.name.en.lower()} ({page_date(span[0], 'en')} – {page_date(span[1], 'en')})",
        )
    whys = [(day, why_no_working_day(day)) for day in between]
    th = " · ".join(f"{page_date(day, 'th')} {why[0]}" for day, why in whys if why)
    en = " · ".join(f"{page_date(day, 'en')} {why[1]}" for day, why in whys if why)
    return LocalizedText(
        th=f"ระหว่าง{before.name.th}กับ{after.name.th} ไม่มีวันทำการ ({th})",
        en=f"No working day between {before.name.en.lower()} and {after.name.en.lower()} ({en})",
    )


def _rules(file: ContestFile) -> Iterator[Finding]:
    for key, question in QUESTIONS.items():
        if key == "closing_day" and any(True for _ in _closing_day(file)):
            continue
        decision = file.decisions.get(key)
        places = tuple(
            Place(file.source_name(silence.source), silence.place, silence.text)
            for silence in file.silent
            if key in silence.keys
        )
        title = LocalizedText(th=question.th, en=question.en)
        yield Finding(key, FindingKind.SILENT, title, places, decision)
