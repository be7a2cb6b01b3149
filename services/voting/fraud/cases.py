"""Cases: votes for one entry that the same detectors agreed on, decided by two people.

    open ── first approver chooses, with a reason ──► chosen ── another one agrees ──► released | struck
      ▲                                                 │
      └──────────── the choice is taken back ◄──────────┘

Between the first choice and the second the case does not grow: whoever agrees, agrees to what the
first person saw. What comes later opens a case of its own.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting import repository
from services.voting.domain import fraud_words
from services.voting.domain.detectors import Detector, Finding, Thresholds, named
from services.voting.domain.disclosure import VoteState
from services.voting.domain.errors import CaseChanged, CaseDecided, NeedsAnotherPerson, ResultCertified
from services.voting.domain.outcomes import Outcome
from services.voting.fraud import holding
from services.voting.fraud import repository as ledger
from services.voting.fraud.holding import Moved, Voter
from services.voting.tables import FraudCase
from shared.clock import Clock
from shared.contracts.ids import ContactId, ContestId, new_id
from shared.contracts.intake import Role
from shared.contracts.voting import VotesHeld, VotesReleased, VotesStruck
from shared.errors import Forbidden, Invalid, NotFound
from shared.messaging import publish
from shared.web.sessions import Account

LEAST_REASON = 5
MOST_REASON = 500


class Choice(StrEnum):
    """What can be done with a case."""

    RELEASE = "release"
    STRIKE = "strike"


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Why votes for an entry are to be held."""

    contest_id: str
    entry_id: str
    detectors: tuple[Detector, ...]
    rules: Thresholds
    findings: Sequence[Finding]


async def set_aside(
    session: AsyncSession, suspicion: Suspicion, voters: Sequence[Voter], now: datetime
) -> int:
    """Hold votes under the open case of their kind, or under a new one, and tell of it.

    Returns:
        How many votes were held: those that no longer count are passed over.
    """
    case = await _open_case(session, suspicion, now)
    moved = await holding.hold(session, suspicion.contest_id, case.case_id, voters)
    if not moved:
        return 0
    case.votes += len(moved)
    case.findings = [asdict(finding) for finding in suspicion.findings]
    for receipts in holding.in_parts(moved):
        case.parts += 1
        await publish(
            session,
            VotesHeld(
                contest_id=ContestId(case.contest_id),
                decision_id=f"{case.case_id}-held-{case.parts}",
                receipt_ids=receipts,
                reason=case.reason_th,
                reason_en=case.reason_en,
                decided_at=now,
                case_id=case.case_id,
                part=case.parts,
                votes=case.votes,
                detector=case.detectors,
            ),
        )
    session.add(case)
    await session.flush()
    await holding.move_counters(session, case.contest_id, moved, Outcome.COUNTED, Outcome.HELD)
    return len(moved)


async def _open_case(session: AsyncSession, suspicion: Suspicion, now: datetime) -> FraudCase:
    detectors = named(suspicion.detectors)
    found = await ledger.growing_case(session, suspicion.contest_id, suspicion.entry_id, detectors)
    if found is not None:
        return found
    words = fraud_words.reasons(suspicion.detectors, suspicion.rules)
    return FraudCase(
        contest_id=suspicion.contest_id,
        case_id=new_id(),
        entry_id=suspicion.entry_id,
        detectors=detectors,
        reason_th=words.th,
        reason_en=words.in_language("en"),
        findings=[],
        votes=0,
        parts=0,
        state="open",
        opened_at=now,
    )


@dataclass(frozen=True, slots=True)
class DecideCase:
    """An approver's choice about a case.

    ``votes`` is the number that the approver saw; where it is given, a case that grew is not decided.
    """

    contest_id: str
    case_id: str
    choice: Choice
    reason: str
    account: Account
    votes: int | None = None


