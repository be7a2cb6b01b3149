"""How the vote log is read where it is read by the million: only what is needed of each record.

The codec's way, a validated model and an envelope for each record, costs more than all the rest of
a count. This one reads the same records; whatever it does not find plain goes to the codec, whose
word on it is the same for every reader.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, NamedTuple

import msgspec

from shared.contracts.voting import VoteCast, VotingSealed
from shared.messaging.codec import (
    ONLY_GROUP,
    Bad,
    Good,
    RawRecord,
    decode_record,
    is_for_another_group,
)

_VOTE = VoteCast.event_type().encode()
_EVENTS = {event.event_type(): event for event in (VoteCast, VotingSealed)}


class LoggedSignals(msgspec.Struct, frozen=True, gc=False):
    """VoteSignals, for the detectors."""

    subnet24: str = ""
    subnet48: str = ""
    prefix: str = ""
    mail_domain_class: str = ""
    mail_domain: str = ""
    code_age_seconds: int | None = None
    agent: str = ""
    agent_class: str = ""


_NONE = LoggedSignals()


class _Cast(msgspec.Struct, gc=False):
    """What the tally, the trees and the detectors need of a VoteCast, and of the rest that it is there."""

    contest_id: str
    receipt_id: str
    voter_id: str
    slot: str
    entry_id: str
    commitment: str
    key_id: str
    cast_at: Annotated[datetime, msgspec.Meta(tz=True)]
    signals: LoggedSignals = _NONE


class LoggedVote(NamedTuple):
    """A vote and where it lies."""

    contest_id: str
    partition: int
    offset: int
    slot: str
    voter_id: str
    receipt_id: str
    entry_id: str
    cast_at: datetime
    commitment: str
    signals: LoggedSignals


class LoggedSeal(NamedTuple):
    """A VotingSealed and where it lies."""

    contest_id: str
    partition: int
    offset: int


class Log(NamedTuple):
    """A piece of the vote log, each partition in the order of its offsets."""

    votes: list[LoggedVote]
    seals: list[LoggedSeal]
    unusable: list[tuple[RawRecord, str]]
    """Records that nobody can read, and why."""


_decode = msgspec.json.Decoder(_Cast).decode


def read_log(records: Sequence[RawRecord], group: str) -> Log:
    """What ``records`` say to the consumers of ``group``. Never raises."""
    log = Log([], [], [])
    take = log.votes.append
    for record in records:
        headers = dict(record.headers)
        value = record.value
        if headers.get("ce_type") != _VOTE or not value or not value.isascii() or not _is_plain(headers):
            _read_slowly(record, group, log)
            continue
        try:
            cast = _decode(value)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            _read_slowly(record, group, log)
            continue
        take(
            LoggedVote(
                cast.contest_id,
                record.partition,
                record.offset,
                cast.slot,
                cast.voter_id,
                cast.receipt_id,
                cast.entry_id,
                cast.cast_at,
                cast.commitment,
                cast.signals,
            )
        )
    return log


def _is_plain(headers: dict[str, bytes | None]) -> bool:
    """Whether the codec would find nothing to say about the attributes."""
    if headers.get("ce_specversion") != b"1.0" or not headers.get("ce_id") or ONLY_GROUP in headers:
        return False
    if None in headers.values() or not b"".join(headers.values()).isascii():  # type: ignore[arg-type]
        return False
    try:
        instant = datetime.fromisoformat((headers.get("ce_time") or b"").decode())
    except ValueError:
        return False
    return instant.tzinfo is not None


def _read_slowly(record: RawRecord, group: str, log: Log) -> None:
    if is_for_another_group(record, group):
        return
    found = decode_record(record, _EVENTS)
    if isinstance(found, Bad):
        log.unusable.append((record, found.reason))
    elif isinstance(found, Good) and isinstance(found.event, VotingSealed):
        log.seals.append(LoggedSeal(found.event.contest_id, record.partition, record.offset))
    elif isinstance(found, Good) and isinstance(found.event, VoteCast):
        log.votes.append(logged(found.event, record.partition, record.offset))


def logged(event: VoteCast, partition: int, offset: int) -> LoggedVote:
    """A vote that was read by the codec."""
    return LoggedVote(
        event.contest_id,
        partition,
        offset,
        event.slot,
        event.voter_id,
        event.receipt_id,
        event.entry_id,
        event.cast_at,
        event.commitment,
        LoggedSignals(**dict(event.signals)),
    )
