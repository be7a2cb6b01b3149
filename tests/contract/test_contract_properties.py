"""What holds for every event whatever it says."""

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.contracts.catalogue import EVENT_TYPES
from shared.contracts.examples import EXAMPLES
from shared.contracts.examples.rules import RULEBOOK
from shared.contracts.ids import new_id, uuid7
from shared.contracts.rulebook import Rulebook
from shared.contracts.schemas import event_schema, incompatibilities
from tests.contract.strategies import from_schema

SCHEMAS = {event_type: event_schema(event) for event_type, event in EVENT_TYPES.items()}
RELAXED = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
EVENTS = pytest.mark.parametrize("event_type", sorted(EVENT_TYPES))


@EVENTS
@RELAXED
@given(data=st.data())
def test_whatever_fits_the_schema_is_read_and_written_without_change(event_type: str, data: Any) -> None:
    schema = SCHEMAS[event_type]
    value = data.draw(from_schema(schema, schema))
    event = EVENT_TYPES[event_type].model_validate_json(json.dumps(value))
    written = event.model_dump_json()
    assert EVENT_TYPES[event_type].model_validate_json(written) == event
    assert event.key() == str(value[event.KEY])


@EVENTS
def test_fields_of_a_later_version_are_ignored(event_type: str) -> None:
    event = EXAMPLES[event_type].event
    later = event.model_dump(mode="json") | {"added_later": {"anything": [1, None]}}
    assert EVENT_TYPES[event_type].model_validate_json(json.dumps(later)) == event


@EVENTS
def test_a_missing_required_field_is_refused(event_type: str) -> None:
    value = EXAMPLES[event_type].event.model_dump(mode="json")
    for name in SCHEMAS[event_type]["required"]:
        short = {member: content for member, content in value.items() if member != name}
        with pytest.raises(ValidationError, match=name):
            EVENT_TYPES[event_type].model_validate_json(json.dumps(short))


@EVENTS
def test_an_instant_without_an_offset_is_refused(event_type: str) -> None:
    value = EXAMPLES[event_type].event.model_dump(mode="json")
    for name, part in SCHEMAS[event_type]["properties"].items():
        if part.get("format") == "date-time":
            with pytest.raises(ValidationError, match="timezone"):
                EVENT_TYPES[event_type].model_validate(value | {name: "2022-08-05T09:00:00"})


@RELAXED
@given(event_type=st.sampled_from(sorted(EVENT_TYPES)), data=st.data())
def test_taking_any_field_away_is_noticed(event_type: str, data: Any) -> None:
    schema = SCHEMAS[event_type]
    name = data.draw(st.sampled_from(sorted(schema["properties"])))
    changed = copy.deepcopy(schema)
    del changed["properties"][name]
    assert f"{name}: removed or renamed" in incompatibilities(schema, changed)


@EVENTS
def test_a_schema_is_compatible_with_itself(event_type: str) -> None:
    assert incompatibilities(SCHEMAS[event_type], copy.deepcopy(SCHEMAS[event_type])) == []


def test_rulebook_hash_is_that_of_the_wire_and_does_not_depend_on_member_order() -> None:
    wire = json.loads(RULEBOOK.model_dump_json())
    shuffled = dict(sorted(wire.items(), reverse=True))
    assert Rulebook.model_validate(shuffled).sha256() == RULEBOOK.sha256()
    wire["number"] = 2
    assert Rulebook.model_validate(wire).sha256() != RULEBOOK.sha256()


def test_ids_are_uuids_of_version_7_in_the_order_of_time() -> None:
    ids = [uuid7() for _ in range(2_000)]
    assert {(id_.version, id_.variant) for id_ in ids} == {(7, "specified in RFC 4122")}
    milliseconds = [id_.int >> 80 for id_ in ids]
    assert milliseconds == sorted(milliseconds)
    assert len(set(ids)) == len(ids)
    assert len(new_id()) == 36
