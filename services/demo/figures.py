"""The figures of the demo: what must be found, what the pages say, and what the log says."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from services.demo.acts.letters import ASLEEP
from services.demo.api import until
from services.demo.asleep import reminders_of_one
from services.demo.plan import BRIEFING, BRIEFING_CANCELLED, JUDGES, JUDGES_PER_ENTRY, PROVINCES
from services.demo.stage import Stage

Value = int | str | None


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. None means that this side does not know the figure."""

    name: str
    expected: int | str
    api: Value
    log: Value

    @property
    def agrees(self) -> bool:
        """Whether every side that knows the figure found what was expected."""
        known = [value for value in (self.api, self.log) if value is not None]
        return bool(known) and all(value == self.expected for value in known)


BY_THE_CALENDAR = frozenset(
    {
        "briefing-tomorrow",
        "daily-digest",
        "judge-behind",
        "staff-branch-asleep",
        "staff-deadline-tight",
        "staff-entry-withdrawn",
        "staff-judge-behind",
        "staff-milestone-near",
    }
)
"""Notices that come with the days on which the demo's clock stops: no figures of the plan, so they are not
in the table, but the same in every run."""


def expected_notices(stage: Stage) -> dict[str, int]:
    """How many notices of each template the contest's table of notices makes of this course."""
    fates, steps = stage.plan.fates(), stage.plan.steps()
    finalists = len(stage.plan.finalists)
    offices = len(stage.noted["cover"]["dispatches"])  # none of them acknowledges
    submitted = fates["accepted"] + fates["refused"] + fates["withdrawn"]
    return {
        "approval-awaited": 4,  # shortlist and results; winners when proposed, and after the first signature
        "briefing-confirmed": BRIEFING,
        "briefing-cancelled": BRIEFING_CANCELLED,
        "certificate-name": stage.plan.certificates,
        "certificate-ready": stage.plan.certificates,
        "draft-reminder": fates["late"] + fates["young"],
        "entry-accepted": fates["accepted"],
        "entry-received": submitted,
        "entry-refused": fates["refused"],
        "entry-returned": steps["returned"],
        "entry-withdrawn": fates["withdrawn"],
        "judge-assigned": 2 * JUDGES + 2,  # both rounds, and the two judges whom the recusal concerns
        "judge-invited": JUDGES,
        "judge-recused": 1,  # the contest's one officer
        "letter-reminder": ASLEEP * reminders_of_one(stage.noted["circular_sent"], stage.days)
        + offices * reminders_of_one(stage.noted["cover_sent"], stage.days),
        "not-shortlisted": fates["accepted"] - finalists,
        "official-letter": PROVINCES + offices + JUDGES + fates["accepted"],  # each applicant won or did not
        "results": fates["accepted"],
        "shortlisted": finalists,
        "slot-moved": 1,
        "slot-scheduled": finalists,
        "staff-entry-amended": steps["amended"] + steps["returned"],
        "staff-entry-received": submitted,
        "staff-judge-accepted": JUDGES,
        "vote-open": finalists,
    }


async def settled(stage: Stage) -> list[dict[str, Any]]:
    """Every notice, once none waits to be sent any more and the expected number is there."""
    expected = sum(expected_notices(stage).values())

    async def quiet() -> Any:
        every = await stage.notices()
        rows = [row for row in every if row["template"] not in BY_THE_CALENDAR]
        done = len(rows) >= expected and all(row["state"] in ("sent", "digested") for row in every)
        return rows if done else None

    found: list[dict[str, Any]] = await until(quiet, f"{expected} notices to be sent")
    return found


async def figures(stage: Stage, log: Mapping[str, Any] | None) -> list[Figure]:
    """All figures. ``log`` is the recount; without it that column stays empty."""
    notices = await settled(stage)
    return [
        *await _people(stage, log),
        *await _entries(stage, log),
        *await _judging(stage, log),
        *await _votes(stage, log),
        *await _paper(stage, log, notices),
    ]


def _at(log: Mapping[str, Any] | None, *path: str) -> Any:
    """A figure of the recount; None without one."""
    found: Any = log
    for name in path:
        if found is None:
            return None
        found = found.get(name, 0)
    return found


