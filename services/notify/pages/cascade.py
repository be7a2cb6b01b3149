"""``/letters/<id>/cascade``: how far a letter is on its way down, branch by branch."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request, Response

from services.notify import repository
from services.notify.domain.cascade import Branch, Counts, by_region, took
from services.notify.domain.letters import LOST, RECEIVED, DispatchState
from services.notify.handlers.cascade import stops_of, tree_of
from services.notify.pages.common import PAGES, Staff, dispatch_badge
from services.notify.register_rules import RegisterRules, register_rules
from shared import known
from shared.service import Resources
from shared.thai.digits import thai_digits
from shared.thai.provinces import region_of
from shared.web.pages import language_of
from shared.web.tables import csv_file, wants_csv

HEADER = (
    ("ระดับ", "Level"), ("ภาค", "Region"), ("ส่งต่อโดย", "Passed on by"), ("หน่วยงาน", "Office"),
    ("ที่ตั้ง", "Place"),
    ("สถานะ", "State"), ("ส่งเมื่อ", "Sent"), ("เปิดเมื่อ", "Opened"), ("ลงรับเมื่อ", "Received"),
    ("เลขรับ", "Receive no."), ("ส่งต่อเมื่อ", "Passed on"), ("ที่ของหนังสือนำส่ง", "Cover letter"),
    ("ชั่วโมงถึงเปิด", "Hours to open"), ("ชั่วโมงถึงลงรับ", "Hours to receive"),
    ("ชั่วโมงถึงส่งต่อ", "Hours to pass on"), ("วันทำการที่รอ", "Working days waited"),
)  # fmt: skip
VIEWS = {
    "asleep": ("หลับ", "asleep"),
    "sent": ("ส่งแล้ว ยังไม่เปิด", "sent, not opened"),
    "opened": ("เปิดแล้ว ยังไม่ลงรับ", "opened, not acknowledged"),
    "waiting": ("ยังไม่ลงรับ", "not acknowledged"),
    "received": ("ลงรับแล้ว", "acknowledged"),
    "passed_on": ("ส่งต่อแล้ว", "passed on"),
    "failed": ("ส่งไม่สำเร็จ", "failed"),
}
"""What the tree is filtered by, and how that is called."""


def duration(span: timedelta | None, language: str) -> str:
    """``2 วัน 3 ชม.`` or ``2 d 3 h``; empty for None."""
    if span is None:
        return ""
    minutes = max(0, int(span.total_seconds() // 60))
    days, hours = divmod(minutes // 60, 24)
    if language == "en":
        return f"{days} d {hours} h" if days else f"{hours} h" if hours else f"{minutes} min"
    return f"{days} วัน {hours} ชม." if days else f"{hours} ชม." if hours else f"{minutes} นาที"


def _hours(span: timedelta | None) -> float | None:
    return None if span is None else round(span.total_seconds() / 3600, 1)


def matches(branch: Branch, view: str, q: str) -> bool:
    """Whether the branch itself is what the filter asks for."""
    stop = branch.stop
    chosen = {
        "": True,
        "asleep": branch.asleep,
        "sent": stop.sent_at is not None and stop.opened_at is None and stop.acknowledged_at is None,
        "opened": stop.opened_at is not None and stop.acknowledged_at is None,
        "waiting": stop.acknowledged_at is None and stop.state not in LOST,
        "received": stop.state in RECEIVED,
        "passed_on": stop.state == DispatchState.PASSED_ON,
        "failed": stop.state in LOST,
    }[view]
    return chosen and q.casefold() in f"{stop.post} {stop.place} {stop.receive_number}".casefold()


def pruned(branches: Sequence[Branch], view: str, q: str) -> list[Branch]:
    """The branches that match, and those on the way to them."""
    kept = []
    for branch in branches:
        below = tuple(pruned(branch.branches, view, q))
        if below or matches(branch, view, q):
            kept.append(Branch(branch.stop, branch.asleep, branch.waited, below))
    return kept


def levels_of(branches: Sequence[Branch], rules: RegisterRules) -> list[dict[str, Any]]:
    """For each level: how many offices, and how many are how far."""
    every = [one for branch in branches for one in branch.all()]
    found = []
    for number in sorted({one.stop.level for one in every}):
        own = [one for one in every if one.stop.level == number]
        level = rules.level_of(number)
        found.append({"name": (level.name_th, level.name_en), "counts": Counts.of(own)})
    return found


def csv_rows(branches: Sequence[Branch], rules: RegisterRules, language: str) -> list[list[Any]]:
    """Every branch as a row, each after the office that passed the letter on to it."""
    rows: list[list[Any]] = []

    def add(branch: Branch, above: str, region: str) -> None:
        stop, level = branch.stop, rules.level_of(branch.stop.level)
        state = "asleep" if language == "en" else "หลับ"
        rows.append(
            [
                level.name_en if language == "en" else level.name_th,
                region,
                above,
                stop.post,
                stop.place,
                state if branch.asleep else stop.state,
                stop.sent_at,
                stop.opened_at,
                stop.acknowledged_at,
                stop.receive_number,
                stop.passed_on_at,
                stop.cover_number,
                _hours(took(stop.sent_at, stop.opened_at)),
                _hours(took(stop.sent_at, stop.acknowledged_at)),
                _hours(took(stop.acknowledged_at, stop.passed_on_at)),
                branch.waited,
            ]
        )
        for each in branch.branches:
            add(each, stop.post, region)

    for branch in branches:
        part = region_of(branch.stop.code)
        add(branch, "", "" if part is None else part.en if language == "en" else part.th)
    return rows


def router(resources: Resources) -> APIRouter:
    """The tree for staff."""
    pages = APIRouter()

    @pages.get("/letters/{letter_id}/cascade")
    async def tree(request: Request, letter_id: str, account: Staff) -> Response:
        language = language_of(request)
        async with resources.database.transaction() as session:
            letter = await repository.letters.letter(session, letter_id)
            rulebook = await known.rulebook(session, letter.contest_id)
            now = await resources.clock.now(session, letter.contest_id)
            stops = await stops_of(session, letter)
        branches = tree_of(letter.contest_id, stops, now)
        rules = register_rules(letter.contest_id)
        view = request.query_params.get("view", "")
        view = view if view in VIEWS else ""
        q = request.query_params.get("q", "").strip()[:100]
        shown = pruned(branches, view, q)
        if wants_csv(request):
            header = [en if language == "en" else th for th, en in HEADER]
            return csv_file(f"cascade-{letter_id[:8]}", header, csv_rows(shown, rules, language))
        context = {
            "letter": letter,
            "rulebook": rulebook,
            "now": now,
            "number": thai_digits(letter.number_text),
            "groups": by_region(shown),
            "found": Counts.below(shown).offices,
            "counts": Counts.below,
            "views": VIEWS,
            "levels": levels_of(branches, rules),
            "any": bool(branches),
            "view": view,
            "open": bool(view or q),
            "q": q,
            "badge_of": lambda state: dispatch_badge(request, state),
            "duration": lambda since, until: duration(took(since, until), language),
        }
        return await PAGES.render(request, "cascade.html", context)

    return pages
