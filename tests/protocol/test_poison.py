"""One bad record: named, put aside with its bytes, and passed in less than a second."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.messaging import Envelope, RecordSubscription, Reject, Subscription
from shared.messaging.codec import Good, RawRecord, decode_record, encode
from shared.messaging.metrics import CONSUMED, SKIPPED_TYPES, STOPPED
from shared.messaging.subscription import Unusable
from tests.protocol.protocol_kit import Kit, ThingHappened, until

GOOD_HEADERS = {
    "ce_specversion": b"1.0",
    "ce_id": b"0190-poison",
    "ce_type": b"showcase.test.ThingHappened.v1",
    "ce_source": b"/showcase/test",
    "ce_subject": b"x",
    "ce_time": b"2022-08-01T09:00:00+07:00",
}


@dataclass(frozen=True)
class Poison:
    value: bytes | None
    headers: dict[str, bytes]
    reason: str


POISON = {
    "bad JSON": Poison(b'{"contest_id": "test", "thing', GOOD_HEADERS, "the value: json_invalid"),
    "wrong type": Poison(
        b'{"contest_id":"test","thing_id":"x","number":"many"}', GOOD_HEADERS, "number: int_parsing"
    ),
    "5 MB": Poison(
        b'{"contest_id":"test","thing_id":"x","number":1,"note":"' + b"a" * 5_000_000 + b'"}',
        GOOD_HEADERS,
        "more than 1000000",
    ),
    "not UTF-8 in a ce header": Poison(
        b'{"contest_id":"test","thing_id":"x","number":1}',
        GOOD_HEADERS | {"ce_subject": b"\xff\xfe\x00"},
        "ce_subject is not UTF-8",
    ),
    "no event at all": Poison(b"hello", {}, "no header ce_type"),
    "bad time": Poison(
        b'{"contest_id":"test","thing_id":"x","number":1}',
        GOOD_HEADERS | {"ce_time": b"yesterday"},
        "ce_time",
    ),
}


@pytest.mark.parametrize("name", POISON)
async def test_poison_is_a_dead_letter_and_the_batch_around_it_is_applied(kit: Kit, name: str) -> None:
    poison = POISON[name]
    topic = await kit.new_topic(big=True)
    async with kit.consuming(Subscription(kit.group, topic.name, {topic.event: kit.record_effect})):
        await kit.send(topic, topic.make(0))
        await until(lambda: kit.calls == [0])
        began = time.monotonic()
        await kit.send(topic, topic.make(1), topic.make(2))
        offset = await kit.send_raw(topic, poison.value, list(poison.headers.items()))
        await kit.send(topic, topic.make(3), topic.make(4))
        await until(lambda: 4 in kit.calls, within=5)
        took = time.monotonic() - began

    assert await kit.numbers() == [0, 1, 2, 3, 4]
    assert took <= 1.0
    (letter,) = await kit.dead_letters(number=1)
    headers = dict(letter.headers)
    assert {header: headers.pop(header) for header in poison.headers} == poison.headers
    assert letter.value == poison.value
    assert letter.key == b"raw"
    assert poison.reason in headers.pop("dlq-reason").decode()
    assert headers.pop("dlq-at")
    assert headers.pop("dlq-timestamp")
    assert headers == {
        "dlq-group": kit.group.encode(),
        "dlq-topic": topic.name.encode(),
        "dlq-partition": b"0",
        "dlq-offset": str(offset).encode(),
        "dlq-attempts": b"1",
        "dlq-original": b"whole",
    }


async def test_unknown_type_is_skipped_and_counted(kit: Kit) -> None:
    topic = await kit.new_topic()
    later = GOOD_HEADERS | {"ce_type": b"showcase.test.ThingHappened.v2"}
    async with kit.consuming(Subscription(kit.group, topic.name, {topic.event: kit.record_effect})):
        await kit.send(topic, topic.make(1))
        await kit.send_raw(topic, b'{"whatever": 2}', list(later.items()))
        await kit.send(topic, topic.make(2))
        await until(lambda: 2 in kit.calls)
    assert await kit.numbers() == [1, 2]
    assert await kit.dead_letters() == []
    skipped = SKIPPED_TYPES.labels(kit.group, topic.name, "showcase.test.ThingHappened.v2")
    assert skipped._value.get() == 1


async def test_foreign_header_that_is_not_utf8_harms_nothing(kit: Kit) -> None:
    """FastStream's own parser dies here, and takes the whole batch with it."""
    topic = await kit.new_topic()
    for number in range(150):
        await kit.send(topic, topic.make(number), headers=[("x-proxy", b"\xff\xfe")] if number % 3 else [])
    async with kit.consuming(Subscription(kit.group, topic.name, {topic.event: kit.record_effect})):
        await until(lambda: len(kit.calls) >= 150)
    assert await kit.numbers() == list(range(150))
    assert await kit.dead_letters() == []


async def test_mostly_bad_topic_stops_the_consumer_instead_of_draining(kit: Kit) -> None:
    topic = await kit.new_topic()
    healthy_topic = await kit.new_topic()
    other_group = f"{kit.group}-other"
    for number in range(100):
        await kit.send_raw(topic, b"garbage", [])
        if number % 5 == 0:
            await kit.send(topic, topic.make(number))
    async with kit.consuming(
        Subscription(kit.group, topic.name, {topic.event: kit.record_effect}),
        Subscription(other_group, healthy_topic.name, {healthy_topic.event: kit.record_effect}),
    ) as consumers:
        await until(lambda: not consumers.healthy())
        assert "unusable" in consumers.problem()
        assert STOPPED.labels(kit.group)._value.get() == 1
        await kit.send(healthy_topic, healthy_topic.make(777))
        await until(lambda: 777 in kit.calls)
        await asyncio.sleep(0.5)
    assert len(await kit.dead_letters()) < 20
    fence = (await kit.fences(topic))[0].next_offset
    assert fence < 40
    assert await kit.numbers() == [*[n for n in range(0, 100, 5) if n in kit.calls and n * 1.2 < fence], 777]


