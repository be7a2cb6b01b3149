"""An outsider's reader: public clients and the published AsyncAPI document, nothing of the house.

It reads every record of every topic, lets the CloudEvents SDK make events of them, checks each
against its published schema, and looks for personal data where none may be. Run by itself it
prints what it found: ``python -m tests.e2e.reader localhost:9092``.
"""

import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from cloudevents.core.bindings import kafka as binding
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
from jsonschema import Draft202012Validator

ASYNCAPI = Path(__file__).parents[2] / "docs" / "asyncapi" / "showcase.json"
PERSONAL_TOPIC = "intake.contact.v1"

_QUIET_SECONDS = 4.0
"""A broker that does not report the end of a partition is done when it has been silent this long."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record as the client hands it out."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes]

    @property
    def place(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset}"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be, and where."""

    place: str
    what: str


def read_all(bootstrap: str, topics: Iterable[str] | None = None) -> list[Record]:
    """Every record of ``topics`` (default: all but Kafka's own), each partition in its order."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "independent-reader",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 50,
        }
    )
    try:
        return list(_read(consumer, set(topics) if topics is not None else None))
    finally:
        consumer.close()


def _read(consumer: Consumer, wanted: set[str] | None) -> Iterator[Record]:
    known = consumer.list_topics(timeout=15).topics
    open_partitions = {
        (name, partition)
        for name, topic in known.items()
        if (name in wanted if wanted is not None else not name.startswith("__"))
        for partition in topic.partitions
    }
    consumer.assign([TopicPartition(name, number, OFFSET_BEGINNING) for name, number in open_partitions])
    last = time.monotonic()
    while open_partitions and time.monotonic() - last < _QUIET_SECONDS:
        message = consumer.poll(0.2)
        if message is None:
            continue
        last = time.monotonic()
        error = message.error()
        if error is None:
            yield Record(
                topic=message.topic(),
                partition=message.partition(),
                offset=message.offset(),
                key=message.key(),
                value=message.value(),
                headers=dict(message.headers() or ()),
            )
        elif error.code() == KafkaError._PARTITION_EOF:
            open_partitions.discard((message.topic(), message.partition()))
        else:
            raise KafkaException(error)


def as_event(record: Record) -> Any:
    """The record as the CloudEvents SDK understands it. Raises what the SDK raises."""
    assert record.value is not None, "a tombstone is no event"
    message = binding.KafkaMessage(headers=record.headers, key=record.key, value=record.value)
    return binding.from_binary_event(message)


class Contract:
    """The published AsyncAPI document, as a reader uses it."""

    def __init__(self, document: Path = ASYNCAPI) -> None:
        self._document: dict[str, Any] = json.loads(document.read_text())
        components = self._document["components"]
        self._payloads = {
            name: Draft202012Validator({**message["payload"], "components": components})
            for name, message in components["messages"].items()
        }
        self._headers = Draft202012Validator(components["messageTraits"]["cloudEvent"]["headers"])
        self._types = {
            channel["address"]: {
                message["$ref"].rpartition("/")[2] for message in channel["messages"].values()
            }
            for channel in self._document["channels"].values()
        }

    @property
    def topics(self) -> set[str]:
        return set(self._types)

    def faults(self, record: Record) -> list[Finding]:
        """Where ``record`` is not what the document says."""
        if record.value is None:
            return [] if record.topic == PERSONAL_TOPIC else [Finding(record.place, "a tombstone")]
        try:
            event = as_event(record)
        except Exception as error:  # the SDK may raise anything at a malformed record
            return [Finding(record.place, f"the SDK cannot read it: {error}")]
        return [Finding(record.place, what) for what in self._faults_of(record, event)]

    def _faults_of(self, record: Record, event: Any) -> Iterator[str]:
        headers = {name: value.decode() for name, value in record.headers.items()}
        yield from (f"header: {error.message}" for error in self._headers.iter_errors(headers))
        kind = event.get_type()
        if kind not in self._types.get(record.topic, ()):
            yield f"{kind} is not published on {record.topic}"
            return
        data = event.get_data()
        yield from (f"{error.json_path}: {error.message}" for error in self._payloads[kind].iter_errors(data))
        if UUID(event.get_id()).version != 7:
            yield f"ce_id {event.get_id()} is no UUIDv7"
        if record.key is None or record.key.decode() != event.get_subject():
            yield f"key {record.key!r} is not the subject {event.get_subject()!r}"


def contract_faults(records: Iterable[Record], contract: Contract | None = None) -> list[Finding]:
    """Every record that an outsider could not use as published; dead letters are no contract."""
    contract = contract or Contract()
    found: list[Finding] = []
    homes: dict[tuple[str, bytes | None], int] = {}
    for record in records:
        if record.topic.endswith(".dlq"):
            continue
        found += contract.faults(record)
        home = homes.setdefault((record.topic, record.key), record.partition)
        if home != record.partition:
            found.append(Finding(record.place, f"key {record.key!r} also lives in partition {home}"))
    return found


_EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(
    r"(?<![0-9A-Za-z๐-๙/-])(?:\+66|[0๐])[\s-]?[0-9๐-๙](?:[\s-]?[0-9๐-๙]){7,8}(?![0-9A-Za-z๐-๙])"
)
_OPAQUE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"  # an id
    r"|\b[0-9a-f]{16,}\b"  # a hash
    r"|\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d)?)?"  # an instant
)
_PERSON = re.compile(
    r"(?<![ก-๙])(?:นาย(?!ก|อำเภอ|ทะเบียน)|นางสาว|นาง(?!รอง)|น\.ส\.|ดร\.)\s?[ก-๙]{2,}\s+[ก-๙]{2,}"
    r"|\b(?:Mr|Mrs|Ms|Dr)\.?\s[A-Z][a-z]+"
)
_MESSAGE_ID = re.compile(r"^<[^<>@\s]+@[^<>@\s]+>$")


def personal_data(records: Iterable[Record], names: Iterable[str] = ()) -> list[Finding]:
    """E-mail addresses, telephone numbers and personal names outside the one topic made for them.

    What the contact topic says of people is looked for everywhere else, besides ``names``. The
    organiser's public office contacts in the rulebook are no personal data; nor are the Message-IDs
    of our own mail, as long as they contain nobody's address.
    """
    records = list(records)
    people = _people(records) | {name for name in names if name}
    offices = _offices(records)
    found = []
    for record in records:
        if record.topic == PERSONAL_TOPIC:
            continue
        for path, text in _texts(record):
            found += [
                Finding(record.place, f"{path}: {what}") for what in _personal(path, text, people, offices)
            ]
    return found


def _personal(path: str, text: str, people: set[str], offices: set[str]) -> Iterator[str]:
    for known in people:
        if known in text:
            yield f"says {known!r}, as the contact topic does"
    for office in offices:
        text = text.replace(office, " ")
    if path.endswith("message_id") and _MESSAGE_ID.match(text):
        return
    text = _OPAQUE.sub(" ", text)
    for kind, pattern in (("an e-mail address", _EMAIL), ("a telephone number", _PHONE), ("a name", _PERSON)):
        for match in pattern.finditer(text):
            yield f"{kind}: {match.group()!r}"


def _people(records: Iterable[Record]) -> set[str]:
    """Names, addresses and numbers of people, from the topic that holds them."""
    found: set[str] = set()
    for record in records:
        if record.topic != PERSONAL_TOPIC or not record.value:
            continue
        contact = json.loads(record.value)
        public = {contact.get("organisation", ""), contact.get("position", "")}
        found |= {contact[member] for member in ("name", "email", "phone") if contact.get(member)} - public
    return {text for text in found if len(text) > 3}


def _offices(records: Iterable[Record]) -> set[str]:
    """The organiser's public contacts, as the sealed rulebook names them."""
    found: set[str] = set()
    for record in records:
        if record.topic == "intake.contest.v1" and record.value:
            organiser = json.loads(record.value)["rulebook"]["organiser"]
            found |= {organiser["email"], organiser["phone"], organiser["website"]}
    return {text for text in found if text}


def _texts(record: Record) -> Iterator[tuple[str, str]]:
    """Every text of a record and where it stands: key, headers, and the leaves of the value."""
    yield "key", (record.key or b"").decode(errors="replace")
    for name, value in record.headers.items():
        yield f"header {name}", (value or b"").decode(errors="replace")
    if not record.value:
        return
    try:
        value = json.loads(record.value)
    except ValueError:
        yield "value", record.value.decode(errors="replace")
        return
    yield from _leaves("$", value)


def _leaves(path: str, node: Any) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for name, value in node.items():
            yield f"{path}.{name}", str(name)
            yield from _leaves(f"{path}.{name}", value)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _leaves(f"{path}[{index}]", value)
    elif isinstance(node, str):
        yield path, node


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: python -m tests.e2e.reader BOOTSTRAP_SERVERS", file=sys.stderr)
        return 2
    records = read_all(sys.argv[1])
    findings = contract_faults(records) + personal_data(records)
    for topic, count in sorted(Counter(record.topic for record in records).items()):
        print(f"{count:8,}  {topic}")
    for finding in findings:
        print(f"{finding.place}: {finding.what}", file=sys.stderr)
    print(f"{len(records):,} records, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
