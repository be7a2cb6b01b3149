"""The catalogue is the table of the design, and hangs together."""

import pytest

from shared.contracts.catalogue import CATALOGUE, EVENT_TYPES, TOPICS, Topic, dead_letter_topic
from shared.contracts.descriptions import TOPIC_DESCRIPTIONS, event_description
from shared.contracts.event import LocalizedText
from shared.contracts.examples import EXAMPLES

TABLE = {
    "intake.contest.v1": ("contest_id", 1, "-1", "delete", 2),
    "intake.contact.v1": ("contact_id", 6, "-1", "compact", 1),
    "intake.briefing.v1": ("registration_id", 3, "-1", "delete", 2),
    "intake.entry.v1": ("entry_id", 12, "-1", "delete", 6),
    "scoring.judge.v1": ("judge_id", 3, "-1", "delete", 4),
    "scoring.score.v1": ("entry_id", 12, "-1", "delete", 2),
    "scoring.decision.v1": ("contest_id", 1, "-1", "delete", 6),
    "voting.vote.v1": ("voter_id", 6, "-1", "delete", 2),
    "voting.tally.v1": ("entry_id", 12, "-1", "compact", 1),
    "voting.decision.v1": ("contest_id", 1, "-1", "delete", 8),
    "notify.delivery.v1": ("notice_id", 6, "7776000000", "delete", 4),
}


def test_catalogue_equals_the_design_s_table() -> None:
    assert {
        topic.name: (
            topic.key,
            topic.partitions,
            topic.config()["retention.ms"],
            topic.config()["cleanup.policy"],
            len(topic.events),
        )
        for topic in CATALOGUE
    } == TABLE


def test_a_compacted_topic_holds_one_event_type_and_is_compacted_within_a_day() -> None:
    compacted = [topic for topic in CATALOGUE if topic.compacted]
    assert [(len(topic.events), topic.config()["max.compaction.lag.ms"]) for topic in compacted] == [
        (1, "86400000"),
        (1, "86400000"),
    ]


def test_personal_data_is_declared_on_one_topic_only() -> None:
    assert [topic.name for topic in CATALOGUE if topic.personal_data] == ["intake.contact.v1"]


@pytest.mark.parametrize("topic", CATALOGUE, ids=lambda topic: topic.name)
def test_topic_and_its_events_agree(topic: Topic) -> None:
    service = topic.name.split(".")[0]
    assert topic.producer == service
    for event in topic.events:
        assert (service, topic.name) == (event.SERVICE, event.TOPIC)
        own_key = "partition" if event.__name__ == "VotingSealed" else topic.key
        assert own_key == event.KEY
        assert event.model_fields["contest_id"].is_required()
        assert event.model_fields[event.KEY].is_required()


def test_every_event_and_topic_is_described_in_both_languages() -> None:
    for event in EVENT_TYPES.values():
        about = event_description(event)
        assert about.th
        assert about.en, f"{event.__name__} needs a docstring of its own"
        assert event.__dict__.get("__doc__"), f"{event.__name__} needs a docstring of its own"
    assert TOPIC_DESCRIPTIONS.keys() == TOPICS.keys()
    assert all(isinstance(about, LocalizedText) and about.en for about in TOPIC_DESCRIPTIONS.values())


def test_every_event_has_an_example() -> None:
    assert EXAMPLES.keys() == EVENT_TYPES.keys()


def test_dead_letters_have_a_topic_per_group() -> None:
    assert dead_letter_topic("voting-tally") == "voting-tally.dlq"
