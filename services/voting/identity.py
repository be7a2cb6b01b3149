"""How a person becomes a voter: a code by e-mail, and for it a ballot.

What was typed is normalised, used once to send the code, and forgotten; voting keeps keyed hashes only.
A person who asks twice, or writes the address in another way, gets a ballot of the same voter.
"""

import secrets
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting import repository
from services.voting.domain.addresses import BadAddress, mail_class, normalise
from services.voting.domain.ballots import MailClass, domain_of, issue_ballot, subject_of, voter_of
from services.voting.domain.codes import (
    SEND_WINDOW,
    CodeAnswer,
    SentCode,
    check_code,
    code_digest,
    new_code,
    wait_before_next,
)
from services.voting.domain.disclosure import VoteState
from services.voting.domain.errors import (
    CodeExhausted,
    CodeExpired,
    NotAnAddress,
    TooManyCodes,
    VoteClosed,
    WrongCode,
)
from services.voting.domain.keys import ContestKeys
from services.voting.domain.look_alikes import shape_hash
from services.voting.fraud.signals import EXEMPT
from services.voting.tables import BallotCode
from services.voting.window import LiveWindow
from shared import known
from shared.clock import Clock
from shared.contracts.ids import new_id
from shared.contracts.rulebook import Rulebook
from shared.errors import Conflict, DomainError
from shared.web.ratelimit import limit

CODES_PER_NETWORK_AND_HOUR = 300
"""An office or a carrier behind one address must be able to vote; a script must not mail the country."""
MAX_REHEARSAL_BALLOTS = 100_000
_AT_ONCE = 1_000
"""Ballots made between two statements: a transaction must not be idle, and others want the loop."""


@dataclass(frozen=True, slots=True)
class MailedCode:
    """What the mailer is to send, once the transaction is through."""

    to: str
    subject: str
    text: str
    key: str


@dataclass(frozen=True, slots=True)
class RequestCode:
    """Somebody wants to vote."""

    contest_id: str
    email: str
    network: str
    """The requester's address; only a hash of it is kept, to limit mail."""
    language: str = "th"


async def request_code(
    session: AsyncSession, clock: Clock, window: LiveWindow, command: RequestCode
) -> MailedCode:
    """Make a code; the caller mails it after the commit.

    Raises:
        NotAnAddress, TooManyCodes, TooMany, VoteClosed, NotFound: why none is sent.
    """
    rulebook = await known.rulebook(session, command.contest_id)
    vote = await repository.window(session, command.contest_id)
    if vote is not None and vote.state in (VoteState.CLOSED, VoteState.CERTIFIED):
        raise VoteClosed
    address = _normalised(command.email)
    keys = await window.keys_for(session, command.contest_id)
    subject = subject_of(keys, address)
    now = await clock.now(session, command.contest_id)
    sent = await repository.recent_codes(session, command.contest_id, subject, now - SEND_WINDOW)
    if wait := wait_before_next([code.sent_at for code in sent], now):
        raise TooManyCodes(max(1, round(wait.total_seconds() / 60)))
    await limit(
        session,
        "ballot-code",
        command.network,
        capacity=CODES_PER_NETWORK_AND_HOUR,
        per_seconds=3600,
        contest_id=command.contest_id,
    )
    code = new_code()
    row = BallotCode(
        contest_id=command.contest_id,
        code_id=new_id(),
        subject=subject,
        digest=code_digest(keys, subject, code),
        sent_at=now,
    )
    session.add(row)
    return _letter(rulebook, command, code, row.code_id)


@dataclass(frozen=True, slots=True)
class RedeemCode:
    """Somebody types the code."""

    contest_id: str
    email: str
    code: str


