"""The published event contract: a readable page at ``/events`` and the AsyncAPI document beside it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from shared.contracts import asyncapi
from shared.contracts.catalogue import CATALOGUE, Topic
from shared.contracts.descriptions import AUDIENCE_DESCRIPTIONS, TOPIC_DESCRIPTIONS, event_description
from shared.contracts.event import Event, LocalizedText
from shared.contracts.examples import EXAMPLES
from shared.contracts.schemas import Schema, event_schema
from shared.web.pages import Pages

if TYPE_CHECKING:
    from shared.service import Resources


@dataclass(frozen=True, slots=True)
class Field:
    """One member of an event's JSON."""

    name: str
    type: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class EventView:
    """An event as the page shows it."""

    name: str
    event_type: str
    about: LocalizedText
    fields: tuple[Field, ...]
    headers: str
    value: str


@dataclass(frozen=True, slots=True)
class TopicView:
    """A topic as the page shows it."""

    topic: Topic
    about: LocalizedText
    audience: LocalizedText
    retention: LocalizedText
    events: tuple[EventView, ...]


def router(resources: "Resources") -> APIRouter:
    """The page and its download; intake's application includes it."""
    pages = Pages("shared.web")
    routes = APIRouter()

    @routes.get("/events", include_in_schema=False)
    async def events(request: Request) -> HTMLResponse:
        return await pages.render(request, "events.html", {"topics": topic_views()})

    @routes.get("/events/asyncapi.json", include_in_schema=False)
    async def download() -> Response:
        headers = {"Content-Disposition": 'inline; filename="showcase-asyncapi.json"'}
        return Response(_document(), media_type="application/json", headers=headers)

    return routes


@cache
def _document() -> str:
    return asyncapi.render()


@cache
def topic_views() -> tuple[TopicView, ...]:
    """The whole catalogue, ready for the template."""
    return tuple(
        TopicView(
            topic=topic,
            about=TOPIC_DESCRIPTIONS[topic.name],
            audience=AUDIENCE_DESCRIPTIONS[topic.audience],
            retention=_retention(topic),
            events=tuple(_event_view(event) for event in topic.events),
        )
        for topic in CATALOGUE
    )


def _retention(topic: Topic) -> LocalizedText:
    if topic.compacted:
        return LocalizedText(th="ค่าล่าสุดของแต่ละคีย์", en="the latest of each key")
    if topic.retention_days is None:
        return LocalizedText(th="เก็บตลอดไป", en="for ever")
    return LocalizedText(th=f"{topic.retention_days} วัน", en=f"{topic.retention_days} days")


def _event_view(event: type[Event]) -> EventView:
    schema = event_schema(event)
    example = EXAMPLES[event.event_type()]
    return EventView(
        name=event.__name__,
        event_type=event.event_type(),
        about=event_description(event),
        fields=tuple(_fields(schema)),
        headers="\n".join(f"{name}: {value}" for name, value in example.headers.items()),
        value=json.dumps(example.event.model_dump(mode="json"), ensure_ascii=False, indent=2),
    )


def _fields(schema: Schema) -> Iterator[Field]:
    required = set(schema.get("required", ()))
    for name, part in schema["properties"].items():
        yield Field(name, _type_name(part, schema), name in required, part.get("description", ""))


def _type_name(part: dict[str, Any], root: Schema) -> str:
    """A short name: ``text``, ``instant``, ``list of EntrySection``, ``contest | category | day``."""
    if reference := part.get("$ref"):
        name = reference.removeprefix("#/$defs/")
        target = root["$defs"][name]
        return " | ".join(map(str, target["enum"])) if "enum" in target else name
    if options := part.get("anyOf"):
        return " | ".join(_type_name(option, root) for option in options)
    match part.get("type"):
        case "array":
            return f"list of {_type_name(part['items'], root)}"
        case "string":
            return {"date-time": "instant", "date": "date"}.get(part.get("format", ""), "text")
        case other:
            return str(other)