async def test_rejected_record_is_a_dead_letter_with_the_handlers_reason(kit: Kit) -> None:
    topic = await kit.new_topic()

    async def refuse_three(session: AsyncSession, event: ThingHappened, envelope: Envelope) -> None:
        await kit.record_effect(session, event, envelope)
        if event.number == 3:
            raise Reject("three is not for us")

    async with kit.consuming(Subscription(kit.group, topic.name, {topic.event: refuse_three})):
        (record,) = await kit.send(topic, topic.make(3))
        await kit.send(topic, topic.make(4))
        await until(lambda: 4 in kit.calls)
    assert await kit.numbers() == [4]  # the savepoint took back what the handler had written
    (letter,) = await kit.dead_letters(number=1)
    assert dict(letter.headers)["dlq-reason"] == b"three is not for us"
    assert letter.value == record.value


async def test_dead_letter_of_a_personal_topic_holds_nothing_personal(kit: Kit) -> None:
    topic = await kit.new_topic(personal_data=True)
    secret = "somsri@example.test"

    async def fail(session: AsyncSession, event: ThingHappened, envelope: Envelope) -> None:
        raise ValueError(f"cannot use {event.note}")

    async with kit.consuming(Subscription(kit.group, topic.name, {topic.event: fail})):
        await kit.send(topic, topic.make(1, thing_id="opaque-1", note=secret))
        await kit.send_raw(
            topic, b'{"contest_id":"%s","thing_id":1}' % secret.encode(), list(GOOD_HEADERS.items())
        )
        letters = await kit.dead_letters(number=2)
    assert len(letters) == 2
    for letter in letters:
        everything = repr((letter.key, letter.value, letter.headers))
        assert secret not in everything
        assert letter.value == b""
        assert dict(letter.headers)["dlq-original"] == b"withheld"
    reasons = {dict(letter.headers)["dlq-reason"] for letter in letters}
    assert reasons == {b"ValueError", b"thing_id: string_type (and 1 more)"}


async def test_failing_record_holds_back_its_own_partition_only_and_dies_after_its_attempts(kit: Kit) -> None:
    topic = await kit.new_topic(partitions=2)

    async def fail_on_five(session: AsyncSession, event: ThingHappened, envelope: Envelope) -> None:
        await kit.record_effect(session, event, envelope)
        if event.number == 5:
            raise ZeroDivisionError("a bug")

    async with kit.consuming(Subscription(kit.group, topic.name, {topic.event: fail_on_five})):
        await kit.send(topic, *[topic.make(n) for n in (4, 5, 6)], partition=0)
        await until(lambda: 5 in kit.calls)
        await kit.send(topic, topic.make(100), partition=1)
        await until(lambda: 100 in kit.calls, within=1)
        assert 6 not in kit.calls  # order within the partition holds
        await until(lambda: 6 in kit.calls, within=10)
    assert await kit.numbers() == [4, 6, 100]
    assert kit.calls.count(5) == 6
    assert kit.calls.count(4) == 1
    (letter,) = await kit.dead_letters(number=1)
    assert dict(letter.headers)["dlq-reason"] == b"ZeroDivisionError: a bug"
    assert dict(letter.headers)["dlq-attempts"] == b"6"


async def test_failing_record_that_recovers_is_applied_in_order(kit: Kit) -> None:
    topic = await kit.new_topic()
    failures = 2

    async def fail_twice(session: AsyncSession, event: ThingHappened, envelope: Envelope) -> None:
        nonlocal failures
        if event.number == 2 and failures:
            failures -= 1
            raise LookupError("not yet")
        await kit.record_effect(session, event, envelope)

    async with kit.consuming(Subscription(kit.group, topic.name, {topic.event: fail_twice})):
        await kit.send(topic, *[topic.make(n) for n in range(5)])
        await until(lambda: 4 in kit.calls)
    assert kit.calls == [0, 1, 2, 3, 4]
    assert await kit.numbers() == [0, 1, 2, 3, 4]
    assert await kit.dead_letters() == []


async def test_turn_with_a_rejected_record_is_gone_through_record_by_record(kit: Kit) -> None:
    topic = await kit.new_topic()
    sizes: list[int] = []

    async def on_records(session: AsyncSession, records: Sequence[RawRecord]) -> Sequence[Unusable]:
        sizes.append(len(records))
        for record in records:
            found = decode_record(record, {topic.event.event_type(): topic.event})
            assert isinstance(found, Good)
            assert isinstance(found.event, ThingHappened)
            await kit.record_effect(session, found.event, found.envelope)
            if found.event.number == 7:
                raise Reject("unlucky")
        return ()

    await kit.send(topic, *[topic.make(n) for n in range(20)])
    async with kit.consuming(RecordSubscription(kit.group, topic.name, (topic.event,), on_records)):
        await until(lambda: 19 in kit.calls)
        await until(lambda: kit.committed_count(topic) == 20)
    assert await kit.numbers() == [n for n in range(20) if n != 7]
    assert sizes == [20, *[1] * 20]
    (letter,) = await kit.dead_letters(number=1)
    assert letter.value == encode(topic.make(7)).value
    assert CONSUMED.labels(kit.group, topic.name, "dead")._value.get() == 1
