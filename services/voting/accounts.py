"""Voting's own accounts of one vote at one moment: rows, counters, trees, heads.

PostgreSQL computes fingerprints of the rows and tiles itself, so a snapshot of millions is small; the
recount makes the same fingerprints from the log, and ``agreement.py`` holds them side by side.
"""

from collections import Counter
from dataclasses import dataclass, field

from sqlalchemy import select, text
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting import heads, repository
from services.voting.audit.evidence import ROW_BLOCK
from services.voting.domain.outcomes import Totals
from services.voting.tables import EntryCount, PartitionCount, VoteWindow
from services.voting.tally import GROUP as TALLY
from services.voting.tree import GROUP as TREE
from shared.db import Database

_ONE_MOMENT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
LINES = """
    SELECT partition, "offset",
           concat_ws('|', "offset", state, receipt_id, voter_id, slot, entry_id) || E'\\n' AS line
    FROM vote WHERE contest_id = :contest_id
    UNION ALL
    SELECT partition, "offset", concat_ws('|', "offset", outcome, receipt_id) || E'\\n'
    FROM uncounted_vote WHERE contest_id = :contest_id
"""
_ROW_BLOCKS = text(
    f"""
    SELECT partition, "offset" / {ROW_BLOCK} AS block,
           sha256(convert_to(string_agg(line, '' ORDER BY "offset"), 'UTF8')) AS fingerprint
    FROM ({LINES}) AS lines GROUP BY 1, 2
    """  # noqa: S608 - constants of this module
)
_ROWS_BY_PLACE = text(
    """
    SELECT partition, state AS outcome, entry_id, count(*) AS votes FROM vote
    WHERE contest_id = :contest_id GROUP BY partition, state, entry_id
    UNION ALL
    SELECT partition, outcome, '', count(*) FROM uncounted_vote
    WHERE contest_id = :contest_id GROUP BY partition, outcome
    """
)
_TILES = text(
    """
    SELECT partition, number, sha256(hashes) AS hashes, sha256(offsets) AS offsets,
           sha256(commitments) AS commitments
    FROM tree_tile WHERE contest_id = :contest_id AND level = 0
    """
)
_NODES = text(
    """
    SELECT partition, level, number, hashes FROM tree_tile
    WHERE contest_id = :contest_id AND level > 0 ORDER BY partition, level, number
    """
)
# Columns, no objects: of a vote of two weeks there are three hundred thousand.
_HEADS = text(
    "SELECT revision, document, at_close FROM tree_head WHERE contest_id = :contest_id ORDER BY revision"
)


@dataclass(slots=True)
class Accounts:
    """What voting's database says of one contest at one moment."""

    contest_id: str
    window: VoteWindow | None = None
    seals: dict[int, int] = field(default_factory=dict)
    counted_up_to: dict[int, int] = field(default_factory=dict)
    """The tally's next offsets: the log is counted to there."""
    tree_up_to: dict[int, int] = field(default_factory=dict)
    """The tree's next offsets."""
    totals: Totals = field(default_factory=Totals)
    """From the counters."""
    by_entry: dict[str, int] = field(default_factory=dict)
    """From the counters."""
    entry_counts: dict[tuple[str, int], int] = field(default_factory=dict)
    partition_counts: dict[tuple[int, str], int] = field(default_factory=dict)
    rows_by_entry: Counter[tuple[str, int]] = field(default_factory=Counter)
    rows_by_partition: Counter[tuple[int, str]] = field(default_factory=Counter)
    row_blocks: dict[tuple[int, int], bytes] = field(default_factory=dict)
    tiles: dict[tuple[int, int], tuple[bytes, bytes, bytes]] = field(default_factory=dict)
    nodes: dict[tuple[int, int], bytes] = field(default_factory=dict)
    roots: dict[int, tuple[int, str]] = field(default_factory=dict)
    """Size and root by partition, from the frontiers."""
    heads: dict[int, str] = field(default_factory=dict)
    """Documents by revision."""
    head_at_close: bool = False
    """Whether the newest head covers every seal."""

    @property
    def last_head(self) -> int:
        """Revision of the newest head; 0 without one."""
        return max(self.heads, default=0)


async def take_accounts(database: Database, contest_id: str) -> Accounts:
    """The accounts as they are at one moment."""
    async with database.transaction() as session:
        await session.execute(_ONE_MOMENT)
        accounts = Accounts(contest_id, window=await repository.window(session, contest_id))
        accounts.seals = await repository.seals(session, contest_id)
        accounts.counted_up_to = await repository.folded_up_to(session, TALLY)
        accounts.tree_up_to = await repository.folded_up_to(session, TREE)
        accounts.totals = await repository.totals(session, contest_id)
        accounts.by_entry = await repository.counted_by_entry(session, contest_id)
        await _take_counters(session, accounts)
        await _take_rows(session, accounts)
        await _take_trees(session, accounts)
    return accounts


async def _take_counters(session: AsyncSession, accounts: Accounts) -> None:
    mine = accounts.contest_id
    entries = await session.execute(select(EntryCount).where(col(EntryCount.contest_id) == mine))
    accounts.entry_counts = {(row.entry_id, row.partition): row.counted for row in entries.scalars()}
    partitions = await session.execute(select(PartitionCount).where(col(PartitionCount.contest_id) == mine))
    for row in partitions.scalars():
        for outcome in Totals.__dataclass_fields__:
            accounts.partition_counts[row.partition, outcome] = getattr(row, outcome)


async def _take_rows(session: AsyncSession, accounts: Accounts) -> None:
    names = {"contest_id": accounts.contest_id}
    for row in await session.execute(_ROWS_BY_PLACE, names):
        accounts.rows_by_partition[row.partition, row.outcome] += row.votes
        if row.outcome == "counted":
            accounts.rows_by_entry[row.entry_id, row.partition] += row.votes
    for row in await session.execute(_ROW_BLOCKS, names):
        accounts.row_blocks[row.partition, row.block] = row.fingerprint


async def _take_trees(session: AsyncSession, accounts: Accounts) -> None:
    names = {"contest_id": accounts.contest_id}
    for row in await session.execute(_TILES, names):
        accounts.tiles[row.partition, row.number] = (row.hashes, row.offsets, row.commitments)
    for row in await session.execute(_NODES, names):
        place = (row.partition, row.level)
        accounts.nodes[place] = accounts.nodes.get(place, b"") + row.hashes
    now = await heads.trees(session, accounts.contest_id)
    accounts.roots = {head.partition: (head.size, head.root) for head in now.heads}
    for revision, document, at_close in await session.execute(_HEADS, names):
        accounts.heads[revision] = document
        accounts.head_at_close = at_close
