"""Golden examples on Apache Kafka, read by the documented example and by the independent reader."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from confluent_kafka import Producer

from shared.contracts.catalogue import EVENT_TYPES
from shared.contracts.ids import new_id
from shared.messaging.topics import provision
from shared.settings import Settings
from tests.contract.record import GOLDEN
from tests.e2e.reader import Record, contract_faults, personal_data, read_all

pytestmark = pytest.mark.kafka

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "consume.py"


@pytest.fixture(scope="module")
async def published(kafka: str, kafka_settings: Settings) -> dict[str, str]:
    """Every golden example, sent by a public client under a fresh id: id -> event type."""
    await provision(kafka_settings, [])
    producer = Producer({"bootstrap.servers": kafka, "partitioner": "murmur2_random"})
    sent = {}
    for event_type, event in EVENT_TYPES.items():
        golden = json.loads((GOLDEN / f"{event_type}.json").read_text())
        event_id = new_id()
        headers = list((golden["headers"] | {"ce_id": event_id}).items())
        value = json.dumps(golden["value"], ensure_ascii=False)
        producer.produce(event.TOPIC, key=golden["key"], value=value, headers=headers)
        sent[event_id] = event_type
    assert producer.flush(20) == 0
    return sent


def event_id(record: Record) -> str:
    return record.headers.get("ce_id", b"").decode()


def test_the_independent_reader_finds_every_event_as_published(kafka: str, published: dict[str, str]) -> None:
    records = [record for record in read_all(kafka) if event_id(record) in published]
    assert {event_id(record): record.headers["ce_type"].decode() for record in records} == published
    assert len(records) == len(published)
    assert contract_faults(records) == []
    assert personal_data(records) == []
    assert all(UUID(event_id(record)).version == 7 for record in records)


def test_the_documented_example_prints_contest_shortlist_and_results(
    kafka: str, published: dict[str, str], fresh_name: Callable[[str], str]
) -> None:
    command = [sys.executable, str(EXAMPLE), kafka, "--once", "--group", fresh_name("example")]
    first = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    said = first.stdout
    assert "contest  โครงการ The Smart City Showcase Awards 2022 (2 categories)" in said
    assert "shortlist of 1\n  smart-mobility     รถเมล์ตรงเวลา" in said
    assert "results\n  รางวัลดีเด่นด้าน Smart Mobility: เทศบาลเมืองตัวอย่าง\n  รางวัล Popular Vote:" in said
    again = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert again.stdout == "", "its group remembers how far it has read"
