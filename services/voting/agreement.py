"""Voting's accounts (rows, counters, trees, heads) held against the log, difference by difference.

The recount makes the same fingerprints from the log as the snapshot has. Where two differ, the block is
looked at closely on both sides and the first row or leaf that differs is named.
"""

import asyncio
import hashlib
import json
from collections.abc import Mapping

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting.accounts import LINES, Accounts
from services.voting.audit import Recount, Watch, recount_from_log
from services.voting.audit.evidence import ROW_BLOCK, TILE, leaves_of
from services.voting.domain.heads import canonical, signature_holds
from services.voting.domain.merkle import EMPTY_ROOT
from services.voting.domain.outcomes import Totals
from shared.db import Database
from shared.settings import Settings

_ROWS_OF_BLOCK = text(
    f"""
    SELECT "offset", line FROM ({LINES}) AS lines
    WHERE partition = :partition AND "offset" / {ROW_BLOCK} = :block
    """  # noqa: S608 - constants of this module
)
_TILE = text(
    """
    SELECT hashes, offsets, commitments FROM tree_tile
    WHERE contest_id = :contest_id AND partition = :partition AND level = 0 AND number = :number
    """
)


async def recount_for(
    settings: Settings, accounts: Accounts, head_key: str, watch: Watch | None = None
) -> Recount:
    """The log, counted to where the accounts stand."""
    return await recount_from_log(
        settings,
        accounts.contest_id,
        accounts.counted_up_to,
        tree_up_to=accounts.tree_up_to,
        head_key=head_key,
        watch=watch,
    )


async def differences(
    settings: Settings, database: Database, accounts: Accounts, recount: Recount, head_key: str
) -> list[str]:
    """Every difference between the accounts and the log, in sentences; empty when they agree."""
    found = list(recount.findings)
    found += counters_against_rows(accounts)
    found += numbers_against_log(accounts, recount)
    for watch in _blocks_that_differ(accounts, recount):
        closer = await recount_for(settings, accounts, head_key, watch)
        async with database.transaction() as session:
            found.append(await _name_first(session, accounts.contest_id, watch, closer))
    found += nodes_against_log(accounts, recount)
    found += await asyncio.to_thread(heads_against_log, accounts, recount, head_key)
    return found


def counters_against_rows(accounts: Accounts) -> list[str]:
    """Counters that do not count their rows."""
    found = []
    for entry, partition in sorted({*accounts.entry_counts, *accounts.rows_by_entry}):
        counter = accounts.entry_counts.get((entry, partition), 0)
        rows = accounts.rows_by_entry[entry, partition]
        if counter != rows:
            found.append(
                f"the counter of entry {entry} in partition {partition} says {counter}, its rows {rows}"
            )
    for partition, outcome in sorted({*accounts.partition_counts, *accounts.rows_by_partition}):
        counter = accounts.partition_counts.get((partition, outcome), 0)
        rows = accounts.rows_by_partition[partition, outcome]
        if counter != rows:
            found.append(f"the counter of partition {partition} says {outcome} = {counter}, its rows {rows}")
    return found


def numbers_against_log(accounts: Accounts, recount: Recount) -> list[str]:
    """Totals, entries and seals that differ."""
    found = []
    passed = {p: offset for p, offset in accounts.seals.items() if offset < accounts.counted_up_to.get(p, 0)}
    if recount.seals != passed:
        found.append("the log has other seals than the database")
    for name in (*Totals.__dataclass_fields__, "received"):
        ours, theirs = getattr(accounts.totals, name), getattr(recount, name)
        if ours != theirs:
            found.append(f"{name}: the database has {ours}, the log has {theirs}")
    for entry_id in sorted({*accounts.by_entry, *recount.by_entry}):
        ours, theirs = accounts.by_entry.get(entry_id, 0), recount.by_entry.get(entry_id, 0)
        if ours != theirs:
            found.append(f"entry {entry_id}: the database has {ours}, the log has {theirs}")
    return found


