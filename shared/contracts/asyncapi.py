"""The AsyncAPI 3.0 document of every topic and event, generated from the catalogue.

``python -m shared.contracts.asyncapi > docs/asyncapi/showcase.json`` writes it anew.
"""

import json
import sys
from typing import Any

from shared.contracts.catalogue import CATALOGUE, DEAD_LETTER_RETENTION_DAYS, Topic
from shared.contracts.descriptions import TOPIC_DESCRIPTIONS, event_description
from shared.contracts.event import Event
from shared.contracts.examples import EXAMPLES
from shared.contracts.schemas import event_schema

Json = dict[str, Any]

VERSION = "1.0.0"
"""Of the published contract: the last number grows with optional fields, the middle one with new events."""

_BINDING = "0.5.0"
_INTRODUCTION = f"""\
Every fact of an awards contest, as CloudEvents 1.0 in Kafka's binary mode: the attributes are record
headers (`ce_*`, `content-type`, `traceparent`), the value is the event's JSON. Within `.v1` only
optional fields are added; skip an unknown `ce_type`, ignore unknown fields. State events carry their
aggregate's `revision`: apply only a higher one than you have. Delivery is at least once: `ce_id` stays
the same over repeats, refills and replays.

Score, vote and tally topics are opened to outsiders only after ResultsPublished. Personal data travels
on `intake.contact.v1` alone. Each consumer group of the house has a topic `<group>.dlq`, kept
{DEAD_LETTER_RETENTION_DAYS} days, which is no public contract."""

_HEADERS: Json = {
    "type": "object",
    "required": ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_subject", "ce_time", "content-type"],
    "properties": {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {"type": "string", "format": "uuid", "description": "UUIDv7; the same over repeats."},
        "ce_type": {"type": "string", "description": "`showcase.<service>.<Event>.v<n>`"},
        "ce_source": {"type": "string", "format": "uri-reference"},
        "ce_subject": {"type": "string", "description": "Equals the record's key."},
        "ce_time": {"type": "string", "format": "date-time"},
        "content-type": {"type": "string", "const": "application/json"},
        "ce_correlationid": {"type": "string", "description": "One for all that follows from one request."},
        "ce_causationid": {"type": "string", "description": "`ce_id` of the event that led to this one."},
        "traceparent": {"type": "string", "description": "W3C trace context."},
    },
}


def document() -> Json:
    """The whole document, in the order of the catalogue."""
    schemas: dict[str, Json] = {}
    messages = {_message_name(event): _message(topic, event, schemas) for topic, event in _events()}
    return {
        "asyncapi": "3.0.0",
        "id": "urn:showcase:events",
        "info": {
            "title": "Showcase events",
            "version": VERSION,
            "description": _INTRODUCTION,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "tags": [{"name": service} for service in sorted({topic.producer for topic in CATALOGUE})],
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka",
                "description": "Where the operator says; `showcase status` prints it.",
                "variables": {"bootstrap": {"default": "localhost:9092"}},
            }
        },
        "channels": {_channel_name(topic): _channel(topic) for topic in CATALOGUE},
        "operations": dict(operation for topic in CATALOGUE for operation in _operations(topic)),
        "components": {
            "messages": messages,
            "messageTraits": {"cloudEvent": {"contentType": "application/json", "headers": _HEADERS}},
            "schemas": dict(sorted(schemas.items())),
        },
    }


def render() -> str:
    """The document as it is filed and served: JSON, readable, ending in a newline."""
    return json.dumps(document(), ensure_ascii=False, indent=2) + "\n"


def _events() -> list[tuple[Topic, type[Event]]]:
    return [(topic, event) for topic in CATALOGUE for event in topic.events]


def _channel_name(topic: Topic) -> str:
    return topic.name.replace(".", "-")


def _message_name(event: type[Event]) -> str:
    return event.event_type()


def _channel(topic: Topic) -> Json:
    about = TOPIC_DESCRIPTIONS[topic.name]
    config: Json = dict(topic.config())
    config["cleanup.policy"] = [config["cleanup.policy"]]
    for name in ("retention.ms", "max.compaction.lag.ms"):
        if name in config:
            config[name] = int(config[name])
    return {
        "address": topic.name,
        "description": f"{about.en}\n\n{about.th}",
        "servers": [{"$ref": "#/servers/kafka"}],
        "messages": {
            event.__name__: {"$ref": f"#/components/messages/{_message_name(event)}"}
            for event in topic.events
        },
        "tags": [{"name": topic.producer}, {"name": topic.audience.value}],
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": config,
                "bindingVersion": _BINDING,
            }
        },
        "x-key": topic.key,
        "x-audience": topic.audience.value,
        "x-producer": topic.producer,
        "x-consumers": list(topic.consumers),
        "x-personal-data": topic.personal_data,
    }


def _message(topic: Topic, event: type[Event], schemas: dict[str, Json]) -> Json:
    about = event_description(event)
    example = EXAMPLES[event.event_type()]
    return {
        "name": event.event_type(),
        "title": event.__name__,
        "summary": about.th,
        "description": about.en,
        "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}],
        "payload": {"$ref": f"#/components/schemas/{_collect(event, schemas)}"},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": f"`{event.KEY}`"},
                "bindingVersion": _BINDING,
            }
        },
        "examples": [
            {
                "name": event.__name__,
                "headers": dict(example.headers),
                "payload": example.event.model_dump(mode="json"),
            }
        ],
    }


def _operations(topic: Topic) -> list[tuple[str, Json]]:
    channel = {"$ref": f"#/channels/{_channel_name(topic)}"}
    send = {"action": "send", "channel": channel, "summary": f"{topic.producer} publishes to {topic.name}."}
    receives = [
        (
            f"{consumer}-consumes-{_channel_name(topic)}",
            {"action": "receive", "channel": channel, "summary": f"{consumer} reads {topic.name}."},
        )
        for consumer in topic.consumers
    ]
    return [(f"{topic.producer}-publishes-{_channel_name(topic)}", send), *receives]


def _collect(event: type[Event], schemas: dict[str, Json]) -> str:
    """Add the schemas of ``event`` to ``schemas``; returns the name of its own."""
    schema = event_schema(event)
    parts = schema.pop("$defs", {}) | {event.__name__: schema}
    for keyword in ("$schema", "$id", "title"):
        schema.pop(keyword)
    for name, part in parts.items():
        moved = _moved(part)
        if schemas.setdefault(name, moved) != moved:
            raise ValueError(f"two different schemas are called {name}")
    return event.__name__


def _moved(node: Any) -> Any:
    """``node`` with its references pointing to the document's components."""
    if isinstance(node, dict):
        return {
            name: value.replace("#/$defs/", "#/components/schemas/") if name == "$ref" else _moved(value)
            for name, value in node.items()
        }
    if isinstance(node, list):
        return [_moved(item) for item in node]
    return node


if __name__ == "__main__":
    sys.stdout.write(render())
