"""The demo on Apache Kafka: its own figures, the outsider's reader, and the recount once more."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.demo.figures import BY_THE_CALENDAR
from services.demo.play import recount
from tests.e2e.reader import Record, contract_faults, personal_data, read_all

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(900)]

VOTES = 500


@pytest.fixture(scope="module")
def played(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a demo that was played and is kept running.

    It runs on a broker of its own: the run's Kafka has other tests' contests on the same topics.
    """
    var = tmp_path_factory.mktemp("demo") / "var"
    environment = {name: value for name, value in os.environ.items() if name != "KAFKA_BOOTSTRAP_SERVERS"}
    command = [
        sys.executable,
        "-m",
        "services.cli",
        "demo",
        "--votes",
        str(VOTES),
        "--var",
        str(var),
        "--keep",
    ]
    said = var.parent / "said.txt"
    with said.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment | {"SHOWCASE_BROKER": "kafka"}, stdout=output, stderr=output
        )
    try:
        while process.poll() is None and not (var / "summary.json").exists():
            time.sleep(0.5)
        assert (var / "summary.json").exists(), said.read_text()
        time.sleep(1)
        yield var
    finally:
        process.terminate()
        process.wait(90)


@pytest.fixture(scope="module")
def summary(played: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((played / "summary.json").read_text())
    return found


@pytest.fixture(scope="module")
def records(summary: dict[str, Any]) -> list[Record]:
    return read_all(summary["addresses"]["kafka"])


def test_every_figure_is_found_as_expected(summary: dict[str, Any]) -> None:
    assert [figure for figure in summary["figures"] if not figure["agrees"]] == []
    assert (summary["ok"], summary["recounted"], summary["findings"]) == (True, True, [])
    figures = {figure["name"]: figure["expected"] for figure in summary["figures"]}
    assert figures["votes received"] == VOTES
    assert figures["entries submitted in time"] == 40
    assert figures["governors sent the circular"] == 77
    assert figures["certificates"] == 8 + 13, "the awards, and the finalists who won nothing"


def test_an_outsider_reads_every_event_as_published(records: list[Record]) -> None:
    assert contract_faults(records) == []
    kinds = {record.headers["ce_type"].decode().split(".")[2] for record in records if record.value}
    assert len(kinds) >= 30, sorted(kinds)
    assert kinds >= {"ContestPublished", "EntryScreened", "ScoreAmended", "ResultsPublished", "VotingSealed"}


def test_personal_data_is_on_one_topic_only(records: list[Record]) -> None:
    assert personal_data(records) == []
    contacts = [record for record in records if record.topic == "intake.contact.v1"]
    assert len(contacts) >= 44 + 9 + 4, "there were people whose data could have leaked"


def test_nothing_went_to_the_dead_letters(records: list[Record]) -> None:
    assert [record for record in records if record.topic.endswith(".dlq")] == []


def test_a_second_recount_says_the_same(summary: dict[str, Any]) -> None:
    found = asyncio.run(recount(summary["addresses"]["kafka"], summary["contest"]))
    expected = {figure["name"]: figure["expected"] for figure in summary["figures"]}
    assert found["findings"] == []
    assert found["votes"]["received"] == expected["votes received"]
    assert found["votes"]["counted"] == expected["votes counted"]
    assert found["votes"]["duplicate"] == expected["votes duplicate"]
    assert found["entries"]["submitted"] == expected["entries submitted in time"]
    by_template = found["delivery"]["notices_by_template"]
    counted = {name: count for name, count in by_template.items() if name not in BY_THE_CALENDAR}
    assert sum(counted.values()) == expected["notices sent"]


def test_the_addresses_to_open_answer(summary: dict[str, Any]) -> None:
    for name, address in summary["addresses"].items():
        if address.startswith("http"):
            answer = httpx.get(address, follow_redirects=True, timeout=30)
            assert answer.status_code == 200, (name, address)