async def _people(stage: Stage, log: Mapping[str, Any] | None) -> list[Figure]:
    rows = (await stage.staff.get(stage.path("intake", "/briefing-registrations")))["registrations"]
    standing = [row for row in rows if row["state"] == "registered"]
    represented = sum(row["attends_as"] == "representative" for row in standing)
    judges = await stage.staff.get(stage.path("scoring", "/judges"))
    return [
        Figure("briefing sign-ups", BRIEFING, len(rows), _sum(log, "briefing", "registered", "cancelled")),
        Figure(
            "… through a representative",
            len(stage.plan.representatives),
            represented,
            _at(log, "briefing", "representatives"),
        ),
        Figure(
            "… cancelled", BRIEFING_CANCELLED, len(rows) - len(standing), _at(log, "briefing", "cancelled")
        ),
        Figure(
            "… who came",
            BRIEFING - BRIEFING_CANCELLED,
            sum(row["attended_at"] is not None for row in rows),
            None,
        ),
        Figure(
            "judges",
            JUDGES,
            sum(j["accepted_at"] is not None for j in judges),
            _at(log, "judges", "accepted"),
        ),
        Figure("recusals", 1, sum(len(j["recused_from"]) for j in judges), _at(log, "judges", "recused")),
    ]


def _sum(log: Mapping[str, Any] | None, group: str, *names: str) -> int | None:
    return None if log is None else sum(log[group][name] for name in names)


async def _entries(stage: Stage, log: Mapping[str, Any] | None) -> list[Figure]:
    fates = stage.plan.fates()
    in_time = fates["accepted"] + fates["refused"] + fates["withdrawn"]

    async def total(**wanted: str) -> int:
        answer = await stage.staff.get(stage.path("intake", "/entries"), size=1, **wanted)
        return int(answer["total"])

    categories = await _per_category(stage)
    board = await stage.staff.get(stage.path("notify", "/board"))
    drafts = sum(row["drafts"] for row in board["categories"])
    return [
        Figure("entries begun", len(stage.plan.entries), in_time + drafts, _at(log, "entries", "started")),
        Figure("entries submitted in time", in_time, await total(), _at(log, "entries", "submitted")),
        Figure("categories with entries", 7, len(categories), _len(log, "entries", "by_category")),
        Figure("refused at the door: too late", fates["late"], stage.refusals.get("late", 0), None),
        Figure("refused at the door: six months", fates["young"], stage.refusals.get("six_months", 0), None),
        Figure(
            "withdrawn", fates["withdrawn"], await total(state="withdrawn"), _at(log, "entries", "withdrawn")
        ),
        Figure(
            "refused at screening",
            fates["refused"],
            await total(state="refused"),
            _at(log, "entries", "refused"),
        ),
        Figure("accepted", fates["accepted"], await total(state="accepted"), _at(log, "entries", "accepted")),
    ]


async def _per_category(stage: Stage) -> set[str]:
    rows = (await stage.staff.get(stage.path("intake", "/entries"), size=500))["entries"]
    return {row["category_id"] for row in rows}


def _len(log: Mapping[str, Any] | None, group: str, name: str) -> int | None:
    return None if log is None else len(log[group][name])


async def _judging(stage: Stage, log: Mapping[str, Any] | None) -> list[Figure]:
    plan = stage.plan
    first = await stage.staff.get(stage.path("scoring", "/ranking"), round="first")
    second = await stage.staff.get(stage.path("scoring", "/ranking"), round="second")
    shortlist = await stage.api.get(stage.path("scoring", "/shortlist"))
    slots = await stage.staff.get(stage.path("scoring", "/presentations"))
    results = await stage.api.get(stage.path("scoring", "/results"))
    numbers = stage.numbers
    found = sorted(numbers[finalist["entry_id"]] for finalist in shortlist["finalists"])
    won = {a["category_id"]: numbers[a["entry_id"]] for a in results["awards"] if a["kind"] == "judged"}
    return [
        Figure(
            "first-round scorecards",
            JUDGES_PER_ENTRY * len(plan.first_round),
            _cards(first),
            _at(log, "scores", "first_round"),
        ),
        Figure(
            "finalists", len(plan.finalists), len(shortlist["finalists"]), _at(log, "scores", "shortlist")
        ),
        Figure("finalists as planned", _names(sorted(plan.finalists)), _names(found), None),
        Figure("presentations", len(plan.finalists), len(slots), _at(log, "decisions", "presentations")),
        Figure(
            "second-round scorecards",
            JUDGES_PER_ENTRY * len(plan.second_round),
            _cards(second),
            _at(log, "scores", "second_round"),
        ),
        Figure(
            "winners, by category",
            _names(plan.winners[c] for c in sorted(plan.winners)),
            _names(won[c] for c in sorted(won)),
            _winners(stage, log),
        ),
        Figure(
            "awards given",
            len(plan.winners) + 1,
            len(results["awards"]),
            _at(log, "decisions", "awards_given"),
        ),
    ]


def _cards(ranking: Mapping[str, Any]) -> int:
    return sum(row["judges"] for category in ranking["categories"] for row in category["standings"])


def _names(numbers: Any) -> str:
    return " ".join(str(number) for number in numbers)


def _winners(stage: Stage, log: Mapping[str, Any] | None) -> str | None:
    if log is None:
        return None
    won = log["scores"]["winners"]
    return _names(stage.numbers[entry_id] for category in sorted(won) for entry_id in won[category])


