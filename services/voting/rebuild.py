"""One contest's Merkle trees made anew from the log, where rows of theirs were changed or lost.

The log decides what the trees are, and the heads have promised it: what is made anew must give the
newest head's roots, or nothing is changed. There is no way round that. A head is signed and public;
trees that contradict it would be refused by every recount, and by everybody who kept the head.
"""

from collections.abc import Mapping

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting import heads, repository, tiles
from services.voting.audit.log import records
from services.voting.domain.tiles import TreeDamaged, cover, tiles_of
from services.voting.tree import BATCH, GROUP, grow_trees_of
from services.voting.vote_log import read_log
from shared.contracts.voting import VoteCast
from shared.db import Database, take_time
from shared.errors import Conflict, NotFound
from shared.messaging.codec import RawRecord
from shared.settings import Settings

_EMPTY = text(
    """
    INSERT INTO tree_frontier (contest_id, partition, size, next_offset, peaks)
    SELECT :contest_id, partition, 0, 0, ''::bytea FROM unnest(CAST(:partitions AS int[])) AS partition
    ON CONFLICT (contest_id, partition) DO UPDATE SET size = 0, next_offset = 0, peaks = ''
    """
)
_NO_TILES = text("DELETE FROM tree_tile WHERE contest_id = :contest_id")


class HeadsForbid(Conflict):
    """The log gives other trees than a signed head has promised."""

    code = "heads-forbid"


async def rebuild_trees(settings: Settings, database: Database, contest_id: str) -> dict[int, int]:
    """Make the contest's trees anew, in one transaction; workers may run meanwhile, and wait.

    Returns:
        The leaves of each partition.

    Raises:
        HeadsForbid: the newest head has other roots; nothing was changed.
        NotFound: there is no such vote.
        BrokerUnavailable, LookupError: the vote log cannot be read.
    """
    async with database.transaction() as session:
        await take_time(session)  # the log may be long, and most of it another contest's
        if await repository.window(session, contest_id) is None:
            raise NotFound("ไม่มีการโหวตนี้", f"There is no vote of {contest_id}.")
        await session.execute(heads.ONE_SIGNER, {"contest_id": contest_id})
        # the rows are locked from here on: whoever grows the trees waits, and then goes on behind them
        await session.execute(_EMPTY, {"contest_id": contest_id, "partitions": list(heads.PARTITIONS)})
        await session.execute(_NO_TILES, {"contest_id": contest_id})
        reached = await repository.folded_up_to(session, GROUP)
        await _grow(session, settings, contest_id, reached)
        await _refuse_broken_promise(session, contest_id)
        made = await heads.trees(session, contest_id)
        return {head.partition: head.size for head in made.heads}


async def _grow(
    session: AsyncSession, settings: Settings, contest_id: str, reached: Mapping[int, int]
) -> None:
    batch: list[RawRecord] = []
    async for record in records(settings, VoteCast.TOPIC, up_to=reached):
        batch.append(record)
        if len(batch) == BATCH:
            await _append(session, contest_id, batch)
            batch.clear()
    await _append(session, contest_id, batch)


async def _append(session: AsyncSession, contest_id: str, batch: list[RawRecord]) -> None:
    log = read_log(batch)
    mine = log._replace(
        votes=[vote for vote in log.votes if vote.contest_id == contest_id],
        seals=[seal for seal in log.seals if seal.contest_id == contest_id],
    )
    await grow_trees_of(session, mine)


async def _refuse_broken_promise(session: AsyncSession, contest_id: str) -> None:
    last = await heads.latest(session, contest_id)
    if last is None:
        return
    for promised in heads.document_of(last)["heads"]:
        nodes = cover(0, promised["size"])
        try:
            kept = await tiles.read(session, contest_id, promised["partition"], tiles_of([nodes]))
            root = kept.root(nodes).hex()
        except TreeDamaged:
            root = "fewer leaves"
        if root != promised["root"]:
            raise HeadsForbid(
                f"บันทึกฉบับที่ {last.revision} ลงลายมือชื่อรากอื่นไว้ในพาร์ทิชัน {promised['partition']} จึงไม่เปลี่ยนอะไร",
                f"Head {last.revision} has promised another tree of partition "
                f"{promised['partition']} than the log gives, so nothing was changed. A signed head is not "
                "taken back: `showcase audit votes --accounts` names what differs.",
            )
