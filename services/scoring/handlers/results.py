"""All awards, judged and popular, proposed by staff and published by another person."""

from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from services.scoring.domain.awards import Verdict, popular_verdict
from services.scoring.handlers import proposals
from services.scoring.handlers.ranking import POPULAR_SCOPE
from services.scoring.handlers.shortlist import Sign
from services.scoring.handlers.winners import award_given, check_decided
from services.scoring.repository import decisions, entries
from services.scoring.repository.contests import take_turn
from services.scoring.tables import Decision, DecisionKind, EntryState, Json
from shared import known
from shared.clock import Clock
from shared.contracts.ids import ContactId, ContestId, EntryId
from shared.contracts.rulebook import AwardKind, Rulebook
from shared.contracts.scoring import AwardGiven, ResultsPublished
from shared.errors import Conflict
from shared.messaging import publish


@dataclass(frozen=True, slots=True)
class ProposeResults:
    contest_id: ContestId
    by: ContactId
    note: str = ""


async def propose_results(session: AsyncSession, clock: Clock, command: ProposeResults) -> Decision:
    """Propose all awards.

    Raises:
        Conflict: the winners or the public vote are not certified, the popular award is tied, or the
            results are published already.
    """
    rulebook = await known.rulebook(session, command.contest_id)
    await take_turn(session, command.contest_id)
    content = await results_content(session, rulebook)
    now = await clock.now(session, command.contest_id)
    return await proposals.propose(
        session,
        now,
        command.contest_id,
        DecisionKind.RESULTS,
        content,
        by=command.by,
        note=command.note.strip(),
    )


async def approve_results(session: AsyncSession, clock: Clock, command: Sign) -> Decision:
    """An approver other than the proposer publishes the results.

    Raises:
        Conflict: nothing to sign, the same person, or the basis changed since.
        Forbidden: not an approver.
    """
    rulebook = await known.rulebook(session, command.contest_id)
    await take_turn(session, command.contest_id)
    now = await clock.now(session, command.contest_id)

    async def content() -> Json:
        return await results_content(session, rulebook)

    decision, people = await proposals.approve(
        session, now, command.contest_id, DecisionKind.RESULTS, command.signer, content
    )
    await publish(
        session,
        ResultsPublished(
            contest_id=command.contest_id,
            revision=decision.number,
            awards=tuple(AwardGiven.model_validate(award) for award in decision.content["awards"]),
            approved_by=people,
            published_at=now,
        ),
    )
    return decision


async def results_content(session: AsyncSession, rulebook: Rulebook) -> Json:
    """Exactly what would be published: the certified judged awards and the popular one, in the
    rulebook's order.

    Raises:
        Conflict: something is not certified yet.
        TieAcrossTheLine: the committee must decide the popular award.
    """
    winners = await proposals.published(session, rulebook.contest_id, DecisionKind.WINNERS)
    if winners is None:
        raise Conflict(
            "ยังไม่ได้รับรองผู้ชนะโดยผู้ลงนามสองคน",
            "The winners are not certified by two people yet.",
        )
    judged = {award["award_id"]: award for award in winners.content["awards"]}
    popular = [award for award in rulebook.awards if award.kind is AwardKind.POPULAR]
    found = await popular_verdicts(session, rulebook, judged) if popular else ()
    everyone = await entries.entries(session, rulebook.contest_id)
    check_decided(rulebook, found, everyone)
    by_id = {entry.entry_id: entry for entry in everyone}
    given = judged | {
        verdict.award.id: award_given(verdict, by_id.get(verdict.entry_id) if verdict.entry_id else None)
        for verdict in found
    }
    return {"awards": [given[award.id] for award in rulebook.awards]}


async def popular_verdicts(
    session: AsyncSession, rulebook: Rulebook, judged: dict[str, Json]
) -> tuple[Verdict, ...]:
    """What the rules say about the popular award.

    Raises:
        Conflict: the public vote is not certified yet.
    """
    vote = await decisions.popular_vote(session, rulebook.contest_id)
    if vote is None:
        raise Conflict(
            "ยังไม่ได้รับรองผลโหวตของประชาชน",
            "The public vote is not certified yet.",
        )
    withdrawn = {
        entry.entry_id
        for entry in await entries.entries(session, rulebook.contest_id)
        if entry.state == EntryState.WITHDRAWN
    }
    orders = await decisions.committee(session, rulebook.contest_id)
    return tuple(
        popular_verdict(
            award,
            {EntryId(e): count for e, count in vote.totals.items() if e not in withdrawn},
            rulebook.judging,
            certified_winner=EntryId(vote.winner_entry_id) if vote.winner_entry_id else None,
            judged_winners={EntryId(a["entry_id"]) for a in judged.values() if a["entry_id"]},
            committee=orders.get(POPULAR_SCOPE, ()),
        )
        for award in rulebook.awards
        if award.kind is AwardKind.POPULAR
    )
