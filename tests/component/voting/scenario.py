"""A contest that is ready to be voted on, and the pieces its tests are made of."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from services.voting import handlers
from services.voting.domain.heads import HeadSigner
from services.voting.durability import LogDurability
from services.voting.tables import VoteWindow
from shared import known
from shared.clock import Clock, FixedClock
from shared.contracts.event import LocalizedText
from shared.contracts.ids import CategoryId, ContactId, ContestId, EntryId, ReceiptId, VoterId, new_id
from shared.contracts.rulebook import Rulebook
from shared.contracts.scoring import Finalist, ShortlistPublished
from shared.contracts.voting import VoteCast, VotingSealed
from shared.db import Database
from shared.messaging import Delivered, Envelope
from shared.service import Service
from shared.testing.rulebooks import SHORTLIST, VOTE_OPENS, a_rulebook

T = TypeVar("T")
SIGNER = HeadSigner.of("0f" * 32)
"""Signs as a service does that has the settings of the tests."""
STRONG = LogDurability(memory_only=False, replication=3, min_in_sync=2)
WEAK = LogDurability(memory_only=False, replication=1, min_in_sync=1)
TITLES = (
    ("คลองใส เมืองเย็น", "Clear Canal, Cool City", "เทศบาลนครตัวอย่าง", "environment"),
    ("รถเมล์ตรงเวลา", "The Bus on Time", "อบจ. ตัวอย่าง", "mobility"),
    ("หมอใกล้บ้าน ผู้สูงวัยอุ่นใจ", "A Doctor Nearby", "เทศบาลตำบลตัวอย่าง", "environment"),
    ("ไฟถนนประหยัดพลังงาน", "Thrifty Street Lights", "เทศบาลเมืองตัวอย่าง", "mobility"),
)
SUMMARY = LocalizedText(
    th="บริการที่ประชาชนใช้จริงทุกวัน วัดผลได้ และขยายไปยังเมืองอื่นได้",
    en="A service that people use every day, with results that can be measured and repeated elsewhere.",
)


def entry_id(number: int) -> str:
    """The id of the finalist with that number."""
    return f"entry-{number:02d}"


def a_shortlist(contest_id: str, finalists: int = 4, revision: int = 1) -> ShortlistPublished:
    """The shortlist of ``contest_id``."""
    return ShortlistPublished(
        contest_id=ContestId(contest_id),
        revision=revision,
        finalists=tuple(
            Finalist(
                entry_id=EntryId(entry_id(number)),
                category_id=CategoryId(TITLES[number % 4][3]),
                title=LocalizedText(th=TITLES[number % 4][0], en=TITLES[number % 4][1]),
                applicant_name=TITLES[number % 4][2],
                summary=SUMMARY,
                rank=number // 2 + 1,
            )
            for number in range(finalists)
        ),
        not_selected=(),
        approved_by=(ContactId("a"), ContactId("b")),
        published_at=SHORTLIST,
    )


async def ready_to_vote(
    database: Database, rulebook: Rulebook | None = None, *, finalists: int = 4
) -> Rulebook:
    """Let voting know a contest (of a fresh name unless given) and its shortlist."""
    rulebook = rulebook or a_rulebook(f"vote-{new_id()[-12:]}")
    async with database.transaction() as session:
        await known.keep_rulebook(session, rulebook, SHORTLIST)
        await handlers.keep_shortlist(session, a_shortlist(rulebook.contest_id, finalists))
    return rulebook


async def open_vote(
    database: Database, contest_id: str, clock: Clock | None = None, log: LogDurability = STRONG
) -> VoteWindow:
    """Open the vote of a contest that is ready."""
    async with database.transaction() as session:
        command = handlers.OpenVoting(contest_id, log, SIGNER.public_key(contest_id))
        return await handlers.open_voting(session, clock or FixedClock(VOTE_OPENS), command)


def a_vote(
    contest_id: str,
    voter: str = "v1",
    *,
    entry: str = "entry-00",
    receipt: str = "",
    slot: str = "",
    partition: int = 0,
    offset: int = 0,
) -> Delivered[VoteCast]:
    """A vote as the tally gets it."""
    event = VoteCast(
        contest_id=ContestId(contest_id),
        receipt_id=ReceiptId(receipt or f"r-{voter}-{partition}-{offset}"),
        voter_id=VoterId(voter),
        slot=slot,
        entry_id=EntryId(entry),
        commitment="00" * 32,
        key_id="k",
        cast_at=VOTE_OPENS,
    )
    return Delivered(event, _envelope(VoteCast.event_type(), voter, partition, offset))


def a_seal(contest_id: str, *, partition: int, offset: int) -> Delivered[VotingSealed]:
    """The end of the vote in a partition, as the tally gets it."""
    event = VotingSealed(contest_id=ContestId(contest_id), partition=partition, sealed_at=VOTE_OPENS)
    return Delivered(event, _envelope(VotingSealed.event_type(), str(partition), partition, offset))


def _envelope(event_type: str, subject: str, partition: int, offset: int) -> Envelope:
    return Envelope(
        id=new_id(),
        type=event_type,
        source="/showcase/voting",
        subject=subject,
        time=datetime.now(UTC),
        correlation_id="test",
        topic=VoteCast.TOPIC,
        partition=partition,
        offset=offset,
    )


def vote_envelope(voter: str, partition: int, offset: int) -> Envelope:
    """Where the tally got a vote from."""
    return _envelope(VoteCast.event_type(), voter, partition, offset)


def batches_of(
    records: Sequence[Delivered[VoteCast | VotingSealed]], size: int
) -> list[list[Delivered[VoteCast | VotingSealed]]]:
    """``records`` in lists of ``size``."""
    return [list(records[start : start + size]) for start in range(0, len(records), size)]


async def send_due_codes(service: Service, database: Database) -> None:
    """Let the courier have one turn, as the worker's leader gives it several times a second."""
    for timer in service.timers:
        if timer.name == "voting-codes":
            await timer.run(database)


async def eventually(ask: Callable[[], Awaitable[T]], *, seconds: float = 20) -> T:
    """The first answer that is true.

    Raises:
        TimeoutError: there was none within ``seconds``.
    """
    async with asyncio.timeout(seconds):
        while True:
            if answer := await ask():
                return answer
            await asyncio.sleep(0.1)
