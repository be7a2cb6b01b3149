"""The contract as people see it: every topic, event, field and example, in both languages."""

import json

import pytest

from services.intake.app import build
from shared.contracts import asyncapi
from shared.contracts.catalogue import CATALOGUE, EVENT_TYPES
from shared.contracts.examples import EXAMPLES
from shared.db import Database
from shared.testing.web import client_for, resources_for
from shared.web.events_page import topic_views


@pytest.mark.parametrize(("language", "heading"), [("th", "สัญญาข้อมูลเปิด"), ("en", "Open event contract")])
async def test_the_page_shows_every_topic_and_event(
    intake_database: Database, language: str, heading: str
) -> None:
    async with client_for(build(resources_for(intake_database))) as client:
        page = await client.get("/events", params={"lang": language})
    assert page.status_code == 200
    assert f"<h1>{heading}</h1>" in page.text
    for topic in CATALOGUE:
        assert f'id="{topic.name}"' in page.text
    for event_type in EVENT_TYPES:
        assert f'id="{event_type}"' in page.text


async def test_the_download_is_the_document(intake_database: Database) -> None:
    async with client_for(build(resources_for(intake_database))) as client:
        download = await client.get("/events/asyncapi.json")
    assert download.headers["content-type"] == "application/json"
    assert download.json() == asyncapi.document()


def test_fields_are_named_typed_and_marked_as_the_schema_says() -> None:
    views = {event.event_type: event for topic in topic_views() for event in topic.events}
    opened = {
        field.name: (field.type, field.required) for field in views["showcase.voting.VotingOpened.v1"].fields
    }
    assert opened == {
        "contest_id": ("text", True),
        "revision": ("integer", True),
        "ballot": ("list of text", True),
        "scope": ("contest | category | day", True),
        "closes_at": ("instant", True),
        "opened_at": ("instant", True),
        "waived": ("list of text", False),
        "head_key": ("text", False),
    }
    for event_type, view in views.items():
        assert json.loads(view.value) == EXAMPLES[event_type].event.model_dump(mode="json")
