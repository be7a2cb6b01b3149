"""What the calendar brings: drafts, judges behind, milestones that are near or too tight, sleeping offices.

Run by the elected leader; safe to repeat, because each happening has one id and so one notice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify.contest_files import contest_files
from services.notify.domain.letters import LetterState
from services.notify.domain.notices import Rule
from services.notify.handlers.progress import Behind, asleep, judges_behind
from services.notify.handlers.tell import Happening, tell
from services.notify.repository import letters, people, progress
from services.notify.tables import Dispatch, Entry, Letter
from shared import known
from shared.clock import BANGKOK, Clock
from shared.contracts.rulebook import Milestone, MilestoneKind, Rulebook
from shared.db import Database
from shared.settings import Settings
from shared.thai.working_days import is_working_day, working_days_between

DRAFTS, BEHIND, NEAR, TIGHT, ASLEEP = (
    "ApplicationsClosing",
    "JudgeBehind",
    "MilestoneNear",
    "DeadlineTight",
    "BranchAsleep",
)
_STEPS = (
    MilestoneKind.APPLICATIONS,
    MilestoneKind.SHORTLIST,
    MilestoneKind.PRESENTATION,
    MilestoneKind.RESULTS,
)


class Reminders:
    """Looks at every contest's calendar again and again."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings

    async def run(self, database: Database) -> None:
        async with database.transaction() as session:
            contests = await known.contests(session)
        for contest_id in contests:
            await self.run_contest(database, contest_id)

    async def run_contest(self, database: Database, contest_id: str) -> None:
        """Plan what one contest's day brings. Read, then look at the calendar, then tell: no transaction
        waits for a calendar."""
        async with database.transaction() as session:
            seen = await _Seen.look(session, self._clock, contest_id)
        for rule in contest_files(contest_id).rules():
            found = self._due(seen, rule)
            if found:
                async with database.transaction() as session:
                    for happening in found:
                        await tell(session, self._clock, happening, only=rule)

    def _due(self, seen: "_Seen", rule: Rule) -> Sequence[Happening]:
        """What a row of the table brings now."""
        match rule.event:
            case "ApplicationsClosing":
                return _drafts(seen, rule)
            case "JudgeBehind":
                return _behind(seen, rule)
            case "MilestoneNear":
                return _near(seen, rule)
            case "DeadlineTight":
                return _tight(seen, rule)
            case "BranchAsleep":
                return _asleep(seen, rule, self._settings.public_url)
        return ()


@dataclass(frozen=True, slots=True)
class _Seen:
    """What notify knows of a contest at one instant."""

    rulebook: Rulebook
    now: datetime
    drafts: Sequence[Entry]
    behind: Sequence[Behind]
    names: dict[str, str]
    letters: Sequence[tuple[Letter, Sequence[Dispatch]]]

    @classmethod
    async def look(cls, session: AsyncSession, clock: Clock, contest_id: str) -> "_Seen":
        behind = await judges_behind(session, contest_id)
        return cls(
            rulebook=await known.rulebook(session, contest_id),
            now=await clock.now(session, contest_id),
            drafts=await progress.drafts(session, contest_id),
            behind=behind,
            names=await people.names(session, [row.contact_id for row in behind]),
            letters=[
                (letter, await letters.dispatches(session, contest_id, letter.letter_id))
                for letter in await letters.letters(session, contest_id)
                if letter.state == LetterState.DISPATCHED
            ],
        )


def _asleep(seen: _Seen, rule: Rule, site: str) -> Sequence[Happening]:
    """Letters that some office has not acknowledged for so long; once for each day of sending."""
    found = []
    for letter, rows in seen.letters:
        sleeping = asleep(rows, seen.now, rule.working_days_after)
        if not sleeping:
            continue
        newest = max(row.sent_at for row in sleeping if row.sent_at)
        found.append(
            Happening(
                contest_id=letter.contest_id,
                event=ASLEEP,
                event_id=f"asleep-{letter.letter_id}-{_day(newest)}",
                facts={
                    "letter.number": letter.number_text,
                    "letter.subject": letter.subject,
                    "branches.count": str(len(sleeping)),
                    "branches.list": {
                        "list": [
                            {"th": f"{row.post} {row.place}".strip(), "en": row.place_en or row.place}
                            for row in sleeping[:30]
                        ]
                    },
                    "branches.page": f"{site}/letters/{letter.letter_id}",
                },
            )
        )
    return found


def _day(moment: datetime) -> date:
    return moment.astimezone(BANGKOK).date()


