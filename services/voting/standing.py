"""What can be said of a vote, to whom: the one place from which pages, JSON, CSV and streams are fed."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting import repository
from services.voting.domain.disclosure import SHOWN, Disclosure, VoteState, totals_for_public
from services.voting.domain.errors import UnknownReceipt
from services.voting.domain.outcomes import Outcome, Totals
from services.voting.domain.receipts import read_receipt
from services.voting.repository import Tracked
from services.voting.tables import Certification, Finalist, VoteWindow
from shared import known
from shared.clock import Clock
from shared.contracts.event import LocalizedText
from shared.contracts.intake import Role
from shared.contracts.rulebook import Milestone, MilestoneKind, Rulebook
from shared.web.sessions import Account

MAY_SEE_TOTALS = (Role.STAFF, Role.APPROVER, Role.AUDITOR)


@dataclass(frozen=True, slots=True)
class BallotEntry:
    """One finalist as the ballot shows it. ``counted`` is None where the reader may not see totals."""

    entry_id: str
    category_id: str
    category: LocalizedText
    title: LocalizedText
    summary: LocalizedText | None
    applicant_name: str
    province_code: str
    withdrawn: bool
    counted: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """One contest's vote at one moment, as one reader may see it."""

    rulebook: Rulebook
    now: datetime
    state: VoteState
    opens_at: datetime | None
    closes_at: datetime | None
    entries: tuple[BallotEntry, ...]
    disclosure: Disclosure
    totals: Totals | None
    """None where the reader may not see totals."""
    winner: str | None
    """The entry in first place as two people signed it, only after the certificate; None also for a tie."""
    certification: Certification | None
    weak_durability_accepted_by: str = ""

    @property
    def contest_id(self) -> str:
        return self.rulebook.contest_id

    @property
    def ranked(self) -> tuple[BallotEntry, ...]:
        """Entries by votes where totals may be seen, else in the ballot's order: a list must not tell
        what the numbers do not."""
        if self.totals is None:
            return self.entries
        return tuple(sorted(self.entries, key=lambda entry: (-(entry.counted or 0), entry.entry_id)))

    @property
    def tied(self) -> bool:
        """Whether the certificate names nobody because the first place is shared."""
        return self.state is VoteState.CERTIFIED and self.winner is None

    @property
    def winner_withdrawn(self) -> bool:
        """Whether the certified winner left the contest afterwards; the result stays as it was signed."""
        return any(entry.withdrawn for entry in self.entries if entry.entry_id == self.winner)


def may_see_totals(account: Account | None) -> bool:
    """Whether this account sees totals whatever the rulebook tells the public."""
    return account is not None and account.may(*MAY_SEE_TOTALS)


async def standing(
    session: AsyncSession, clock: Clock, contest_id: str, *, sees_totals: bool = False
) -> Standing:
    """The vote of ``contest_id`` as somebody may see it who does or does not work for it.

    Raises:
        NotFound: there is no such contest.
    """
    rulebook = await known.rulebook(session, contest_id)
    now = await clock.now(session, contest_id)
    window = await repository.window(session, contest_id)
    state = VoteState(window.state) if window else VoteState.NOT_OPEN
    milestone = next((m for m in rulebook.milestones if m.kind is MilestoneKind.VOTING), None)
    closes_at = window.closes_at if window else milestone.ends_at if milestone else None
    disclosure = SHOWN if sees_totals else totals_for_public(rulebook.voting, state, now, closes_at)
    gone = await repository.withdrawn(session, contest_id)
    entries = tuple(
        _entry(finalist, rulebook, gone)
        for finalist in await repository.finalists(session, contest_id)
        if window is None or finalist.entry_id in window.ballot
    )
    certification = await repository.certification(session, contest_id)
    result = Standing(
        rulebook=rulebook,
        now=now,
        state=state,
        opens_at=_opens_at(window, milestone),
        closes_at=closes_at,
        entries=entries,
        disclosure=disclosure,
        totals=None,
        winner=None,
        certification=certification,
        weak_durability_accepted_by=window.weak_durability_accepted_by if window else "",
    )
    return await _with_totals(session, result) if disclosure.visible else result


async def _with_totals(session: AsyncSession, bare: Standing) -> Standing:
    counted = await repository.counted_by_entry(session, bare.contest_id)
    totals = await repository.totals(session, bare.contest_id)
    certified = bare.state is VoteState.CERTIFIED and bare.certification
    return replace(
        bare,
        totals=totals,
        winner=certified.winner if certified else None,
        entries=tuple(replace(entry, counted=counted.get(entry.entry_id, 0)) for entry in bare.entries),
    )


def _opens_at(window: VoteWindow | None, milestone: Milestone | None) -> datetime | None:
    if window:
        return window.opened_at
    return milestone.starts_at if milestone else None


def _entry(finalist: Finalist, rulebook: Rulebook, gone: frozenset[str]) -> BallotEntry:
    names = {category.id: category.name for category in rulebook.categories}
    summary = LocalizedText(th=finalist.summary_th, en=finalist.summary_en) if finalist.summary_th else None
    return BallotEntry(
        entry_id=finalist.entry_id,
        category_id=finalist.category_id,
        category=names.get(finalist.category_id) or LocalizedText(th=finalist.category_id),  # type: ignore[call-overload]
        title=LocalizedText(th=finalist.title_th, en=finalist.title_en),
        summary=summary,
        applicant_name=finalist.applicant_name,
        province_code=finalist.province_code,
        withdrawn=finalist.entry_id in gone,
    )


@dataclass(frozen=True, slots=True)
class ReceiptStatus:
    """The answer to "what became of my vote?"; it never says for whom."""

    receipt: str
    outcome: Outcome
    tracked: Tracked | None
    """None while the tally has not met the receipt."""


async def receipt_status(session: AsyncSession, typed: str) -> ReceiptStatus:
    """What became of the ballot with this receipt.

    Raises:
        UnknownReceipt: no receipt looks like this, or every vote is closed and counted without it.
    """
    receipt = read_receipt(typed)
    if receipt is None:
        raise UnknownReceipt
    tracked = await repository.track(session, receipt)
    if tracked is not None:
        return ReceiptStatus(receipt, tracked.outcome, tracked)
    if not await repository.anything_pending(session):
        raise UnknownReceipt
    return ReceiptStatus(receipt, Outcome.PENDING, None)
