"""Trees, heads and proofs on a real database, held against the recursion of RFC 9162."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import ConsumerRecord
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from services.voting import heads, proofs, rebuild
from services.voting.domain import merkle
from services.voting.domain.errors import NoSuchHead, NotInTree, NotSignedYet
from services.voting.domain.heads import leaf_hash_of, signature_holds
from services.voting.domain.tiles import TreeDamaged
from services.voting.tally import fold_votes
from services.voting.tree import grow_trees
from shared.clock import FixedClock
from shared.contracts.catalogue import TOPICS
from shared.contracts.ids import new_id
from shared.contracts.voting import TreeHeadSigned, VoteCast
from shared.db import Database
from shared.messaging import Delivered
from shared.messaging.codec import encode
from shared.messaging.tables import OUTBOX
from shared.testing.rulebooks import VOTE_OPENS
from shared.testing.web import settings_for_tests
from tests.component.voting.scenario import SIGNER, a_seal, a_vote, batches_of, open_vote, ready_to_vote

Batch = list[Delivered[Any]]
CLOCK = FixedClock(VOTE_OPENS)
PUBLIC_KEY = SIGNER.public_key("c")


def commitment(record: Delivered[Any]) -> str:
    return f"{record.envelope.partition:032x}{record.envelope.offset:032x}"


def a_leaf(contest_id: str, partition: int, offset: int) -> Delivered[VoteCast]:
    record = a_vote(contest_id, f"v{partition}-{offset}", partition=partition, offset=offset)
    event = record.event.model_copy(update={"commitment": commitment(record)})
    return Delivered(event, record.envelope)


def leaf_of(record: Delivered[Any]) -> bytes:
    return leaf_hash_of(record.event.receipt_id, record.event.commitment)


def log_of(contest_id: str, partitions: int, each: int) -> Batch:
    """Votes with gaps in their offsets, as other contests and seals leave them."""
    return [a_leaf(contest_id, n % partitions, 2 * (n // partitions)) for n in range(partitions * each)]


async def grow(database: Database, batch: Batch) -> None:
    async with database.transaction() as session:
        await grow_trees(session, batch)


async def sign(database: Database, contest_id: str = "c") -> dict[str, Any] | None:
    async with database.transaction() as session:
        head = await heads.sign_head(session, CLOCK, SIGNER, contest_id)
    return heads.document_of(head) if head else None


def roots_of(document: dict[str, Any]) -> dict[int, tuple[int, str]]:
    return {head["partition"]: (head["size"], head["root"]) for head in document["heads"]}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(each=st.integers(0, 40), size=st.integers(1, 60), seed=st.integers())
async def test_tree_follows_from_the_log_alone(
    voting_database: Database, each: int, size: int, seed: int
) -> None:
    """Any batches, any redelivery, the whole log again: one tree."""
    contest_id, chosen = new_id(), random.Random(seed)
    log = log_of(contest_id, 3, each)
    for batch in batches_of(log, size):
        await grow(voting_database, batch)
        if chosen.random() < 0.4:
            await grow(voting_database, batch)
    for batch in batches_of(log, 25):
        await grow(voting_database, batch)
    async with voting_database.transaction() as session:
        found = await heads.trees(session, contest_id)
    for head in found.heads:
        leaves = [leaf_of(record) for record in log if record.envelope.partition == head.partition]
        assert (head.size, head.root) == (len(leaves), merkle.root_of(leaves).hex())
    assert len(found.heads) == TOPICS[VoteCast.TOPIC].partitions


async def test_batch_that_fails_leaves_no_leaf_behind(voting_database: Database) -> None:
    log = log_of("c", 1, 300)
    await grow(voting_database, log[:100])
    try:
        async with voting_database.transaction() as session:
            await grow_trees(session, log[100:])
            raise RuntimeError("the worker dies")
    except RuntimeError:
        pass
    await grow(voting_database, log[100:])
    head = await sign(voting_database)
    assert head is not None
    assert roots_of(head)[0] == (300, merkle.root_of([leaf_of(record) for record in log]).hex())


async def test_votes_of_two_contests_grow_two_trees(voting_database: Database) -> None:
    mixed = [a_leaf("c" if n % 3 else "other", 0, n) for n in range(30)]
    await grow(voting_database, mixed)
    for contest_id in ("c", "other"):
        leaves = [leaf_of(record) for record in mixed if record.event.contest_id == contest_id]
        head = await sign(voting_database, contest_id)
        assert head is not None
        assert roots_of(head)[0] == (len(leaves), merkle.root_of(leaves).hex())


async def test_head_is_signed_when_something_changed_and_at_the_close(voting_database: Database) -> None:
    async def changed() -> int:
        async with voting_database.transaction() as session:
            return await heads.sign_changed(session, CLOCK, SIGNER)

    assert await changed() == 0, "nothing to sign before the first vote"
    await grow(voting_database, log_of("c", 2, 3))
    assert (await changed(), await changed()) == (1, 0)
    late = a_leaf("c", 5, 31)
    seals = [a_seal("c", partition=p, offset=30) for p in heads.PARTITIONS]
    async with voting_database.transaction() as session:
        await fold_votes(session, seals)
    assert await changed() == 0, "the trees have not passed the seals"
    await grow(voting_database, seals)
    assert (await changed(), await changed()) == (1, 0)
    await grow(voting_database, [late])
    assert (await changed(), await changed()) == (1, 0)
    async with voting_database.transaction() as session:
        values = (await session.execute(select(OUTBOX.c.value).order_by(OUTBOX.c.sequence))).scalars().all()
        kept = list(reversed(await heads.before(session, "c", None, 10)))
        last = await proofs.prove_inclusion(session, "c", late.event.receipt_id, 5, 31)
    told = [TreeHeadSigned.model_validate_json(value) for value in values]
    assert [(head.revision, sum(p.size for p in head.heads)) for head in told] == [(1, 6), (2, 6), (3, 7)]
    assert [head.at_close for head in kept] == [False, True, True]
    assert [json.loads(value) for value in values] == [heads.document_of(head) for head in kept]
    assert all(signature_holds(heads.document_of(head), PUBLIC_KEY) for head in kept)
    assert (last.head["revision"], last.index) == (3, 0), "a vote behind the seal is in the tree too"


async def test_signature_covers_every_word_of_the_head(voting_database: Database) -> None:
    await grow(voting_database, log_of("c", 1, 1))
    head = await sign(voting_database)
    assert head is not None
    assert signature_holds(head, PUBLIC_KEY)
    for name, value in {
        "contest_id": "d", "revision": 2, "signed_at": "2022-08-05T00:00:01Z", "heads": head["heads"][:-1]
    }.items():  # fmt: skip
        assert not signature_holds(head | {name: value}, PUBLIC_KEY), name
    assert not signature_holds(head, SIGNER.public_key("another"))
    assert not signature_holds(head | {"signature": "zz"}, PUBLIC_KEY)


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE tree_tile SET hashes = overlay(hashes PLACING 'wxyz'::bytea FROM 70)",
        "UPDATE tree_frontier SET peaks = overlay(peaks PLACING 'wxyz'::bytea FROM 2)",
        'UPDATE tree_head SET document = replace(document, \'"root":"\', \'"root":"0\')',
        "DELETE FROM tree_tile",
    ],
)
async def test_tree_that_was_changed_by_hand_is_not_signed(voting_database: Database, tampering: str) -> None:
    log = log_of("c", 1, 40)
    await grow(voting_database, log[:30])
    assert await sign(voting_database) is not None
    async with voting_database.transaction() as session:
        await session.execute(text(tampering))
    await grow(voting_database, log[30:])
    with pytest.raises(TreeDamaged, match=r"partition 0 was changed by hand|tile 0 of level 0"):
        await sign(voting_database)
    async with voting_database.transaction() as session:
        assert len(await heads.before(session, "c", None, 10)) == 1


async def test_every_leaf_proves_itself_under_every_later_head(voting_database: Database) -> None:
    log = log_of("c", 1, 600)
    ends = [1, 255, 256, 257, 600]
    for start, end in zip([0, *ends], ends, strict=False):
        await grow(voting_database, log[start:end])
        await sign(voting_database)
    async with voting_database.transaction() as session:
        for revision, size in enumerate(ends, 1):
            for index in {0, size // 2, size - 1}:
                record = log[index]
                found = await proofs.prove_inclusion(
                    session, "c", record.event.receipt_id, 0, record.envelope.offset, revision
                )
                path = [bytes.fromhex(node) for node in found.proof]
                _, root = roots_of(found.head)[0]
                assert (found.index, found.commitment) == (index, record.event.commitment)
                assert merkle.verify_inclusion(leaf_of(record), index, size, path, bytes.fromhex(root))
        for later, size in enumerate(ends, 1):
            for earlier in range(1, later + 1):
                both = await proofs.prove_consistency(session, "c", earlier, later)
                old, new = (bytes.fromhex(roots_of(head)[0][1]) for head in (both.earlier, both.later))
                path = [bytes.fromhex(node) for node in both.proofs[0]]
                assert merkle.verify_consistency(ends[earlier - 1], size, path, old, new)
                assert both.proofs[5] == (), "a tree that is still empty needs no proof"


async def test_what_cannot_be_proved_is_said(voting_database: Database) -> None:
    log = log_of("c", 1, 3)
    await grow(voting_database, log[:2])
    await sign(voting_database)
    await grow(voting_database, log[2:])
    async with voting_database.transaction() as session:

        async def ask(offset: int, receipt: str, revision: int | None = None) -> None:
            await proofs.prove_inclusion(session, "c", receipt, 0, offset, revision)

        with pytest.raises(NotSignedYet):
            await ask(4, log[2].event.receipt_id)
        with pytest.raises(NotSignedYet):
            await ask(8, "of a record that the tree has not met")
        with pytest.raises(NotInTree):
            await ask(2, "another receipt")
        with pytest.raises(NoSuchHead):
            await ask(0, log[0].event.receipt_id, 9)
        with pytest.raises(NoSuchHead):
            await proofs.prove_consistency(session, "c", 2, 1)
        await session.execute(text("UPDATE tree_tile SET hashes = substr(hashes, 1, 32)"))
        with pytest.raises(NotInTree):
            await ask(0, log[0].event.receipt_id)


async def test_trees_are_made_anew_however_long_the_log_says_nothing_of_them(
    voting_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    contest_id = (await ready_to_vote(voting_database)).contest_id
    await open_vote(voting_database, contest_id)

    async def slowly(*_: Any, **__: Any) -> AsyncIterator[ConsumerRecord[bytes, bytes]]:
        for offset, contest in enumerate(("another", contest_id)):
            yield _on_the_log(a_leaf(contest, 0, offset))
            await asyncio.sleep(1)

    monkeypatch.setattr(rebuild, "records", slowly)
    monkeypatch.setattr("shared.db.engine.IDLE_IN_TRANSACTION_MS", 400)
    impatient = Database(voting_database.dsn)
    leaves = await rebuild.rebuild_trees(settings_for_tests(), impatient, contest_id)
    await impatient.close()
    assert leaves == {partition: int(partition == 0) for partition in heads.PARTITIONS}


def _on_the_log(vote: Delivered[VoteCast]) -> ConsumerRecord[bytes, bytes]:
    sent, place = encode(vote.event), vote.envelope
    return ConsumerRecord(
        topic=sent.topic,
        partition=place.partition,
        offset=place.offset,
        timestamp=0,
        timestamp_type=0,
        key=sent.key,
        value=sent.value,
        checksum=None,
        serialized_key_size=len(sent.key),
        serialized_value_size=len(sent.value),
        headers=sent.headers,
    )
