"""What everybody sees: the contest, its calendar and its rules."""

from datetime import UTC
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from services.intake import repository
from services.intake.domain.calendar_file import calendar
from services.intake.domain.contest_check import check
from services.intake.domain.contest_file import ContestFile, Question
from services.intake.domain.contest_findings import Finding
from services.intake.domain.eligibility import latest_start
from services.intake.domain.entry import Door, door
from services.intake.domain.questions import QUESTIONS
from services.intake.handlers.contests import folder_of
from services.intake.pages.common import PAGES, Here, here, here_or_none
from services.intake.pages.decision_words import spoken_value
from shared.contracts.rulebook import MilestoneKind
from shared.errors import NotFound
from shared.service import Resources
from shared.web.pages import language_of


def _next_step(found: Here, *, shortlisted: bool, results: bool) -> dict[str, str]:
    """The one thing that most people come for at this time: where it is and what it is called."""
    now, rulebook = found.now, found.rulebook
    voting = rulebook.milestone(MilestoneKind.VOTING)
    steps = (
        (results, "/winners", "ดูผู้ได้รับรางวัล", "See the winners"),
        (shortlisted and voting.starts_at <= now < voting.ends_at, "/vote", "โหวตผลงานที่ชอบ", "Vote"),
        (shortlisted, "/shortlist", "ดูผู้ผ่านรอบแรก", "See the shortlist"),
        (door(rulebook, now) is Door.OPEN, "/apply", "สมัครส่งผลงาน", "Apply"),
        (
            now < rulebook.milestone(MilestoneKind.BRIEFING).ends_at,
            "/briefing",
            "ลงทะเบียนฟังการชี้แจง",
            "Sign up for the briefing",
        ),
        (True, "/rules", "อ่านกติกา", "Read the rules"),
    )
    href, th, en = next((href, th, en) for applies, href, th, en in steps if applies)
    return {"href": href, "th": th, "en": en}


def _answers(file: ContestFile, findings: tuple[Finding, ...], language: str) -> list[dict[str, str]]:
    """The questions people ask with their answers; an answer that rests on a decision says so."""
    by_key = {finding.key: finding for finding in findings}
    return [
        {
            "question": question.question.in_language(language),
            "answer": _answer(question, by_key, language),
            "source": question.answer_from,
        }
        for question in file.faq
    ]


def _answer(question: Question, findings: dict[str, Finding], language: str) -> str:
    if question.answer is not None:
        return question.answer.in_language(language)
    finding = findings.get(question.answer_from)
    if finding is None or finding.decision is None:
        return ""
    reason = finding.decision.reason_en if language == "en" else ""
    return (
        f"{spoken_value(finding.key, finding.decision.value, language)} – {reason or finding.decision.reason}"
    )


def _rules(findings: tuple[Finding, ...], language: str) -> list[dict[str, Any]]:
    """Every decision as the rules page shows it."""
    return [
        {
            "key": finding.key,
            "title": QUESTIONS.get(finding.key, finding.title),
            "value": spoken_value(finding.key, finding.decision.value, language),
            "decision": finding.decision,
            "reason": (finding.decision.reason_en if language == "en" else "") or finding.decision.reason,
            "places": finding.places,
            "assumed": finding.decision.status == "assumed",
        }
        for finding in findings
        if finding.decision is not None
    ]


def document_path(found: Here, name: str) -> Path | None:
    """Where a document that the rulebook lists lies; None for any other name."""
    listed = {document.path for document in found.rulebook.documents}
    path = folder_of(found.contest_id) / "documents" / name
    return path if f"documents/{name}" in listed and path.is_file() else None


def router(resources: Resources) -> APIRouter:
    """``/``, ``/contest`` and ``/rules``."""
    pages = APIRouter()

    @pages.get("/")
    async def home(request: Request) -> Response:
        async with resources.database.transaction() as session:
            found = await here_or_none(request, resources, session)
            if found is None:
                return await PAGES.render(request, "no_contest.html", {"rulebook": None, "now": None})
            contest = await repository.contest(session, found.contest_id)
        shortlisted, results = contest.shortlisted_at is not None, contest.results_at is not None
        context = {
            **found.context(),
            "next_step": _next_step(found, shortlisted=shortlisted, results=results),
            "door": door(found.rulebook, found.now),
            "answers": _answers(found.file, check(found.file), language_of(request)),
            "latest_start": latest_start(found.rulebook.eligibility),
            "shortlisted": shortlisted,
            "results": results,
        }
        return await PAGES.render(request, "home.html", context)

    @pages.get("/contest")
    async def contest(request: Request) -> Response:
        async with resources.database.transaction() as session:
            found = await here(request, resources, session)
            versions = await repository.versions(session, found.contest_id)
        return await PAGES.render(request, "contest.html", {**found.context(), "versions": versions})

    @pages.get("/rules")
    async def rules(request: Request) -> Response:
        async with resources.database.transaction() as session:
            found = await here(request, resources, session)
            versions = await repository.versions(session, found.contest_id)
        context = {
            **found.context(),
            "versions": versions,
            "rules": _rules(check(found.file), language_of(request)),
            "latest_start": latest_start(found.rulebook.eligibility),
        }
        return await PAGES.render(request, "rules.html", context)

    @pages.get("/contest/calendar.ics")
    async def ics(request: Request) -> Response:
        async with resources.database.transaction() as session:
            found = await here(request, resources, session)
            versions = await repository.versions(session, found.contest_id)
        content = calendar(
            found.rulebook,
            found.rulebook.milestones,
            language_of(request),
            origin=resources.settings.public_url,
            stamp=versions[0].made_at.astimezone(UTC),
        )
        headers = {"Content-Disposition": f'attachment; filename="{found.contest_id}.ics"'}
        return Response(content, media_type="text/calendar; charset=utf-8", headers=headers)

    @pages.get("/contest/documents/{name}")
    async def document(request: Request, name: str) -> Response:
        async with resources.database.transaction() as session:
            found = await here(request, resources, session)
        path = document_path(found, name)
        if path is None:
            raise NotFound("ไม่พบเอกสารนี้", "There is no such document.")
        return FileResponse(path, filename=name)

    return pages
