"""The shortlist: staff propose what the ranking gives, an approver publishes it."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from services.scoring.domain.ranking import Cut
from services.scoring.domain.signing import Signer
from services.scoring.handlers import proposals
from services.scoring.handlers.ranking import CategoryRanking, RoundRanking, rank_round
from services.scoring.repository.contests import take_turn
from services.scoring.tables import Decision, DecisionKind, Json
from shared import known
from shared.clock import Clock
from shared.contracts.event import LocalizedText
from shared.contracts.ids import CategoryId, ContactId, ContestId, EntryId
from shared.contracts.rulebook import Rulebook
from shared.contracts.scoring import Finalist, Round, ShortlistPublished
from shared.errors import Conflict, Unavailable
from shared.messaging import publish


@dataclass(frozen=True, slots=True)
class ProposeShortlist:
    contest_id: ContestId
    by: ContactId
    accept_missing: bool = False
    """Rank without the scorecards that judges still owe; ``note`` says why."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Sign:
    """A signature under an open proposal."""

    contest_id: ContestId
    signer: Signer


class TieAcrossTheLine(Conflict):
    """Only the committee can part these entries."""

    code = "needs-committee"

    def __init__(self, ties: Iterable[tuple[str, Iterable[str]]]) -> None:
        listed = "; ".join(f"{name}: {', '.join(references)}" for name, references in ties)
        super().__init__(
            f"คะแนนเท่ากันและกติกาตัดสินไม่ได้ ต้องบันทึกมติคณะกรรมการก่อน ({listed})",
            f"These are tied and no rule parts them; record the committee's decision first ({listed}).",
        )


class ScoresMissing(Conflict):
    """Judges still owe scorecards."""

    code = "scores-missing"

    def __init__(self, awaited: int, unscored: int) -> None:
        super().__init__(
            f"ยังขาดคะแนน {awaited} ใบ และมีผลงานที่ไม่มีคะแนนเลย {unscored} ชิ้น "
            "รอให้ครบ หรือยืนยันว่าจะดำเนินการโดยไม่รอพร้อมระบุเหตุผล",
            f"{awaited} scorecards are missing and {unscored} entries have none. Wait for them, or confirm "
            "that you go on without, and say why.",
            field="accept_missing",
        )


class StillCounting(Unavailable):
    """Submitted scores are on their way through the log."""

    code = "still-counting"

    def __init__(self, lagging: int) -> None:
        super().__init__(
            f"กำลังรวมคะแนนที่เพิ่งส่ง {lagging} ใบ ลองใหม่ในอีกสักครู่",
            f"{lagging} scorecards that were just submitted are still being counted; try again in a moment.",
            retry_after=2,
        )


async def propose_shortlist(session: AsyncSession, clock: Clock, command: ProposeShortlist) -> Decision:
    """Propose the rulebook's number of entries per category.

    Raises:
        Unavailable: submitted scores are still on their way.
        Conflict: scores are missing, a tie lies across the line, or it is published already.
    """
    rulebook = await known.rulebook(session, command.contest_id)
    await take_turn(session, command.contest_id)
    ranking = await rank_round(session, rulebook, Round.FIRST)
    check_complete(ranking, accept_missing=command.accept_missing, note=command.note)
    content = shortlist_content(rulebook, ranking)
    now = await clock.now(session, command.contest_id)
    return await proposals.propose(
        session,
        now,
        command.contest_id,
        DecisionKind.SHORTLIST,
        content,
        by=command.by,
        note=command.note.strip(),
    )


async def approve_shortlist(session: AsyncSession, clock: Clock, command: Sign) -> Decision:
    """An approver other than the proposer publishes the shortlist; the first round locks.

    Raises:
        Conflict: nothing to sign, the same person, or the ranking changed since.
        Forbidden: not an approver.
    """
    rulebook = await known.rulebook(session, command.contest_id)
    await take_turn(session, command.contest_id)
    now = await clock.now(session, command.contest_id)

    async def content() -> Json:
        return shortlist_content(rulebook, await rank_round(session, rulebook, Round.FIRST))

    decision, people = await proposals.approve(
        session, now, command.contest_id, DecisionKind.SHORTLIST, command.signer, content
    )
    await publish(
        session,
        ShortlistPublished(
            contest_id=command.contest_id,
            revision=decision.number,
            finalists=tuple(Finalist.model_validate(item) for item in decision.content["finalists"]),
            not_selected=tuple(EntryId(entry_id) for entry_id in decision.content["not_selected"]),
            approved_by=people,
            published_at=now,
        ),
    )
    return decision


def check_complete(ranking: RoundRanking, *, accept_missing: bool, note: str) -> None:
    """Pass if every scorecard is there, or a person says why to go on without.

    Raises:
        Unavailable: submitted scores are still on their way.
        Conflict: scores are missing.
    """
    if ranking.lagging:
        raise StillCounting(ranking.lagging)
    unscored = len(ranking.unscored)
    if (ranking.awaited or unscored) and not (accept_missing and note.strip()):
        raise ScoresMissing(ranking.awaited, unscored)


def cuts(rulebook: Rulebook, ranking: RoundRanking, size: int | None = None) -> dict[CategoryId, Cut]:
    """The line of every category; ``size`` other than the rulebook's asks what would be."""
    rules = rulebook.judging
    places = rules.shortlist_per_category.value if size is None else size
    return {
        category.category_id: category.cut(places, rules.minimum_total.value)
        for category in ranking.categories
    }


def shortlist_content(rulebook: Rulebook, ranking: RoundRanking) -> Json:
    """Exactly what would be published.

    Raises:
        TieAcrossTheLine: the committee must decide first.
        Conflict: no entry is good enough in any category.
    """
    lines = cuts(rulebook, ranking)
    ties = [
        (
            rulebook.category(category_id).name.th,
            [ranking.entries[standing.entry_id].reference for standing in line.undecided],
        )
        for category_id, line in lines.items()
        if line.undecided
    ]
    if ties:
        raise TieAcrossTheLine(ties)
    finalists = [
        finalist
        for category in ranking.categories
        for finalist in _finalists(ranking, category, lines[category.category_id])
    ]
    if not finalists:
        raise Conflict(
            "ยังไม่มีผลงานที่ได้คะแนนถึงเกณฑ์ จึงไม่มีรายชื่อให้เสนอ",
            "No entry has reached the minimum, so there is no shortlist to propose.",
        )
    chosen = {finalist.entry_id for finalist in finalists}
    return {
        "finalists": [finalist.model_dump(mode="json") for finalist in finalists],
        "not_selected": sorted(entry_id for entry_id in ranking.entries if entry_id not in chosen),
        "means": {
            standing.entry_id: str(standing.mean_total)
            for category in ranking.categories
            for standing in category.standings
        },
    }


def _finalists(ranking: RoundRanking, category: CategoryRanking, line: Cut) -> Iterable[Finalist]:
    for standing in line.selected:
        entry = ranking.entries[standing.entry_id]
        yield Finalist(
            entry_id=standing.entry_id,
            category_id=category.category_id,
            title=LocalizedText.model_validate(entry.title),
            applicant_name=entry.applicant_name,
            province_code=entry.province_code,
            summary=LocalizedText.model_validate(entry.summary),
            rank=standing.rank,
        )
