"""The outsider's reader reads every golden example, and finds what it must find."""

import ast
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.contract.record import GOLDEN
from tests.e2e import reader
from tests.e2e.reader import Contract, Finding, Record, as_event, contract_faults, personal_data

CONTRACT = Contract()
TOPIC_OF = {
    message["$ref"].rpartition("/")[2]: channel["address"]
    for channel in json.loads(reader.ASYNCAPI.read_text())["channels"].values()
    for message in channel["messages"].values()
}
TYPES = sorted(path.stem for path in GOLDEN.iterdir())


def record_of(event_type: str, **changes: Any) -> Record:
    """The golden example of ``event_type`` as a record, with ``changes`` to its value."""
    golden = json.loads((GOLDEN / f"{event_type}.json").read_text())
    return Record(
        topic=TOPIC_OF[event_type],
        partition=0,
        offset=0,
        key=golden["key"].encode(),
        value=json.dumps(golden["value"] | changes, ensure_ascii=False).encode(),
        headers={name: value.encode() for name, value in golden["headers"].items()},
    )


SIGNED_UP = "showcase.intake.BriefingRegistered.v1"
CONTACT = "showcase.intake.ContactUpserted.v1"


@pytest.mark.parametrize("event_type", TYPES)
def test_the_cloudevents_sdk_reads_the_golden_example(event_type: str) -> None:
    record = record_of(event_type)
    event = as_event(record)
    assert (event.get_type(), event.get_specversion(), event.get_datacontenttype()) == (
        event_type,
        "1.0",
        "application/json",
    )
    assert event.get_data() == json.loads(record.value or b"")
    assert CONTRACT.faults(record) == []


def test_golden_examples_hold_no_personal_data_outside_the_contact_topic() -> None:
    assert personal_data([record_of(event_type) for event_type in TYPES]) == []


@pytest.mark.parametrize(
    ("organisation", "what"),
    [
        ("ติดต่อ somchai@example.co.th", "$.organisation: an e-mail address: 'somchai@example.co.th'"),
        ("โทร 081-234-5678", "$.organisation: a telephone number: '081-234-5678'"),
        ("โทร ๐๘ ๑๒๓๔ ๕๖๗๘", "$.organisation: a telephone number: '๐๘ ๑๒๓๔ ๕๖๗๘'"),
        ("+66812345678", "$.organisation: a telephone number: '+66812345678'"),
        ("ผู้ประสานงาน นายสมมติ ทดสอบ", "$.organisation: a name: 'นายสมมติ ทดสอบ'"),
        ("คุณ ชื่อ สมมติ", "$.organisation: says 'ชื่อ สมมติ', as the contact topic does"),
    ],
)
def test_personal_data_is_found(organisation: str, what: str) -> None:
    records = [record_of(CONTACT), record_of(SIGNED_UP, organisation=organisation)]
    assert personal_data(records) == [Finding("intake.briefing.v1[0]@0", what)]


@pytest.mark.parametrize(
    "organisation",
    [
        "นายกเทศมนตรีเมือง ตัวอย่าง",
        "ที่ นธ 0017.2/ว 2565 ลงวันที่ 30 มิถุนายน 2565",
        "0181a900-0000-7e00-8000-000000000001",
        "เลขรับ 4512/2565",
    ],
)
def test_posts_numbers_and_ids_are_no_personal_data(organisation: str) -> None:
    assert personal_data([record_of(SIGNED_UP, organisation=organisation)]) == []


def test_the_organiser_s_public_contacts_are_excepted_where_the_rulebook_names_them() -> None:
    told = record_of(SIGNED_UP, organisation="ส่งถึง scp@depa.or.th")
    assert personal_data([record_of("showcase.intake.ContestPublished.v1"), told]) == []
    assert [finding.what for finding in personal_data([told])] == [
        "$.organisation: an e-mail address: 'scp@depa.or.th'"
    ]


def test_a_message_id_with_somebody_s_address_in_it_is_found() -> None:
    sent = record_of("showcase.notify.NoticeSent.v1", message_id="<n1.applicant@example.invalid>")
    assert [finding.what for finding in personal_data([record_of(CONTACT), sent])] == [
        "$.message_id: says 'applicant@example.invalid', as the contact topic does"
    ]


def test_personal_data_in_headers_and_keys_is_found() -> None:
    record = record_of(SIGNED_UP)
    leaky = replace(record, headers=record.headers | {"ce_source": b"/by/a.person@example.com"})
    assert [finding.what for finding in personal_data([leaky])] == [
        "header ce_source: an e-mail address: 'a.person@example.com'"
    ]


def test_faults_are_found() -> None:
    record = record_of(SIGNED_UP)
    without_id = {name: value for name, value in record.headers.items() if name != "ce_id"}
    nameless = CONTRACT.faults(replace(record, headers=without_id))
    assert nameless[0].what == "header: 'ce_id' is a required property"
    assert [fault.what for fault in CONTRACT.faults(record_of(SIGNED_UP, attends_as="both"))] == [
        "$.attends_as: 'both' is not one of ['self', 'representative']"
    ]
    assert [fault.what for fault in CONTRACT.faults(replace(record, topic="intake.entry.v1"))] == [
        f"{SIGNED_UP} is not published on intake.entry.v1"
    ]
    assert [fault.what for fault in CONTRACT.faults(replace(record, key=b"other"))] == [
        "key b'other' is not the subject '0181a900-0000-7e00-8000-000000000001'"
    ]
    assert [fault.what for fault in CONTRACT.faults(replace(record, value=None))] == ["a tombstone"]


def test_a_key_in_two_partitions_is_found() -> None:
    record = record_of(SIGNED_UP)
    assert [fault.what for fault in contract_faults([record, replace(record, partition=1)])] == [
        "key b'0181a900-0000-7e00-8000-000000000001' also lives in partition 0"
    ]


def test_the_reader_imports_nothing_of_the_house() -> None:
    tree = ast.parse(Path(reader.__file__).read_text())
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {module.split(".")[0] for module in modules} & {"services", "shared"} == set()