def due_day(rule: Rule, date_at: datetime, now: datetime) -> tuple[str, int] | None:
    """Which of a rule's days before ``date_at`` has come: its key and how many days.

    Only the nearest: whoever starts a day before closing is not reminded three times at once. Working
    days count in Bangkok; such a reminder comes in the morning, from 8 o'clock.
    """
    last = _day(date_at)
    reached = [
        ("", days)
        for days in rule.days_before
        if date_at - timedelta(days=days) <= now and (days == 0 or now < date_at)
    ]
    for days in rule.working_days_before:
        starts = datetime.combine(before(last, days), datetime.min.time(), BANGKOK) + timedelta(hours=8)
        if starts <= now < date_at:
            reached.append(("w", days))
    return min(reached, key=lambda one: one[1], default=None)


def before(day: date, working_days: int) -> date:
    """The day that lies ``working_days`` working days before ``day``: the latest one from which, counting
    the following days up to and with ``day``, so many are working days."""
    found = day
    left = working_days
    while left:
        if is_working_day(found):
            left -= 1
        found -= timedelta(days=1)
    while not is_working_day(found):
        found -= timedelta(days=1)
    return found


def _drafts(seen: _Seen, rule: Rule) -> Sequence[Happening]:
    due = due_day(rule, seen.rulebook.milestone(MilestoneKind.APPLICATIONS).ends_at, seen.now)
    if due is None or due[1] == 0:
        return ()
    kind, days = due
    return [
        Happening(
            contest_id=seen.rulebook.contest_id,
            event=DRAFTS,
            event_id=f"closing-{kind}{days}-{entry.entry_id}",
            entry_id=entry.entry_id,
            facts={"days": str(days)},
        )
        for entry in seen.drafts
    ]


def _behind(seen: _Seen, rule: Rule) -> Sequence[Happening]:
    found = []
    for row in seen.behind:
        due = due_day(rule, row.due_at, seen.now)
        if due is None:
            continue
        kind, days = due
        found.append(
            Happening(
                contest_id=seen.rulebook.contest_id,
                event=BEHIND,
                event_id=f"behind-{kind}{days}-{row.round}-{row.judge_id}-{_day(row.due_at)}",
                contact_id=row.contact_id,
                facts={
                    "judge.name": seen.names.get(row.contact_id, "–"),
                    "judge.missing": str(row.missing),
                    "judge.due": {"at": row.due_at.isoformat()},
                    "days": str(days),
                },
            )
        )
    return found


def _instant_of(milestone: Milestone) -> datetime:
    """The instant that matters of a milestone: when applications close, when the others begin."""
    ends = milestone.kind in (MilestoneKind.APPLICATIONS, MilestoneKind.VOTING)
    return milestone.ends_at if ends else milestone.starts_at


def _near(seen: _Seen, rule: Rule) -> Sequence[Happening]:
    rulebook, now = seen.rulebook, seen.now
    if rule.of is None:
        return ()
    milestone = rulebook.milestone(rule.of)
    at = _instant_of(milestone)
    due = due_day(rule, at, now)
    if due is None or due[1] == 0:
        return ()
    kind, days = due
    return [
        Happening(
            contest_id=rulebook.contest_id,
            event=NEAR,
            event_id=f"near-{rule.of.value}-{kind}{days}-{_day(at)}",
            facts={
                "milestone.name": milestone.name.model_dump(),
                "milestone.when": {"at": at.isoformat()},
                "days": str(days),
            },
        )
    ]


def _tight(seen: _Seen, rule: Rule) -> Sequence[Happening]:
    """Steps with fewer working days before them than the table wants; told at once, and again if moved."""
    rulebook, now = seen.rulebook, seen.now
    least = min(rule.working_days_before)
    found = []
    for earlier, later in pairwise(rulebook.milestone(kind) for kind in _STEPS):
        first, last = _day(earlier.ends_at), _day(_instant_of(later))
        days = working_days_between(first, last - timedelta(days=1))
        if days >= least or now >= later.starts_at:
            continue
        found.append(
            Happening(
                contest_id=rulebook.contest_id,
                event=TIGHT,
                event_id=f"tight-{later.kind.value}-{first}-{last}",
                facts={
                    "milestone.name": later.name.model_dump(),
                    "milestone.when": {"at": _instant_of(later).isoformat()},
                    "milestone.previous": earlier.name.model_dump(),
                    "days": str(days),
                },
            )
        )
    return found
