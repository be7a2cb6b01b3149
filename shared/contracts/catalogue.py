"""The topic catalogue: every topic with its events, key, policy, producer, consumers and audience.

Topics are created and verified from this table, and the AsyncAPI document is generated from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from shared.contracts import intake, notify, scoring, voting
from shared.contracts.event import Event


class Audience(StrEnum):
    """Who may read a topic. Score, vote and tally topics, and what is decided about votes, open to outsiders
    only after ResultsPublished: VotesHeld tells an attacker how well he does."""

    PUBLIC = "public"
    PARTNER = "partner"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic, declared once.

    ``retention_days`` None keeps records for ever; a compacted topic holds exactly one event type
    that carries the whole state of its key.
    """

    name: str
    events: tuple[type[Event], ...]
    key: str
    partitions: int
    producer: str
    consumers: tuple[str, ...]
    audience: Audience
    compacted: bool = False
    retention_days: int | None = None
    personal_data: bool = False
    extra_config: Mapping[str, str] = field(default_factory=dict)

    def config(self) -> dict[str, str]:
        """The topic-level settings of Kafka that this topic must have."""
        days = self.retention_days
        retention = "-1" if days is None else str(days * 86_400_000)
        policy = "compact" if self.compacted else "delete"
        base = {"cleanup.policy": policy, "retention.ms": retention}
        return base | dict(self.extra_config)


_COMPACTION_LAG = {"max.compaction.lag.ms": "86400000"}

CATALOGUE: tuple[Topic, ...] = (
    Topic(
        name="intake.contest.v1",
        events=(intake.ContestPublished, intake.ContestAmended),
        key="contest_id",
        partitions=1,
        producer="intake",
        consumers=("scoring", "voting", "notify"),
        audience=Audience.PUBLIC,
    ),
    Topic(
        name="intake.contact.v1",
        events=(intake.ContactUpserted,),
        key="contact_id",
        partitions=6,
        producer="intake",
        consumers=("scoring", "voting", "notify"),
        audience=Audience.INTERNAL,
        compacted=True,
        personal_data=True,
        extra_config=_COMPACTION_LAG,
    ),
    Topic(
        name="intake.briefing.v1",
        events=(intake.BriefingRegistered, intake.BriefingCancelled),
        key="registration_id",
        partitions=3,
        producer="intake",
        consumers=("notify",),
        audience=Audience.PARTNER,
    ),
    Topic(
        name="intake.entry.v1",
        events=(
            intake.EntryStarted,
            intake.EntrySubmitted,
            intake.EntryAmended,
            intake.EntryReturned,
            intake.EntryWithdrawn,
            intake.EntryScreened,
        ),
        key="entry_id",
        partitions=12,
        producer="intake",
        consumers=("scoring", "voting", "notify"),
        audience=Audience.PARTNER,
    ),
    Topic(
        name="scoring.judge.v1",
        events=(
            scoring.JudgeInvited,
            scoring.JudgeAccepted,
            scoring.JudgeAssigned,
            scoring.JudgeRecused,
        ),
        key="judge_id",
        partitions=3,
        producer="scoring",
        consumers=("intake", "notify"),
        audience=Audience.INTERNAL,
    ),
    Topic(
        name="scoring.score.v1",
        events=(scoring.ScoreRecorded, scoring.ScoreAmended),
        key="entry_id",
        partitions=12,
        producer="scoring",
        consumers=("scoring", "notify"),
        audience=Audience.INTERNAL,
    ),
    Topic(
        name="scoring.decision.v1",
        events=(
            scoring.ShortlistPublished,
            scoring.PresentationScheduled,
            scoring.PresentationMoved,
            scoring.ApprovalAwaited,
            scoring.WinnersCertified,
            scoring.ResultsPublished,
        ),
        key="contest_id",
        partitions=1,
        producer="scoring",
        consumers=("intake", "voting", "notify"),
        audience=Audience.PUBLIC,
    ),
    Topic(
        name="voting.vote.v1",
        events=(voting.VoteCast, voting.VotingSealed),
        key="voter_id",
        partitions=6,
        producer="voting",
        consumers=("voting",),
        audience=Audience.INTERNAL,
    ),
    Topic(
        name="voting.tally.v1",
        events=(voting.TallyChanged,),
        key="entry_id",
        partitions=12,
        producer="voting",
        consumers=("notify",),
        audience=Audience.INTERNAL,
        compacted=True,
        extra_config=_COMPACTION_LAG,
    ),
    Topic(
        name="voting.decision.v1",
        events=(
            voting.VotingOpened,
            voting.VotingClosed,
            voting.VotesHeld,
            voting.VotesStruck,
            voting.VotesReleased,
            voting.TreeHeadSigned,
            voting.PopularVoteCertified,
            voting.IdentityKeysDestroyed,
        ),
        key="contest_id",
        partitions=1,
        producer="voting",
        consumers=("voting", "scoring", "notify"),
        audience=Audience.INTERNAL,
    ),
    Topic(
        name="notify.delivery.v1",
        events=(notify.LetterIssued, notify.LetterAcknowledged, notify.NoticeSent, notify.NoticeFailed),
        key="notice_id",
        partitions=6,
        producer="notify",
        consumers=(),
        audience=Audience.PARTNER,
        retention_days=90,
    ),
)

TOPICS: Mapping[str, Topic] = {topic.name: topic for topic in CATALOGUE}
EVENT_TYPES: Mapping[str, type[Event]] = {
    event.event_type(): event for topic in CATALOGUE for event in topic.events
}


def dead_letter_topic(group: str) -> str:
    """Where a consumer group puts the records it cannot use."""
    return f"{group}.dlq"


DEAD_LETTER_PARTITIONS = 3
DEAD_LETTER_RETENTION_DAYS = 30
