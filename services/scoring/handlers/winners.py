"""The judged awards: proposed from the final ranking, certified by two people."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from services.scoring.domain.awards import Verdict, judged_awards, judged_verdict
from services.scoring.domain.ranking import two_places
from services.scoring.handlers import proposals
from services.scoring.handlers.assignments import finalist_ids
from services.scoring.handlers.ranking import (
    POPULAR_SCOPE,
    RoundRanking,
    final_round,
    rank_round,
)
from services.scoring.handlers.shortlist import Sign, TieAcrossTheLine, check_complete
from services.scoring.repository import entries
from services.scoring.repository.contests import take_turn
from services.scoring.tables import CommitteeDecision, Decision, DecisionKind, Entry, Json
from shared import known
from shared.clock import Clock
from shared.contracts.event import LocalizedText
from shared.contracts.ids import ContactId, ContestId, EntryId
from shared.contracts.rulebook import Rulebook
from shared.contracts.scoring import AwardGiven, Round, WinnersCertified
from shared.errors import Conflict, Invalid
from shared.messaging import publish


@dataclass(frozen=True, slots=True)
class ProposeWinners:
    contest_id: ContestId
    by: ContactId
    accept_missing: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class RecordCommitteeDecision:
    contest_id: ContestId
    scope: str
    """``first/<category>``, ``second/<category>`` or ``popular``."""
    entry_ids: tuple[EntryId, ...]
    """Best first."""
    reason: str
    by: ContactId


async def propose_winners(session: AsyncSession, clock: Clock, command: ProposeWinners) -> Decision:
    """Propose the winner of every category from the deciding round's ranking of the finalists.

    Raises:
        Unavailable: submitted scores are still on their way.
        Conflict: no shortlist, scores missing, a tie that only the committee can part, or certified.
    """
    rulebook = await known.rulebook(session, command.contest_id)
    await take_turn(session, command.contest_id)
    ranking = await rank_round(session, rulebook, final_round(rulebook), finalists_only=True)
    check_complete(ranking, accept_missing=command.accept_missing, note=command.note)
    content = winners_content(rulebook, ranking)
    now = await clock.now(session, command.contest_id)
    return await proposals.propose(
        session,
        now,
        command.contest_id,
        DecisionKind.WINNERS,
        content,
        by=command.by,
        note=command.note.strip(),
    )


async def certify_winners(session: AsyncSession, clock: Clock, command: Sign) -> Decision:
    """One of two different people certifies; the second is an approver and makes it final.

    Raises:
        Conflict: nothing to sign, the same person twice, or the ranking changed since.
        Forbidden: the second is no approver.
    """
    rulebook = await known.rulebook(session, command.contest_id)
    await take_turn(session, command.contest_id)
    now = await clock.now(session, command.contest_id)

    async def content() -> Json:
        ranking = await rank_round(session, rulebook, final_round(rulebook), finalists_only=True)
        return winners_content(rulebook, ranking)

    decision, people = await proposals.certify(
        session, now, command.contest_id, DecisionKind.WINNERS, command.signer, content
    )
    if decision.published_at is not None:
        await publish(
            session,
            WinnersCertified(
                contest_id=command.contest_id,
                revision=decision.number,
                awards=tuple(AwardGiven.model_validate(award) for award in decision.content["awards"]),
                certified_by=people,
                certified_at=now,
            ),
        )
    return decision


async def record_committee_decision(
    session: AsyncSession, clock: Clock, command: RecordCommitteeDecision
) -> CommitteeDecision:
    """Keep how the committee parted a tie; a later decision of the same scope replaces it.

    Raises:
        Invalid: no such scope, no reason, or entries that do not belong to it.
        Conflict: what it would decide is published.
    """
    rulebook = await known.rulebook(session, command.contest_id)
    if not command.reason.strip():
        raise Invalid(
            "ระบุมติและเหตุผลของคณะกรรมการ", "Say what the committee decided, and why.", field="reason"
        )
    await take_turn(session, command.contest_id)
    kind = _decides(rulebook, command.scope)
    if await proposals.published(session, command.contest_id, kind):
        raise Conflict(
            "ประกาศเรื่องนี้แล้ว จึงบันทึกมติเพิ่มไม่ได้",
            "What this would decide is published already.",
        )
    await _check_entries(session, rulebook, command)
    return await session.merge(
        CommitteeDecision(
            contest_id=command.contest_id,
            scope=command.scope,
            entry_ids=list(command.entry_ids),
            reason=command.reason.strip(),
            recorded_by=command.by,
            recorded_at=await clock.now(session, command.contest_id),
        )
    )


def verdicts(rulebook: Rulebook, ranking: RoundRanking) -> tuple[Verdict, ...]:
    """What the rules say about every judged award."""
    standings = {category.category_id: category.standings for category in ranking.categories}
    return tuple(
        judged_verdict(
            award, standings.get(award.category_id, ()) if award.category_id else (), rulebook.judging
        )
        for award in judged_awards(rulebook.awards)
    )


def winners_content(rulebook: Rulebook, ranking: RoundRanking) -> Json:
    """Exactly what would be certified.

    Raises:
        TieAcrossTheLine: the committee must decide first.
    """
    found = verdicts(rulebook, ranking)
    check_decided(rulebook, found, [*ranking.entries.values()])
    return {
        "awards": [
            award_given(verdict, ranking.entries.get(verdict.entry_id) if verdict.entry_id else None)
            for verdict in found
        ],
        "round": ranking.round.value,
    }


def check_decided(rulebook: Rulebook, found: Sequence[Verdict], known_entries: Sequence[Entry]) -> None:
    """Pass if no award waits for the committee.

    Raises:
        TieAcrossTheLine: one does.
    """
    references = {entry.entry_id: entry.reference for entry in known_entries}
    ties = [
        (verdict.award.name.th, [references.get(entry_id, entry_id) for entry_id in verdict.undecided])
        for verdict in found
        if verdict.undecided
    ]
    if ties:
        raise TieAcrossTheLine(ties)


def award_given(verdict: Verdict, entry: Entry | None) -> Json:
    """The award as it is published."""
    given = AwardGiven(
        award_id=verdict.award.id,
        kind=verdict.award.kind,
        name=verdict.award.name,
        category_id=verdict.award.category_id,
        entry_id=verdict.entry_id,
        title=LocalizedText.model_validate(entry.title) if entry else None,
        applicant_name=entry.applicant_name if entry else "",
        mean_total=two_places(verdict.mean_total) if verdict.mean_total is not None else "",
        votes=verdict.votes,
        decided_by=verdict.decided_by,
    )
    return given.model_dump(mode="json")


def _decides(rulebook: Rulebook, scope: str) -> DecisionKind:
    if scope == POPULAR_SCOPE:
        return DecisionKind.RESULTS
    scoring_round, _, category_id = scope.partition("/")
    if category_id in {category.id for category in rulebook.categories}:
        if scoring_round == final_round(rulebook):
            return DecisionKind.WINNERS
        if scoring_round == Round.FIRST:
            return DecisionKind.SHORTLIST
    raise Invalid(
        "ไม่มีเรื่องนี้ให้คณะกรรมการตัดสิน",
        "There is no such scope; it is first/<category>, second/<category> or popular.",
        field="scope",
    )


async def _check_entries(session: AsyncSession, rulebook: Rulebook, command: RecordCommitteeDecision) -> None:
    found = {entry.entry_id: entry for entry in await entries.entries(session, command.contest_id)}
    if command.scope == POPULAR_SCOPE:
        allowed = set(await finalist_ids(session, command.contest_id))
    else:
        category_id = command.scope.partition("/")[2]
        allowed = {EntryId(e.entry_id) for e in found.values() if e.category_id == category_id}
    chosen = command.entry_ids
    if not chosen or len(set(chosen)) != len(chosen) or not allowed.issuperset(chosen):
        raise Invalid(
            "ระบุผลงานตามลำดับมติ อย่างน้อยหนึ่งชิ้น ไม่ซ้ำกัน และอยู่ในเรื่องนี้",
            "Name the entries in the committee's order: at least one, none twice, and all of this scope.",
            field="entry_ids",
        )
