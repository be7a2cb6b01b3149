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
    MAX_EVENT_BYTES,
    Bad,
    Good,
    RawHeaders,
    RawRecord,
    decode_record,
    is_for_another_group,
)

FIXED_HEADERS = [
    ("ce_specversion", b"1.0"),
    ("ce_type", VoteCast.event_type().encode()),
    ("ce_source", f"/showcase/{VoteCast.SERVICE}".encode()),
    ("content-type", b"application/json"),
]
"""What the record of every vote begins with; the door goes on with its id, subject, time and correlation."""
_EVENTS = {event.event_type(): event for event in (VoteCast, VotingSealed)}


class LoggedSignals(msgspec.Struct, frozen=True, gc=False):
    """VoteSignals, for the detectors."""

    mail_domain_class: str = ""
    code_age_seconds: int | None = None
    subnet24: str = ""
    subnet48: str = ""
    prefix: str = ""
    mail_domain: str = ""
    agent: str = ""
    agent_class: str = ""


_NONE = LoggedSignals()


class LoggedVote(msgspec.Struct, gc=False):
    """A VoteCast as the tally, the trees and the detectors need it, and where it lies."""

    contest_id: str
    receipt_id: str
    voter_id: str
    slot: str
    entry_id: str
    commitment: str
    key_id: str
    cast_at: Annotated[datetime, msgspec.Meta(tz=True)]
    signals: LoggedSignals = _NONE
    partition: int = -1
    """The record's, as is the offset; whatever the JSON calls so is overwritten."""
    offset: int = -1


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


_decode = msgspec.json.Decoder(LoggedVote).decode


def read_log(records: Sequence[RawRecord], group: str) -> Log:
    """What ``records`` say to the consumers of ``group``. Never raises."""
    log = Log([], [], [])
    take = log.votes.append
    for record in records:
        value, key = record.value, record.key
        if not (
            value
            and key
            and len(value) <= MAX_EVENT_BYTES
            and value.isascii()
            and key.isascii()
            and _is_plain(record.headers)
        ):
            _read_slowly(record, group, log)
            continue
        try:
            vote = _decode(value)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            _read_slowly(record, group, log)
            continue
        vote.partition, vote.offset = record.partition, record.offset
        take(vote)
    return log


def _is_plain(headers: RawHeaders) -> bool:
    """Whether these are the headers of the vote's own door, in its order, and the codec has nothing to say
    about their values. Written out: it is asked of every vote by every reader."""
    if len(headers) == 9 and headers[8][0] == "traceparent":  # of which the codec says nothing
        headers = headers[:8]
    try:
        version, kind, source, content, (a, event_id), (b, subject), (c, time), (d, correlation_id) = headers
        return (
            [version, kind, source, content] == FIXED_HEADERS
            and (a == "ce_id" and b == "ce_subject" and c == "ce_time" and d == "ce_correlationid")
            and event_id != b""
            and (event_id + subject + correlation_id).isascii()  # type: ignore[operator]
            and datetime.fromisoformat(time.decode()).tzinfo is not None  # type: ignore[union-attr]
        )
    except (TypeError, AttributeError, ValueError):  # more or fewer, or one without a value or a sense
        return False


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
        event.receipt_id,
        event.voter_id,
        event.slot,
        event.entry_id,
        event.commitment,
        event.key_id,
        event.cast_at,
        LoggedSignals(**dict(event.signals)),
        partition,
        offset,
    )
