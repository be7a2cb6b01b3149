"""What several pages need: the contest in hand, provinces, words for states."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from pydantic import TypeAdapter, ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.datastructures import FormData, UploadFile

from services.intake.domain.contest_file import ContestFile
from services.intake.domain.entry import EntryState, Outcome
from services.intake.handlers.contests import contest_file
from services.intake.http.values import Email
from services.intake.tables import Entry
from shared import known
from shared.contracts.rulebook import MilestoneKind, Rulebook
from shared.errors import Invalid, NotFound
from shared.service import Resources
from shared.thai.order import thai_order
from shared.thai.provinces import known_province, provinces
from shared.web.pages import Pages

PAGES = Pages("services.intake")
_EMAIL: TypeAdapter[str] = TypeAdapter(Email)
SPOKEN = {"th": "ไทย", "en": "English"}


@dataclass(frozen=True, slots=True)
class Here:
    """The contest that a page is about."""

    rulebook: Rulebook
    now: datetime
    file: ContestFile

    @property
    def contest_id(self) -> str:
        """Its slug."""
        return self.rulebook.contest_id

    def context(self) -> dict[str, object]:
        """What every template of a contest gets."""
        return {
            "rulebook": self.rulebook,
            "now": self.now,
            "file": self.file,
            "period": self.rulebook.milestone(MilestoneKind.APPLICATIONS),
            "briefing": self.rulebook.milestone(MilestoneKind.BRIEFING),
        }


async def here_or_none(request: Request, resources: Resources, session: AsyncSession) -> Here | None:
    """The contest of ``?contest=``, else the newest; None before the first is published."""
    contest_id = request.query_params.get("contest") or await known.current_contest(session)
    if contest_id is None or "\x00" in contest_id:
        return None
    rulebook = await known.rulebook(session, contest_id)
    now = await resources.clock.now(session, contest_id)
    return Here(rulebook, now, await contest_file(session, contest_id))


async def here(request: Request, resources: Resources, session: AsyncSession) -> Here:
    """The contest of ``?contest=``, else the newest.

    Raises:
        NotFound: none is published yet.
    """
    found = await here_or_none(request, resources, session)
    if found is None:
        raise NotFound("ยังไม่มีการประกวดที่ประกาศ โปรดกลับมาใหม่", "No contest is published yet; please come back.")
    return found


def text_of(form: FormData, name: str, *, limit: int = 50_000) -> str:
    """A text field of a form, as PostgreSQL can hold it; empty where it is missing."""
    value = form.get(name, "")
    if isinstance(value, UploadFile):
        return ""
    return value.replace("\x00", "").replace("\r\n", "\n").strip()[:limit]


def email_of(text: str) -> str:
    """The e-mail address that was typed.

    Raises:
        Invalid: there is none, or it is none.
    """
    if not text:
        raise Invalid("กรอกอีเมล เช่น office@example.go.th", "Give an e-mail address.", field="email")
    try:
        return _EMAIL.validate_python(text)
    except ValidationError as error:
        raise Invalid(
            "อีเมลไม่ถูกต้อง เช่น office@example.go.th",
            "This is no e-mail address; it looks like office@example.go.th.",
            field="email",
        ) from error


def province_options(language: str) -> list[tuple[str, str]]:
    """The 77 provinces for a select, by name."""
    first = ("", "Choose a province" if language == "en" else "เลือกจังหวัด")
    named = sorted(
        ((province.in_language(language), province.code) for province in provinces()),
        key=lambda pair: thai_order(pair[0]),
    )
    return [first, *((code, name) for name, code in named)]


def province_name(code: str, language: str) -> str:
    """The name of a province; empty where the code is none."""
    found = known_province(code)
    return found.in_language(language) if found else ""


STATES: dict[EntryState, tuple[str, str, str]] = {
    EntryState.DRAFT: ("ร่าง", "Draft", "note"),
    EntryState.SUBMITTED: ("ส่งแล้ว รอตรวจคุณสมบัติ", "Submitted, waiting for screening", ""),
    EntryState.RETURNED: ("ขอให้แก้ไข", "Returned for correction", "now"),
    EntryState.WITHDRAWN: ("ถอนแล้ว", "Withdrawn", "note"),
    EntryState.ACCEPTED: ("ผ่านคุณสมบัติ", "Eligible", "good"),
    EntryState.REFUSED: ("ไม่ผ่านคุณสมบัติ", "Not eligible", "late"),
}
OUTCOMES: dict[Outcome, tuple[str, str, str]] = {
    Outcome.SHORTLISTED: ("ผ่านรอบแรก", "On the shortlist", "good"),
    Outcome.NOT_SELECTED: ("ไม่ผ่านรอบแรก", "Not on the shortlist", "note"),
    Outcome.WINNER: ("ได้รับรางวัล", "Award winner", "good"),
    Outcome.FINALIST: ("ผู้ผ่านรอบแรก", "Finalist", "good"),
}


def status(entry: Entry) -> tuple[str, str, str]:
    """Where an entry stands, in Thai and English, and the badge's kind."""
    outcome = Outcome(entry.outcome)
    if entry.state != EntryState.WITHDRAWN and outcome in OUTCOMES:
        return OUTCOMES[outcome]
    return STATES[EntryState(entry.state)]
