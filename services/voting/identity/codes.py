"""How a person becomes a voter by a code: ask, wait in the queue, type, and hold a ballot.

What was typed is sealed in the vault until the contest's identity keys are destroyed; everything else
knows keyed hashes only. A person who asks twice, or writes the address in another way, gets a ballot of
the same voter. Codes may be asked for before the vote opens; the ballot then waits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting import repository
from services.voting.domain.ballots import domain_of, issue_ballot, subject_of, voter_of
from services.voting.domain.codes import (
    SEND_WINDOW,
    CodeAnswer,
    SentCode,
    check_code,
    code_digest,
    code_for,
    wait_before_next,
)
from services.voting.domain.disclosure import VoteState
from services.voting.domain.errors import (
    BadProof,
    CodeExhausted,
    CodeExpired,
    DisposableAddress,
    OtherIdentity,
    TooManyCodes,
    TooManyWaiting,
    VoteClosed,
    WrongCode,
)
from services.voting.domain.keys import ContestKeys
from services.voting.domain.look_alikes import shape_hash
from services.voting.domain.puzzles import Solved, check_proof
from services.voting.domain.risk import networks_of
from services.voting.fraud.signals import EXEMPT
from services.voting.identity import metrics, records, vault
from services.voting.identity.channels import Channel, Target
from services.voting.identity.friction import Friction
from services.voting.identity.tables import BallotCode
from services.voting.identity.waiting_room import WaitingRoom
from services.voting.window import LiveWindow
from shared import known
from shared.clock import Clock
from shared.contracts.ids import new_id
from shared.contracts.rulebook import DisposableAddresses, Rulebook, VoterIdentity
from shared.errors import DomainError


@dataclass(frozen=True, slots=True)
class Desk:
    """What the use cases of identity work with."""

    clock: Clock
    window: LiveWindow
    friction: Friction
    waiting_room: WaitingRoom
    channels: Mapping[VoterIdentity, Channel] = field(default_factory=dict)

    def channel(self, rulebook: Rulebook) -> Channel:
        """The channel of the contest's codes.

        Raises:
            OtherIdentity: the rulebook wants another proof than a code.
        """
        channel = self.channels.get(rulebook.voting.identity.value)
        if channel is None:
            raise OtherIdentity
        return channel


@dataclass(frozen=True, slots=True)
class RequestCode:
    """Somebody wants to vote."""

    contest_id: str
    typed: str
    """The e-mail address or the telephone number."""
    host: str
    """The requester's address; only keyed hashes of its networks are kept, as levels of buckets."""
    language: str = "th"
    proof: str = ""
    """The solved puzzle, if their browser could solve one."""


@dataclass(frozen=True, slots=True)
class Queued:
    """A code that is on its way."""

    contest_id: str
    code_id: str


async def request_code(session: AsyncSession, desk: Desk, command: RequestCode) -> Queued:
    """Put a code into the queue. Asking again while one waits makes no second one.

    Raises:
        NotAnAddress, NotAPhone, DisposableAddress, OtherIdentity: it cannot be sent there.
        TooManyCodes, TooManyWaiting, BadProof, VoteClosed, NotFound: why none is sent.
    """
    rulebook = await known.rulebook(session, command.contest_id)
    await check_not_over(session, command.contest_id)
    keys = await desk.window.keys_for(session, command.contest_id)
    target = _target(desk.channel(rulebook), rulebook, keys, command.typed)
    subject = subject_of(keys, target.normal)
    proof = (
        check_proof(keys, command.proof, network=networks_of(command.host).network) if command.proof else None
    )
    now = await desk.clock.now(session, command.contest_id)
    codes = await records.recent_codes(session, command.contest_id, subject, now - SEND_WINDOW)
    waiting = await records.waiting_among(session, command.contest_id, [code.code_id for code in codes])
    wait = wait_before_next([code.asked_at for code in codes if code.unsent_at is None], now)
    if waiting is None and wait is not None:
        raise TooManyCodes(max(1, round(wait.total_seconds() / 60)))
    if await desk.waiting_room.full(session):
        raise TooManyWaiting
    if proof and not await records.spend_puzzle(session, command.contest_id, proof.nonce, proof.expires_at):
        raise BadProof
    await vault.keep(session, keys, subject, str(rulebook.voting.identity.value), target.address)
    return await _enqueue(
        session, desk, rulebook, keys, _Request(command, target, subject, proof, now, waiting)
    )


@dataclass(frozen=True, slots=True)
class _Request:
    command: RequestCode
    target: Target
    subject: bytes
    proof: Solved | None
    now: datetime
    waiting: str | None


