"""The published contract: snapshots, golden examples, and what may change."""

import copy
import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from shared.contracts.catalogue import EVENT_TYPES
from shared.contracts.event import Event
from shared.contracts.examples import EXAMPLES
from shared.contracts.schemas import event_schema, incompatibilities
from shared.contracts.voting import VoteCast
from tests.contract.record import GOLDEN, SCHEMAS, rendered, verdict

EVENTS = pytest.mark.parametrize("event_type", sorted(EVENT_TYPES))


def published(event_type: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((SCHEMAS / f"{event_type}.json").read_text())
    return schema


def golden(event_type: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((GOLDEN / f"{event_type}.json").read_text())
    return record


def test_every_event_has_a_snapshot_and_a_golden_example_and_nothing_else_is_filed() -> None:
    files = {f"{event_type}.json" for event_type in EVENT_TYPES}
    assert {path.name for path in SCHEMAS.iterdir()} == files
    assert {path.name for path in GOLDEN.iterdir()} == files


@EVENTS
def test_schema_adds_optional_fields_only(event_type: str) -> None:
    reason = verdict(event_type, published(event_type), event_schema(EVENT_TYPES[event_type]))
    assert reason == "", reason


@EVENTS
def test_snapshot_is_up_to_date(event_type: str) -> None:
    """A compatible change is filed by ``python -m tests.contract.record`` in the same commit."""
    assert rendered(event_schema(EVENT_TYPES[event_type])) == rendered(published(event_type))


@EVENTS
def test_golden_example_stays_readable_without_loss(event_type: str) -> None:
    record = golden(event_type)
    event = EVENT_TYPES[event_type].model_validate_json(json.dumps(record["value"]))
    assert event.key() == record["key"] == record["headers"]["ce_subject"]
    assert record["headers"]["ce_type"] == event_type
    assert lost(record["value"], event.model_dump(mode="json")) == []


@EVENTS
def test_golden_example_fits_the_published_schema(event_type: str) -> None:
    validator = Draft202012Validator(published(event_type), format_checker=FormatChecker())
    assert [error.message for error in validator.iter_errors(golden(event_type)["value"])] == []


@EVENTS
def test_current_example_is_readable_by_whoever_holds_the_old_schema(event_type: str) -> None:
    value = EXAMPLES[event_type].event.model_dump(mode="json")
    assert list(Draft202012Validator(published(event_type)).iter_errors(value)) == []


def lost(stored: Any, read: Any, path: str = "") -> list[str]:
    """Where ``read`` does not say what ``stored`` said; members that only ``read`` has are fine."""
    if isinstance(stored, dict) and isinstance(read, dict):
        return [
            gap
            for name, value in stored.items()
            for gap in (
                lost(value, read[name], f"{path}.{name}") if name in read else [f"{path}.{name}: gone"]
            )
        ]
    if isinstance(stored, list) and isinstance(read, list) and len(stored) == len(read):
        pairs = enumerate(zip(stored, read, strict=True))
        return [gap for index, (one, other) in pairs for gap in lost(one, other, f"{path}[{index}]")]
    return [] if stored == read else [f"{path}: {stored!r} became {read!r}"]


class TestWhatMayChange:
    """The check itself, on changes to a real schema."""

    schema = event_schema(VoteCast)

    def changed(self, **edits: Any) -> list[str]:
        schema = copy.deepcopy(self.schema)
        for name, value in edits.items():
            if value is None:
                del schema["properties"][name]
                schema["required"] = [member for member in schema["required"] if member != name]
            else:
                schema["properties"][name] = value
        return incompatibilities(self.schema, schema)

    def test_an_optional_field_may_be_added(self) -> None:
        assert self.changed(channel={"type": "string", "default": ""}) == []

    def test_an_optional_field_may_be_added_deep_inside_with_its_default(self) -> None:
        schema = copy.deepcopy(self.schema)
        schema["$defs"]["VoteSignals"]["properties"]["asn"] = {"type": "string", "default": ""}
        schema["properties"]["signals"]["default"]["asn"] = ""
        assert incompatibilities(self.schema, schema) == []

    def test_a_description_may_change(self) -> None:
        assert self.changed(slot={"type": "string", "description": "other words"}) == []

    def test_a_required_field_may_not_be_added(self) -> None:
        schema = copy.deepcopy(self.schema)
        schema["properties"]["channel"] = {"type": "string"}
        schema["required"].append("channel")
        assert incompatibilities(self.schema, schema) == ["channel: added as required"]

    def test_a_field_may_not_be_removed(self) -> None:
        assert self.changed(commitment=None) == ["commitment: removed or renamed"]

    def test_a_field_may_not_be_renamed(self) -> None:
        assert self.changed(commitment=None, leaf={"type": "string", "default": ""}) == [
            "commitment: removed or renamed"
        ]

    def test_a_field_may_not_be_retyped(self) -> None:
        assert self.changed(slot={"type": "integer"}) == ["slot (type): changed from 'string' to 'integer'"]

    def test_a_format_may_not_be_dropped(self) -> None:
        assert self.changed(cast_at={"type": "string"}) == [
            "cast_at (format): changed from 'date-time' to None"
        ]

    def test_a_required_field_may_not_become_optional(self) -> None:
        schema = copy.deepcopy(self.schema)
        schema["required"].remove("commitment")
        assert incompatibilities(self.schema, schema) == ["commitment: became optional"]

    def test_a_value_may_not_leave_or_join_an_enumeration(self) -> None:
        schema = event_schema(EVENT_TYPES["showcase.voting.VotingOpened.v1"])
        for values in (["contest", "category"], ["contest", "category", "day", "week"]):
            other = copy.deepcopy(schema)
            other["$defs"]["VoteScope"]["enum"] = values
            assert incompatibilities(schema, other) == [
                f"scope (enum): changed from ['contest', 'category', 'day'] to {values!r}"
            ]

    def test_an_alternative_may_not_be_retyped(self) -> None:
        schema = copy.deepcopy(self.schema)
        schema["$defs"]["VoteSignals"]["properties"]["code_age_seconds"]["anyOf"][0]["type"] = "number"
        assert incompatibilities(self.schema, schema) == [
            "signals.code_age_seconds (type): changed from 'integer' to 'number'"
        ]

    def test_the_verdict_says_what_to_do(self) -> None:
        schema = copy.deepcopy(self.schema)
        schema["properties"]["slot"] = {"type": "integer"}
        assert verdict("showcase.voting.VoteCast.v1", self.schema, schema) == (
            "showcase.voting.VoteCast.v1 changed for its readers:\n"
            "  slot (type): changed from 'string' to 'integer'\n"
            "Only optional fields may be added: make it .v2 (showcase.voting.VoteCast.v2) beside it."
        )


def test_events_are_frozen_and_named_in_the_past_tense_of_one_service() -> None:
    for event_type, event in EVENT_TYPES.items():
        assert issubclass(event, Event)
        assert event.model_config["frozen"] is True
        assert event_type == f"showcase.{event.SERVICE}.{event.__name__}.v{event.VERSION}"