async def _votes(stage: Stage, log: Mapping[str, Any] | None) -> list[Figure]:
    plan = stage.plan
    tally = await stage.api.get(stage.path("voting", "/tally"))
    totals = tally["totals"]
    expected = {
        "received": len(plan.votes) + plan.duplicates,
        "counted": len(plan.votes),
        "duplicate": plan.duplicates,
        "late": 0,
        "held": 0,
        "struck": 0,
    }
    by_entry = plan.votes_by_entry()
    wanted = _names(f"{number}:{by_entry[number]}" for number in sorted(by_entry))
    counted = {stage.numbers[row["entry_id"]]: row["counted"] for row in tally["entries"] if row["counted"]}
    winner = stage.numbers.get(tally["winner_entry_id"])
    return [
        *(
            Figure(f"votes {name}", value, totals[name], _at(log, "votes", name))
            for name, value in expected.items()
        ),
        Figure(
            "votes by entry",
            wanted,
            _names(f"{n}:{counted[n]}" for n in sorted(counted)),
            _by_entry(stage, log),
        ),
        Figure("Popular Vote winner", plan.popular, winner, _popular(stage, log)),
    ]


def _by_entry(stage: Stage, log: Mapping[str, Any] | None) -> str | None:
    if log is None:
        return None
    counted = {stage.numbers[entry_id]: count for entry_id, count in log["votes"]["by_entry"].items()}
    return _names(f"{number}:{counted[number]}" for number in sorted(counted))


def _popular(stage: Stage, log: Mapping[str, Any] | None) -> int | None:
    if log is None:
        return None
    return stage.numbers[log["decisions"]["popular_winner"]]


async def _paper(
    stage: Stage, log: Mapping[str, Any] | None, notices: Sequence[Mapping[str, Any]]
) -> list[Figure]:
    every = await stage.staff.get(stage.path("notify", "/letters"))
    letters = {row["template"]: row for row in every}
    numbered = Counter(row["template"] for row in every if row["number"])
    winners = stage.plan.winning_entries
    certificates = await stage.staff.get(stage.path("notify", "/certificates"))
    cover = len(stage.noted["cover"]["dispatches"])
    circular = letters["circular-governors"]
    others, unsuccessful = letters["letter-unsuccessful"], stage.plan.fates()["accepted"] - winners
    announcements = sum(
        row["kind"] == "announcement" and bool(row["number"] or row["sha256"]) for row in letters.values()
    )
    mails = {name: sum(n["template"] == name for n in notices) for name in {n["template"] for n in notices}}
    expected = expected_notices(stage)
    by_template = _at(log, "delivery", "notices_by_template")
    logged = None if by_template is None else sum(by_template.get(name, 0) for name in expected)
    return [
        Figure("governors sent the circular", PROVINCES, circular["recipients"], None),
        Figure(
            "… who acknowledged",
            PROVINCES - ASLEEP,
            circular["received"],
            None,
        ),
        Figure("offices sent Narathiwat's letter", cover, letters["cover-narathiwat"]["recipients"], None),
        Figure(
            "dispatches of circulars",
            PROVINCES + cover + unsuccessful,
            circular["recipients"] + cover + others["recipients"],
            _at(log, "delivery", "dispatches"),
        ),
        *(
            Figure(name, count, numbered[template], _at(log, "delivery", "letters_by_template", template))
            for name, template, count in (
                ("orders appointing the judges", "order-judges", 1),
                ("judges invited by letter", "invitation-judge", JUDGES),
                ("minutes of the judging meeting", "minutes-judging", 1),
                ("letters to winners", "letter-winner", winners),
                ("circulars to those without an award", "letter-unsuccessful", 1),
            )
        ),
        Figure("… applicants told by it", unsuccessful, others["recipients"], None),
        Figure(
            "letters acknowledged",
            PROVINCES - ASLEEP + JUDGES,
            sum(row["received"] for row in every),
            _at(log, "delivery", "acknowledged"),
        ),
        Figure("announcements", 2, announcements, _at(log, "delivery", "letters", "announcement")),
        Figure(
            "certificates",
            stage.plan.certificates,
            len(certificates),
            _at(log, "delivery", "letters", "certificate"),
        ),
        Figure("notices sent", sum(expected.values()), len(notices), logged),
        *(
            Figure(
                f"… {name}",
                count,
                mails.get(name, 0),
                None if by_template is None else by_template.get(name, 0),
            )
            for name, count in sorted(expected.items())
        ),
    ]


def as_json(found: Sequence[Figure]) -> list[dict[str, Any]]:
    """The table for programs."""
    return [{**asdict(figure), "agrees": figure.agrees} for figure in found]