def _blocks_that_differ(accounts: Accounts, recount: Recount) -> list[Watch]:
    """The first block of rows and the first tile of leaves that differ."""
    evidence, found = recount.evidence, []
    rows = {block: fingerprint.digest() for block, fingerprint in evidence.rows.items()}
    wrong_rows = sorted(b for b in {*rows, *accounts.row_blocks} if rows.get(b) != accounts.row_blocks.get(b))
    if wrong_rows:
        partition, block = wrong_rows[0]
        found.append(Watch(partition, row_block=block))
    tiles = {
        (partition, number): tuple(column.digest() for column in columns)
        for partition, of_partition in evidence.tiles.items()
        for number, columns in enumerate(of_partition)
    }
    wrong_tiles = sorted(t for t in {*tiles, *accounts.tiles} if tiles.get(t) != accounts.tiles.get(t))
    if wrong_tiles:
        partition, number = wrong_tiles[0]
        found.append(Watch(partition, tile=number))
    return found


async def _name_first(session: AsyncSession, contest_id: str, watch: Watch, closer: Recount) -> str:
    names = {"contest_id": contest_id, "partition": watch.partition}
    if watch.row_block >= 0:
        rows = await session.execute(_ROWS_OF_BLOCK, names | {"block": watch.row_block})
        ours = {row.offset: row.line for row in rows}
        theirs = closer.evidence.watched_rows
        offset = _first_difference(ours, theirs)
        return (
            f"row of partition {watch.partition} offset {offset}: the database has "
            f"{ours.get(offset, 'no row').strip()}, the log gives {theirs.get(offset, 'no row').strip()}"
        )
    tile = (await session.execute(_TILE, names | {"number": watch.tile})).first()
    leaves = leaves_of(tile.hashes, tile.offsets, tile.commitments) if tile else []
    index = _first_difference(dict(enumerate(leaves, watch.tile * TILE)), closer.evidence.watched_leaves)
    return f"leaf {index} of partition {watch.partition}: the tree has another one than the log gives"


def _first_difference(ours: Mapping[int, object], theirs: Mapping[int, object]) -> int:
    return min((at for at in {*ours, *theirs} if ours.get(at) != theirs.get(at)), default=-1)


def nodes_against_log(accounts: Accounts, recount: Recount) -> list[str]:
    """Inner nodes and right edges that do not follow from the leaves of the log."""
    found = []
    theirs = {
        (partition, level): b"".join(nodes)
        for partition, levels in recount.evidence.nodes.items()
        for level, nodes in levels.items()
    }
    for partition, level in sorted({*theirs, *accounts.nodes}):
        ours = accounts.nodes.get((partition, level), b"")
        expected = theirs.get((partition, level), b"")
        if ours != expected:
            at = next(
                at
                for at in range(0, max(len(ours), len(expected)), 32)
                if ours[at:][:32] != expected[at:][:32]
            )
            found.append(f"node {at // 32} of level {level} of partition {partition} does not fit the log")
    for partition, (size, root) in sorted(accounts.roots.items()):
        expected_size, expected_root = recount.evidence.roots.get(partition, (0, EMPTY_ROOT))
        if (size, root) != (expected_size, expected_root.hex()):
            found.append(
                f"the tree of partition {partition} ends at leaf {size} with another right edge than the "
                f"log's {expected_size} votes give"
            )
    return found


def heads_against_log(accounts: Accounts, recount: Recount, head_key: str) -> list[str]:
    """Heads that the site serves and the log does not have, or has otherwise. The newest one may still
    be on its way to the log, if we signed it."""
    found = []
    for revision in sorted({*accounts.heads, *recount.evidence.heads}):
        document, told = accounts.heads.get(revision), recount.evidence.heads.get(revision)
        if document is None:
            if revision <= accounts.last_head:
                found.append(f"head {revision} is on the log and not in the database")
        elif told is None:
            if revision < accounts.last_head or not _signed(document, head_key):
                found.append(f"head {revision} is in the database and not on the log")
        elif _fingerprint(document) != told:
            found.append(f"head {revision}: the database has another one than the log")
    return found


def _fingerprint(document: str) -> bytes:
    try:
        return hashlib.sha256(canonical(json.loads(document))).digest()
    except ValueError:
        return b""


def _signed(document: str, head_key: str) -> bool:
    try:
        return signature_holds(json.loads(document), head_key)
    except ValueError:
        return False
