"""Signed tree heads: what the log held at one moment, in words that cannot be taken back.

A head names the size and the root of every partition's tree and is signed with the contest's own
Ed25519 key. The elected leader signs one every few seconds while votes come, none when nothing
changed, and one when every seal lies within the trees. It is told as TreeHeadSigned and served, byte
for byte, from the table.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select, text
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting import tiles
from services.voting.domain.heads import HeadSigner, canonical, key_id_of, signed_bytes
from services.voting.domain.merkle import EMPTY_ROOT
from services.voting.domain.tiles import TreeDamaged, cover, folded, tiles_of
from services.voting.tables import TreeHead
from services.voting.tree import split_hashes
from shared.clock import Clock
from shared.contracts.catalogue import TOPICS
from shared.contracts.ids import ContestId
from shared.contracts.voting import PartitionHead, TreeHeadSigned, VoteCast
from shared.messaging import publish

EVERY = timedelta(seconds=4)
"""Below the five seconds that are promised, so that a slow turn keeps the promise too."""
PARTITIONS = range(TOPICS[VoteCast.TOPIC].partitions)

_TREES = text(
    """
    SELECT tree.partition, tree.size, tree.peaks, seal."offset" < tree.next_offset AS past_seal
    FROM tree_frontier AS tree
    LEFT JOIN partition_seal AS seal USING (contest_id, partition)
    WHERE contest_id = :contest_id
    """
)
_CHANGED = text(
    """
    SELECT tree.contest_id
    FROM (SELECT contest_id, sum(size) AS size FROM tree_frontier GROUP BY contest_id) AS tree
    LEFT JOIN LATERAL (
        SELECT size, at_close FROM tree_head WHERE tree_head.contest_id = tree.contest_id
        ORDER BY revision DESC LIMIT 1) AS head ON true
    WHERE tree.size > coalesce(head.size, 0)
       OR NOT coalesce(head.at_close, false)
          AND EXISTS (SELECT FROM partition_seal AS seal WHERE seal.contest_id = tree.contest_id)
    ORDER BY tree.contest_id
    """
)
ONE_SIGNER = text("SELECT pg_advisory_xact_lock(hashtextextended('tree_head/' || :contest_id, 0))")


@dataclass(frozen=True, slots=True)
class Trees:
    """Every tree of a contest at one moment."""

    heads: tuple[PartitionHead, ...]
    at_close: bool
    """Whether every partition's seal lies within its tree."""

    @property
    def size(self) -> int:
        return sum(head.size for head in self.heads)


async def trees(session: AsyncSession, contest_id: str) -> Trees:
    """The trees as they are now; a partition without votes has the empty one."""
    rows = {row.partition: row for row in await session.execute(_TREES, {"contest_id": contest_id})}
    heads = tuple(
        PartitionHead(
            partition=partition,
            size=rows[partition].size if partition in rows else 0,
            root=(folded(split_hashes(rows[partition].peaks)) if partition in rows else EMPTY_ROOT).hex(),
        )
        for partition in sorted({*PARTITIONS, *rows})
    )
    at_close = all(partition in rows and rows[partition].past_seal for partition in PARTITIONS)
    return Trees(heads, at_close)


async def sign_changed(session: AsyncSession, clock: Clock, signer: HeadSigner) -> int:
    """Sign a head for every contest whose trees grew since its last one; run by the elected leader.

    Returns:
        How many heads were signed.
    """
    changed = (await session.execute(_CHANGED)).scalars().all()
    return sum([await sign_head(session, clock, signer, contest_id) is not None for contest_id in changed])


async def sign_head(
    session: AsyncSession, clock: Clock, signer: HeadSigner, contest_id: str
) -> TreeHead | None:
    """Sign the contest's trees as they are now, and tell of it; None where the last head says as much.

    Two signers at once sign one after the other, so revisions have no gap and sizes never shrink.

    Raises:
        TreeDamaged: the tiles give other roots than the frontiers or the last head; nothing is signed.
    """
    await session.execute(ONE_SIGNER, {"contest_id": contest_id})
    last = await latest(session, contest_id)
    now = await trees(session, contest_id)
    if last is not None and now.size == last.size and (last.at_close or not now.at_close):
        return None
    if last is None and not now.size and not now.at_close:
        return None
    await _refuse_damaged(session, contest_id, last, now)
    public_key = signer.public_key(contest_id)
    unsigned = TreeHeadSigned(
        contest_id=ContestId(contest_id),
        revision=last.revision + 1 if last else 1,
        heads=now.heads,
        key_id=key_id_of(public_key),
        signature="",
        signed_at=await clock.now(session, contest_id),
    )
    signature = signer.sign(contest_id, signed_bytes(unsigned.model_dump(mode="json")))
    event = unsigned.model_copy(update={"signature": signature})
    head = TreeHead(
        contest_id=contest_id,
        revision=event.revision,
        size=now.size,
        at_close=now.at_close,
        signed_at=event.signed_at,
        document=canonical(event.model_dump(mode="json")).decode(),
    )
    session.add(head)
    await publish(session, event)
    await session.flush()
    return head


async def _refuse_damaged(session: AsyncSession, contest_id: str, last: TreeHead | None, now: Trees) -> None:
    """What is about to be signed must be what the leaves give, and begin with what was signed before."""
    signed = {head["partition"]: head for head in document_of(last)["heads"]} if last else {}
    for head in now.heads:
        before = signed.get(head.partition, {"size": 0, "root": EMPTY_ROOT.hex()})
        if head.model_dump(include={"size", "root"}) == {name: before[name] for name in ("size", "root")}:
            continue
        covers = (cover(0, before["size"]), cover(0, head.size))
        kept = await tiles.read(session, contest_id, head.partition, tiles_of(covers))
        roots = [kept.root(nodes).hex() for nodes in covers]
        if roots != [before["root"], head.root] or head.size < before["size"]:
            raise TreeDamaged(f"{contest_id}: the tree of partition {head.partition} was changed by hand")


async def latest(session: AsyncSession, contest_id: str) -> TreeHead | None:
    """The newest head; None before the first."""
    found = await session.execute(
        select(TreeHead)
        .where(col(TreeHead.contest_id) == contest_id)
        .order_by(col(TreeHead.revision).desc())
        .limit(1)
    )
    return found.scalar_one_or_none()


async def by_revision(session: AsyncSession, contest_id: str, revision: int) -> TreeHead | None:
    """One head; None where there is no such revision."""
    return await session.get(TreeHead, (contest_id, revision))


async def before(
    session: AsyncSession, contest_id: str, revision: int | None, limit: int
) -> Sequence[TreeHead]:
    """Heads from the newest on, those below ``revision`` where one is given."""
    wanted = (
        select(TreeHead)
        .where(col(TreeHead.contest_id) == contest_id)
        .order_by(col(TreeHead.revision).desc())
        .limit(limit)
    )
    if revision is not None:
        wanted = wanted.where(col(TreeHead.revision) < revision)
    return (await session.execute(wanted)).scalars().all()


def document_of(head: TreeHead) -> dict[str, Any]:
    """The head as it is served."""
    document: dict[str, Any] = json.loads(head.document)
    return document


def sizes_of(document: dict[str, Any]) -> dict[int, int]:
    """The size of each partition's tree under a head."""
    return {head["partition"]: head["size"] for head in document["heads"]}