async def decide_case(session: AsyncSession, clock: Clock, command: DecideCase) -> FraudCase:
    """Note the first approver's choice, or, when another approver agrees, carry it out.

    Repeating one's own choice changes nothing, nor does agreeing to what is already done.

    Raises:
        Forbidden: the account is no approver.
        NeedsAnotherPerson: the first person tries to be the second.
        CaseChanged: the choices differ, or the case grew since it was shown.
        CaseDecided: two people decided otherwise already.
        Invalid: there is no reason.
        ResultCertified: the result is certified; nothing changes any more.
        NotFound: there is no such case.
    """
    if not command.account.may(Role.APPROVER):
        raise Forbidden(
            "ต้องเป็นผู้อนุมัติ (approver) จึงปล่อยหรือตัดเสียงได้",
            "Only an approver may release or strike held votes.",
        )
    case = await _locked(session, command.contest_id, command.case_id)
    wanted = {Choice.RELEASE: "released", Choice.STRIKE: "struck"}[command.choice]
    if case.state == wanted:
        return case
    if case.state != "open":
        raise CaseDecided
    if case.choice is None:
        return await _first(session, clock, case, command)
    if case.chosen_by == command.account.contact_id:
        if case.choice == command.choice:
            return case
        raise NeedsAnotherPerson
    if case.choice != command.choice:
        raise CaseChanged(
            f"ผู้อนุมัติคนแรกเลือก “{_word(case.choice)[0]}” หากไม่เห็นด้วยให้ถอนการเลือกนั้นก่อน",
            f"The first approver chose to {_word(case.choice)[1]}. Take that back first if you disagree.",
        )
    return await _second(session, clock, case, command)


async def _first(session: AsyncSession, clock: Clock, case: FraudCase, command: DecideCase) -> FraudCase:
    reason = " ".join(command.reason.split())
    if not LEAST_REASON <= len(reason) <= MOST_REASON:
        raise Invalid(
            f"เขียนเหตุผล {LEAST_REASON}–{MOST_REASON} ตัวอักษร จะแสดงในรายงานต่อสาธารณะ",
            f"Write a reason of {LEAST_REASON} to {MOST_REASON} characters; the public report shows it.",
            field="reason",
        )
    if command.votes is not None and command.votes != case.votes:
        raise CaseChanged(
            f"มีเสียงเข้ามาในกลุ่มนี้เพิ่มเป็น {case.votes:,} เสียง ตรวจดูใหม่แล้วจึงเลือก",
            f"The case has grown to {case.votes:,} votes. Look again, then choose.",
        )
    case.choice, case.choice_reason = command.choice.value, reason
    case.chosen_by = command.account.contact_id
    case.chosen_at = await clock.now(session, case.contest_id)
    return case


async def _second(session: AsyncSession, clock: Clock, case: FraudCase, command: DecideCase) -> FraudCase:
    now = await clock.now(session, case.contest_id)
    release = command.choice is Choice.RELEASE
    after = Outcome.COUNTED if release else Outcome.STRUCK
    moved = await holding.decide(session, case.contest_id, case.case_id, after)
    case.state = "released" if release else "struck"
    case.decided_by, case.decided_at = command.account.contact_id, now
    await _tell(session, case, moved, now, release=release)
    await session.flush()
    await holding.move_counters(session, case.contest_id, moved, Outcome.HELD, after)
    return case


async def _tell(
    session: AsyncSession, case: FraudCase, moved: Sequence[Moved], now: datetime, *, release: bool
) -> None:
    event = VotesReleased if release else VotesStruck
    for part, receipts in enumerate(holding.in_parts(moved), start=1):
        await publish(
            session,
            event(
                contest_id=ContestId(case.contest_id),
                decision_id=f"{case.case_id}-{case.state}-{part}",
                receipt_ids=receipts,
                reason=case.choice_reason,
                decided_at=now,
                case_id=case.case_id,
                part=part,
                votes=len(moved),
                approved_by=(ContactId(str(case.chosen_by)), ContactId(str(case.decided_by))),
            ),
        )


async def take_back(session: AsyncSession, contest_id: str, case_id: str, account: Account) -> FraudCase:
    """Take the first choice back, one's own or another's: the case is open again for everybody.

    Raises:
        Forbidden, CaseDecided, ResultCertified, NotFound: why it cannot be.
    """
    if not account.may(Role.APPROVER):
        raise Forbidden("ต้องเป็นผู้อนุมัติ (approver)", "Only an approver may do this.")
    case = await _locked(session, contest_id, case_id)
    if case.state != "open":
        raise CaseDecided
    case.choice, case.choice_reason, case.chosen_by, case.chosen_at = None, "", None, None
    return case


async def _locked(session: AsyncSession, contest_id: str, case_id: str) -> FraudCase:
    """The case, with the vote's window locked first: certifying and deciding exclude each other."""
    window = await repository.window(session, contest_id, lock=True)
    case = await ledger.case(session, contest_id, case_id, lock=True)
    if window is None or case is None:
        raise NotFound("ไม่มีกลุ่มเสียงที่พักไว้นี้", "There is no such case of held votes.")
    if window.state == VoteState.CERTIFIED:
        raise ResultCertified
    return case


def _word(choice: str) -> tuple[str, str]:
    return {"release": ("ปล่อย", "release them"), "strike": ("ตัดออก", "strike them")}[choice]
