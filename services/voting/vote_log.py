"""How the vote log is read where it is read by the million: only what is needed of each record.

The codec's way, a validated model and an envelope for each record, costs more than all the rest of
a count. The headers of whatever is not plain go to the codec. The values are read here alone, strictly,
so that nothing is a vote to the tally and none to the recount, which has the same rule in code of its own:
JSON of at most ``MOST_BYTES`` in UTF-8 without NUL, texts as texts, numbers as numbers, instants as
RFC 3339 writes them, and what PostgreSQL cannot keep is no vote.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, NamedTuple

import msgspec

from shared.contracts.voting import VoteCast, VotingSealed
from shared.messaging import Delivered
from shared.messaging.codec import ONLY_GROUP, Bad, RawHeaders, RawRecord, read_attributes

FIXED_HEADERS = [
    ("ce_specversion", b"1.0"),
    ("ce_type", VoteCast.event_type().encode()),
    ("ce_source", f"/showcase/{VoteCast.SERVICE}".encode()),
    ("content-type", b"application/json"),
]
"""What the record of every vote begins with; the door goes on with its id, subject, time and correlation."""
MOST_BYTES = 1_200
"""Of a vote's or a seal's value; the longest that the door writes has 670. So little cannot nest too deep
for a parser, and no text in it is too long for an index."""
_EVENTS = {event.event_type(): event for event in (VoteCast, VotingSealed)}
_BACKSLASH = ord("\\")
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]
_Integer = Annotated[int, msgspec.Meta(ge=-(2**31), lt=2**31)]


class LoggedSignals(msgspec.Struct, frozen=True, gc=False):
    """VoteSignals, for the detectors."""

    mail_domain_class: str = ""
    code_age_seconds: _Integer | None = None
    subnet24: str = ""
    subnet48: str = ""
    prefix: str = ""
    mail_domain: str = ""
    agent: str = ""
    agent_class: str = ""


_NONE = LoggedSignals()


class _Vote(msgspec.Struct, gc=False):
    """The value of a VoteCast."""

    contest_id: str
    receipt_id: str
    voter_id: str
    slot: str
    entry_id: str
    commitment: str
    key_id: str
    cast_at: _Instant
    signals: LoggedSignals = _NONE


class LoggedVote(_Vote, gc=False):
    """A VoteCast as the tally, the trees and the detectors need it, and where it lies."""

    partition: int = -1
    """The record's, as is the offset; whatever the JSON calls so is overwritten."""
    offset: int = -1


class _Seal(msgspec.Struct, gc=False):
    """The value of a VotingSealed."""

    contest_id: str
    partition: Annotated[int, msgspec.Meta(ge=0)]
    sealed_at: _Instant


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
_decode_vote = msgspec.json.Decoder(_Vote).decode
_decode_seal = msgspec.json.Decoder(_Seal).decode


def read_log(records: Sequence[RawRecord]) -> Log:
    """What ``records`` say, the same to every group. Never raises."""
    log = Log([], [], [])
    take = log.votes.append
    for record in records:
        value, key = record.value, record.key
        if not (
            value
            and key
            and len(value) <= MOST_BYTES
            and value.isascii()
            and _BACKSLASH not in value
            and key.isascii()
            and _is_plain(record.headers)
        ):
            _read_slowly(record, log)
            continue
        try:
            vote = _decode(value)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            _read_slowly(record, log)
            continue
        if not 1 < vote.cast_at.year < 9999:
            _read_slowly(record, log)
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


def _read_slowly(record: RawRecord, log: Log) -> None:
    if any(name == ONLY_GROUP for name, _ in record.headers):
        log.unusable.append((record, f"the header {ONLY_GROUP}: a vote is never sent back"))
        return
    found = read_attributes(record, _EVENTS)
    if isinstance(found, Bad):
        log.unusable.append((record, found.reason))
    elif isinstance(found, tuple):
        try:
            _read_value(record, found[0], record.value or b"", log)
        except UnicodeDecodeError:
            log.unusable.append((record, "the value is not UTF-8"))
        except ValueError as error:  # the words of msgspec and our own: they repeat nothing of the value
            log.unusable.append((record, str(error)))


def _read_value(record: RawRecord, kind: type[Any], value: bytes, log: Log) -> None:
    if len(value) > MOST_BYTES:
        raise ValueError(f"the value has {len(value)} bytes, more than {MOST_BYTES}")
    value.decode()
    if b"\\u0000" in value:
        raise ValueError("the value has a NUL")
    if kind is VotingSealed:
        log.seals.append(LoggedSeal(_decode_seal(value).contest_id, record.partition, record.offset))
        return
    vote = _decode_vote(value)
    if not 1 < vote.cast_at.year < 9999:  # else it may be no instant in another time zone
        raise ValueError("the year of cast_at is not between 2 and 9998")
    log.votes.append(
        LoggedVote(**msgspec.structs.asdict(vote), partition=record.partition, offset=record.offset)
    )


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


def log_of(batch: Sequence[Delivered[VoteCast | VotingSealed]]) -> Log:
    """A piece of the log, from events that were read by the codec."""
    log = Log([], [], [])
    for record in batch:
        place = record.envelope.partition, record.envelope.offset
        if isinstance(record.event, VoteCast):
            log.votes.append(logged(record.event, *place))
        else:
            log.seals.append(LoggedSeal(record.event.contest_id, *place))
    return log
