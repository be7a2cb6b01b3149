"""What the judges' decisions mean for entries: who may open them, and the status line up to the result."""

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake import repository
from services.intake.domain.entry import Outcome
from shared.contracts.scoring import JudgeAssigned, JudgeRecused, ResultsPublished, ShortlistPublished
from shared.messaging import Envelope


async def on_shortlist_published(
    session: AsyncSession, event: ShortlistPublished, envelope: Envelope
) -> None:
    """Keep who is on the shortlist and who is not."""
    contest = await repository.contest_or_none(session, event.contest_id, lock=True)
    if contest is None or contest.shortlist_revision >= event.revision:
        return
    contest.shortlist_revision, contest.shortlisted_at = event.revision, event.published_at
    session.add(contest)
    finalists = [finalist.entry_id for finalist in event.finalists]
    await repository.set_outcome(session, event.contest_id, finalists, Outcome.SHORTLISTED.value)
    await repository.set_outcome(
        session, event.contest_id, list(event.not_selected), Outcome.NOT_SELECTED.value
    )


async def on_results_published(session: AsyncSession, event: ResultsPublished, envelope: Envelope) -> None:
    """Keep who won what; the other finalists stay finalists."""
    contest = await repository.contest_or_none(session, event.contest_id, lock=True)
    if contest is None or contest.results_revision >= event.revision:
        return
    contest.results_revision, contest.results_at = event.revision, event.published_at
    session.add(contest)
    for entry in await repository.sent_entries(session, event.contest_id):
        awards = [award for award in event.awards if award.entry_id == entry.entry_id]
        if awards:
            entry.outcome = Outcome.WINNER.value
            entry.awards = [award.name.model_dump(mode="json") for award in awards]
        elif entry.outcome in (Outcome.SHORTLISTED, Outcome.WINNER):
            entry.outcome, entry.awards = Outcome.FINALIST.value, []
        session.add(entry)


async def on_judge_assigned(session: AsyncSession, event: JudgeAssigned, envelope: Envelope) -> None:
    """Keep the judge's whole list of that round; an older one does not win."""
    await repository.keep_judge_list(session, event)


async def on_judge_recused(session: AsyncSession, event: JudgeRecused, envelope: Envelope) -> None:
    """The judge never opens that entry again, whatever list arrives later."""
    await repository.keep_recusal(session, event.contest_id, event.contact_id, event.entry_id)
