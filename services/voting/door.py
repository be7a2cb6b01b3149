"""The door of the vote: one ballot in, one receipt out, with no database and no other service asked.

The order of the steps is the promise: nothing is answered with a receipt before every in-sync replica
of the log has the vote, and a retry with the same key gives the same receipt.
"""

from datetime import UTC, datetime
from typing import Annotated, NamedTuple

import msgspec

from services.voting.domain.ballots import CLASS_NAMES, BadBallot, Ballot, read_ballot, voter_of
from services.voting.domain.errors import BallotRefused, MayBeRecorded, VoteNotOpen
from services.voting.domain.keys import ContestKeys
from services.voting.domain.receipts import commitment_of, receipt_for, salt_for
from services.voting.domain.signals import agent_signals, network_signals
from services.voting.produce import Headers
from services.voting.sender import Unconfirmed, VoteSender
from services.voting.vote_log import FIXED_HEADERS
from services.voting.window import LiveWindow
from shared.contracts.ids import new_id


class CastVote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a vote."""

    ballot: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    entry_id: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    key: Annotated[str, msgspec.Meta(min_length=8, max_length=64)]
    """The client's own name for this attempt: the same again for a retry, another one for a new vote."""


class _Signals(msgspec.Struct, frozen=True, omit_defaults=True):
    """VoteSignals; what is empty takes no room on the log."""

    mail_domain_class: str
    code_age_seconds: int
    subnet24: str = ""
    subnet48: str = ""
    prefix: str = ""
    mail_domain: str = ""
    agent: str = ""
    agent_class: str = ""


class _Record(msgspec.Struct, frozen=True):
    """VoteCast as msgspec writes it; the tests hold it against the contract."""

    contest_id: str
    receipt_id: str
    voter_id: str
    slot: str
    entry_id: str
    commitment: str
    key_id: str
    signals: _Signals
    cast_at: datetime


class Origin(NamedTuple):
    """Where a vote comes from, as far as the log may know."""

    address: str = ""
    correlation_id: str = ""
    traceparent: str = ""
    user_agent: str = ""


_encode = msgspec.json.Encoder().encode


class Door:
    """Takes votes."""

    def __init__(self, window: LiveWindow, sender: VoteSender) -> None:
        self.window = window
        self.sender = sender

    def read(self, token: str) -> Ballot:
        """The ballot behind a token.

        Raises:
            BallotRefused: it is not one of ours.
        """
        try:
            return read_ballot(token, self.window.keys)
        except BadBallot as error:
            raise BallotRefused from error

    async def cast(self, vote: CastVote, origin: Origin) -> str:
        """Take one vote and return its receipt, once the log has it.

        Raises:
            BallotRefused, VoteNotOpen, VoteClosed, NotOnBallot, EntryLeft: it cannot be taken.
            TooBusy, MayBeRecorded: it was not, or may not have been, recorded; retrying is safe.
        """
        taken = self.take(vote, origin)
        try:
            await self.sender.send(taken.key, taken.value, taken.headers)
        except Unconfirmed as error:
            raise MayBeRecorded(taken.receipt) from error
        return taken.receipt

    def take(self, vote: CastVote, origin: Origin) -> "Taken":
        """One vote as the record that the log is to have; nothing is sent yet.

        Raises:
            BallotRefused, VoteNotOpen, VoteClosed, NotOnBallot, EntryLeft: it cannot be taken.
        """
        ballot = self.read(vote.ballot)
        live = self.window.vote(ballot.contest_id)
        keys = self.window.keys(ballot.contest_id)
        if live is None or keys is None:
            raise VoteNotOpen
        now = live.now()
        slot = live.slot_for(vote.entry_id, now)
        voter_id = voter_of(keys, ballot.subject)
        receipt = receipt_for(keys, voter_id, vote.key, vote.entry_id)
        record = _Record(
            contest_id=ballot.contest_id,
            receipt_id=receipt,
            voter_id=voter_id,
            slot=slot,
            entry_id=vote.entry_id,
            commitment=commitment_of(salt_for(keys, voter_id, receipt), ballot.contest_id, vote.entry_id),
            key_id=keys.key_id,
            signals=_signals(keys, ballot, origin, now),
            cast_at=now,
        )
        key = voter_id.encode()
        return Taken(receipt, key, _encode(record), _headers(key, origin))


class Taken(NamedTuple):
    """A vote that may be sent, and the receipt that its voter gets once the log has it."""

    receipt: str
    key: bytes
    value: bytes
    headers: Headers


def _headers(subject: bytes, origin: Origin) -> Headers:
    event_id = new_id().encode()
    headers = [
        *FIXED_HEADERS,
        ("ce_id", event_id),
        ("ce_subject", subject),
        ("ce_time", datetime.now(UTC).isoformat().encode()),
        ("ce_correlationid", origin.correlation_id.encode() or event_id),
    ]
    if origin.traceparent:
        headers.append(("traceparent", origin.traceparent.encode()))
    return headers


def _signals(keys: ContestKeys, ballot: Ballot, origin: Origin, now: datetime) -> _Signals:
    network = network_signals(keys.signals, origin.address)
    agent = agent_signals(keys.signals, origin.user_agent)
    return _Signals(
        subnet24=network.subnet24,
        subnet48=network.subnet48,
        prefix=network.prefix,
        mail_domain_class=CLASS_NAMES[ballot.mail_class],
        mail_domain=ballot.domain.hex() if any(ballot.domain) else "",
        code_age_seconds=max(0, int(now.timestamp()) - ballot.issued_at),
        agent=agent.agent,
        agent_class=agent.agent_class,
    )