async def redeem_code(
    session: AsyncSession, clock: Clock, window: LiveWindow, command: RedeemCode
) -> str | DomainError:
    """The ballot for a right code, or why there is none.

    A wrong try is remembered, so the answer is returned, not raised: the transaction must commit.
    """
    await known.rulebook(session, command.contest_id)
    address = _normalised(command.email)
    keys = await window.keys_for(session, command.contest_id)
    subject = subject_of(keys, address)
    now = await clock.now(session, command.contest_id)
    rows = await repository.recent_codes(session, command.contest_id, subject, now - SEND_WINDOW)
    row = rows[0] if rows else None
    sent = SentCode(row.digest, row.sent_at, row.tries, row.used_at is not None) if row else None
    answer = check_code(keys, subject, sent, command.code, now)
    if row is not None and answer is not CodeAnswer.EXPIRED:
        row.tries += 1
    match answer:
        case CodeAnswer.WRONG:
            return WrongCode()
        case CodeAnswer.EXPIRED:
            return CodeExpired()
        case CodeAnswer.EXHAUSTED:
            return CodeExhausted()
        case CodeAnswer.ACCEPTED:
            if row is not None:
                row.used_at = now
            kind = mail_class(address)
            domain = domain_of(keys, address)
            await repository.keep_issued_ballots(
                session,
                command.contest_id,
                [voter_of(keys, subject)],
                kind,
                now,
                domain="" if kind.name.lower() in EXEMPT else domain.hex(),
                shape=shape_hash(keys, address),
            )
            return issue_ballot(keys, subject, int(now.timestamp()), kind, domain)


async def rehearsal_ballots(
    session: AsyncSession, clock: Clock, window: LiveWindow, contest_id: str, count: int
) -> list[str]:
    """Ballots of voters that do not exist, for load and for the demo.

    Raises:
        Conflict: the contest is not a rehearsal.
    """
    rulebook = await known.rulebook(session, contest_id)
    if not rulebook.rehearsal:
        raise Conflict(
            "ออกบัตรซ้อมได้เฉพาะการประกวดที่เป็นการซ้อม",
            "Ballots without voters exist in a rehearsal only; this contest is real.",
        )
    keys = await window.keys_for(session, contest_id)
    now = await clock.now(session, contest_id)
    series = secrets.token_hex(8)
    ballots: list[str] = []
    for start in range(0, count, _AT_ONCE):
        numbers = range(start, min(start + _AT_ONCE, count))
        subjects = [subject_of(keys, f"rehearsal\n{series}\n{number}") for number in numbers]
        voters = [voter_of(keys, subject) for subject in subjects]
        await repository.keep_issued_ballots(session, contest_id, voters, MailClass.REHEARSAL, now)
        ballots += [_rehearsal_ballot(keys, subject, int(now.timestamp())) for subject in subjects]
    return ballots


def _rehearsal_ballot(keys: ContestKeys, subject: bytes, issued_at: int) -> str:
    return issue_ballot(keys, subject, issued_at, MailClass.REHEARSAL)


def _normalised(email: str) -> str:
    try:
        return normalise(email)
    except BadAddress as error:
        raise NotAnAddress from error


def _letter(rulebook: Rulebook, command: RequestCode, code: str, code_id: str) -> MailedCode:
    shown = f"{code[:3]} {code[3:]}"
    name_th, name_en = rulebook.name.th, rulebook.name.in_language("en")
    thai = (
        f"รหัสสำหรับโหวต {name_th} ของคุณคือ\n\n    {shown}\n\n"
        "ใช้ได้ 10 นาที และใช้ได้ครั้งเดียว อย่าบอกรหัสนี้แก่ผู้อื่น\n"
        "หากคุณไม่ได้ขอรหัสนี้ ไม่ต้องทำอะไร ไม่มีใครโหวตแทนคุณได้หากไม่มีรหัส"
    )
    english = (
        f"Your code to vote in {name_en} is\n\n    {shown}\n\n"
        "It is valid for 10 minutes and works once. Do not tell it to anyone.\n"
        "If you did not ask for it, do nothing: nobody can vote for you without it."
    )
    parts = (english, thai) if command.language == "en" else (thai, english)
    subject = f"{shown} is your voting code" if command.language == "en" else f"{shown} คือรหัสโหวตของคุณ"
    return MailedCode(command.email.strip(), subject, "\n\n––––\n\n".join(parts) + "\n", code_id)