async def _enqueue(
    session: AsyncSession, desk: Desk, rulebook: Rulebook, keys: ContestKeys, asked: _Request
) -> Queued:
    contest_id = asked.command.contest_id
    risk = await desk.friction.count(
        session, keys, rulebook, asked.command.host, disposable=asked.target.disposable
    )
    # the level may have risen by one while the browser was at work
    proved = asked.proof is not None and asked.proof.level >= risk.level - 1
    delay = timedelta(0) if proved else timedelta(seconds=desk.friction.price(risk.level).seconds)
    place: dict[str, object] = {"contest_id": contest_id, "delay": delay}
    if asked.waiting is not None:
        await records.bring_forward(session, place | {"code_id": asked.waiting})
        return Queued(contest_id, asked.waiting)
    code_id = new_id()
    digest = code_digest(keys, asked.subject, code_for(keys, asked.subject, code_id))
    session.add(
        BallotCode(
            contest_id=contest_id,
            code_id=code_id,
            subject=asked.subject,
            digest=digest,
            channel=rulebook.voting.identity.value.value,
            risk=risk.level,
            shared_network=risk.shared,
            proved=proved,
            asked_at=asked.now,
        )
    )
    place |= {
        "code_id": code_id,
        "subject": asked.subject,
        "channel": rulebook.voting.identity.value.value,
        "provider": asked.target.provider,
        "language": asked.command.language,
    }
    await records.enqueue(session, place)
    metrics.REQUESTED.labels(str(risk.level), "yes" if proved else "no").inc()
    return Queued(contest_id, code_id)


async def check_not_over(session: AsyncSession, contest_id: str) -> None:
    """Whoever comes after the close needs no ballot.

    Raises:
        VoteClosed: the vote is over.
    """
    vote = await repository.window(session, contest_id)
    if vote is not None and vote.state in (VoteState.CLOSED, VoteState.CERTIFIED):
        raise VoteClosed


@dataclass(frozen=True, slots=True)
class RedeemCode:
    """Somebody types the code."""

    contest_id: str
    typed: str
    code: str


async def redeem_code(session: AsyncSession, desk: Desk, command: RedeemCode) -> str | DomainError:
    """The ballot for a right code, or why there is none.

    A wrong try is remembered, so the answer is returned, not raised: the transaction must commit.
    """
    rulebook = await known.rulebook(session, command.contest_id)
    keys = await desk.window.keys_for(session, command.contest_id)
    target = desk.channel(rulebook).read(command.typed, keys)
    subject = subject_of(keys, target.normal)
    now = await desk.clock.now(session, command.contest_id)
    codes = await records.recent_codes(session, command.contest_id, subject, now - 2 * SEND_WINDOW)
    row = _newest_sent(codes)
    sent = SentCode(row.digest, row.sent_at, row.tries, row.used_at is not None) if row else None
    answer = check_code(keys, subject, sent, command.code, now)
    if row is not None and answer is not CodeAnswer.EXPIRED:
        row.tries += 1
    metrics.REDEEMED.labels(answer.value).inc()
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
            return await keep_ballot(session, keys, target, now)


async def keep_ballot(session: AsyncSession, keys: ContestKeys, target: Target, now: datetime) -> str:
    """The ballot of whoever proved to be ``target``; every proof ends here."""
    subject = subject_of(keys, target.normal)
    domain = domain_of(keys, target.normal)
    by_mail = "@" in target.normal
    await repository.keep_issued_ballots(
        session,
        keys.contest_id,
        [voter_of(keys, subject)],
        target.mail_class,
        now,
        domain=domain.hex() if by_mail and target.mail_class.name.lower() not in EXEMPT else "",
        shape=shape_hash(keys, target.normal) if by_mail else "",
    )
    return issue_ballot(keys, subject, int(now.timestamp()), target.mail_class, domain)


def _newest_sent(codes: Sequence[BallotCode]) -> BallotCode | None:
    """The code that was mailed last: one that still waits does not shadow it."""
    sent = [code for code in codes if code.sent_at is not None]
    return max(sent, key=lambda code: (code.sent_at, code.code_id), default=None)


def _target(channel: Channel, rulebook: Rulebook, keys: ContestKeys, typed: str) -> Target:
    target = channel.read(typed, keys)
    rule = rulebook.voting.disposable_addresses
    if target.disposable and rule is not None and rule.value is DisposableAddresses.REFUSED:
        raise DisposableAddress
    return target
