"""What no decision can settle: wrong answers, a calendar out of order, a rubric that does not add up."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

from pydantic import TypeAdapter, ValidationError

from services.intake.domain.contest_file import ContestFile
from services.intake.domain.contest_findings import (
    INSTANTS,
    Finding,
    calendar_places,
    endpoint,
    impossible,
    stated_values,
)
from services.intake.domain.questions import QUESTIONS
from shared.contracts.event import LocalizedText
from shared.contracts.rulebook import AwardKind, MilestoneKind

REQUIRED = tuple(kind for kind in MilestoneKind if kind is not MilestoneKind.INVITATION)


def impossible_findings(file: ContestFile) -> Iterator[Finding]:
    """Every fault of the file that must be mended in the file itself."""
    for key, question in QUESTIONS.items():
        decision = file.decisions.get(key)
        if decision is not None and (fault := _answer_fault(question.kind, decision.value)):
            yield impossible(
                key, f"ค่าของ {key} ใช้ไม่ได้: {fault}", f"{key} cannot be {decision.value!r}: {fault}"
            )
        elif question.most and decision and not question.least <= decision.value <= question.most:
            yield impossible(
                key,
                f"{key} ต้องอยู่ระหว่าง {question.least} ถึง {question.most}",
                f"{key} must lie between {question.least} and {question.most}",
            )
    yield from _calendar_order(file)
    full = sum(dimension.points for dimension in file.rubric)
    if full != 100:
        yield impossible(
            "rubric", f"คะแนนทุกมิติรวมกันได้ {full} ไม่ใช่ 100", f"the dimensions add up to {full}, not 100"
        )
    covered = {award.category_id for award in file.awards if award.kind is AwardKind.JUDGED}
    for category in file.categories:
        if category.id not in covered:
            yield impossible(
                f"awards.{category.id}",
                f"ด้าน “{category.name.th}” ไม่มีรางวัล",
                f"the category “{category.name.en}” has no award",
            )


def _answer_fault(kind: Any, value: Any) -> str:
    """Why ``value`` is no answer of that kind; empty where it is."""
    if kind is int and isinstance(value, bool):
        return "a whole number is needed"
    try:
        TypeAdapter(kind).validate_python(value, strict=kind in (int, bool))
    except ValidationError as error:
        return error.errors()[0]["msg"]
    return ""


def _calendar_order(file: ContestFile) -> Iterator[Finding]:
    for required in REQUIRED:
        if file.row(required) is None:
            yield impossible(
                f"calendar.{required.value}",
                f"กำหนดการไม่มี {required.value}",
                f"the calendar has no {required.value} row",
            )
    starts = [(kind, endpoint(file, kind, "starts")) for kind in MilestoneKind]
    known = [(kind, start) for kind, start in starts if start is not None]
    for (before, first), (after, second) in pairwise(known):
        if second < first:
            yield impossible(
                f"calendar.{after.value}.starts",
                f"{_name(file, after).th}เริ่มก่อน{_name(file, before).th}",
                f"{_name(file, after).en} starts before {_name(file, before).en}",
                calendar_places(file, before, after),
            )
    for kind in MilestoneKind:
        start, end = endpoint(file, kind, "starts"), endpoint(file, kind, "ends")
        if kind not in INSTANTS and start and end and end <= start:
            yield impossible(
                f"calendar.{kind.value}.ends",
                f"{_name(file, kind).th}สิ้นสุดก่อนเริ่ม",
                f"{_name(file, kind).en} ends before it starts",
                calendar_places(file, kind),
            )
    orders: tuple[tuple[MilestoneKind, MilestoneKind], ...] = (
        (MilestoneKind.APPLICATIONS, MilestoneKind.SHORTLIST),
        (MilestoneKind.VOTING, MilestoneKind.RESULTS),
        (MilestoneKind.PRESENTATION, MilestoneKind.RESULTS),
    )
    for step, next_step in orders:
        end, start = endpoint(file, step, "ends"), endpoint(file, next_step, "starts")
        if end and start and end > start:
            yield impossible(
                f"calendar.{step.value}.ends",
                f"{_name(file, step).th}ยังไม่สิ้นสุดเมื่อถึง{_name(file, next_step).th}",
                f"{_name(file, step).en} has not ended when {_name(file, next_step).en} comes",
                calendar_places(file, step, next_step),
            )
    yield from _slots_fit(file)


def _name(file: ContestFile, kind: MilestoneKind) -> LocalizedText:
    row = file.row(kind)
    return row.name if row else LocalizedText(th=kind.value, en=kind.value)


def _slots_fit(file: ContestFile) -> Iterator[Finding]:
    start = endpoint(file, MilestoneKind.PRESENTATION, "starts")
    end = endpoint(file, MilestoneKind.PRESENTATION, "ends")
    slot, places = (
        file.decisions.get("judging.slot_minutes"),
        file.decisions.get("judging.shortlist_per_category"),
    )
    if not (start and end and slot and places and type(slot.value) is type(places.value) is int):
        return
    needed = slot.value * places.value * len(file.categories)
    minutes = int((end - start) / timedelta(minutes=1))
    if needed > minutes:
        yield impossible(
            "judging.slot_minutes",
            f"นำเสนอครบทุกผลงานต้องใช้ {needed} นาที แต่มีเวลา {minutes} นาที",
            f"all presentations need {needed} minutes, and there are {minutes}",
            calendar_places(file, MilestoneKind.PRESENTATION),
        )


def needless_decisions(file: ContestFile, needed: set[str]) -> Iterator[Finding]:
    """Decisions on what nobody asked: a misspelt key would otherwise decide nothing in silence."""
    settled = {
        f"calendar.{row.kind.value}.{name}"
        for row in file.calendar
        for name in ("starts", "ends")
        if stated_values(row, name)
    } | {f"facts.{fact.id}" for fact in file.facts}
    for key in file.decisions:
        if key not in needed and key not in settled:
            yield impossible(
                key, f"ไม่มีเรื่องที่ต้องตัดสินชื่อ {key}", f"nothing called {key} needs a decision: check the spelling"
            )
