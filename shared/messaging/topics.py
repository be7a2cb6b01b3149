"""Topics are created and verified from the catalogue; nothing else creates one."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    InvalidReplicationFactorError,
    NoError,
    TopicAlreadyExistsError,
    for_code,
)

from shared.contracts.catalogue import (
    CATALOGUE,
    DEAD_LETTER_PARTITIONS,
    DEAD_LETTER_RETENTION_DAYS,
    Topic,
    dead_letter_topic,
)
from shared.messaging.broker import (
    MAX_DEAD_LETTER_BYTES,
    bootstrap_servers,
    connect_admin,
    speaking_plainly,
)
from shared.settings import BrokerKind, Settings

_VISIBLE_WITHIN_SECONDS = 10.0


class TopicsDiffer(Exception):
    """Topics exist that are not as the catalogue says; the message names each difference."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """What the broker must have."""

    name: str
    partitions: int
    config: Mapping[str, str]


def wanted_topics(
    settings: Settings, groups: Iterable[str], topics: Iterable[Topic] = CATALOGUE
) -> list[TopicSpec]:
    """The catalogue's topics and the dead-letter topic of each group."""
    durability = {"min.insync.replicas": str(settings.min_insync_replicas)}
    wanted = [TopicSpec(topic.name, topic.partitions, topic.config() | durability) for topic in topics]
    dead_letters = {
        "cleanup.policy": "delete",
        "retention.ms": str(DEAD_LETTER_RETENTION_DAYS * 86_400_000),
        "max.message.bytes": str(MAX_DEAD_LETTER_BYTES),
    }
    wanted += [
        TopicSpec(dead_letter_topic(group), DEAD_LETTER_PARTITIONS, dead_letters | durability)
        for group in sorted(set(groups))
    ]
    return wanted


async def provision(
    settings: Settings, groups: Iterable[str], topics: Iterable[Topic] = CATALOGUE
) -> list[str]:
    """Create what is missing, then verify all of it. Safe to run from many processes at once.

    Returns:
        The names of the topics that this call created.

    Raises:
        BrokerUnavailable, BrokerTooOld: no usable broker.
        TopicsDiffer: a topic has other partitions or settings than the catalogue says.
    """
    wanted = wanted_topics(settings, groups, topics)
    admin = await connect_admin(settings)
    try:
        async with speaking_plainly(bootstrap_servers(settings)):
            created = await _create_missing(admin, settings, wanted)
            differences = await _differences(admin, settings, wanted)
    finally:
        await admin.close()
    if differences:
        raise TopicsDiffer("; ".join(differences))
    return created


async def verify(settings: Settings, groups: Iterable[str], topics: Iterable[Topic] = CATALOGUE) -> list[str]:
    """Each difference between the broker and the catalogue as a sentence; empty when there is none."""
    admin = await connect_admin(settings)
    try:
        async with speaking_plainly(bootstrap_servers(settings)):
            return await _differences(admin, settings, wanted_topics(settings, groups, topics))
    finally:
        await admin.close()


async def _create_missing(
    admin: AIOKafkaAdminClient, settings: Settings, wanted: list[TopicSpec]
) -> list[str]:
    existing = set(await admin.list_topics())
    missing = [spec for spec in wanted if spec.name not in existing]
    if not missing:
        return []
    response = await admin.create_topics(
        [
            NewTopic(spec.name, spec.partitions, settings.replication_factor, topic_configs=dict(spec.config))
            for spec in missing
        ]
    )
    created = []
    for name, code, *_ in response.topic_errors:
        error = for_code(code)
        if error is NoError:
            created.append(name)
        elif error is InvalidReplicationFactorError:
            raise TopicsDiffer(
                f"topic {name} cannot have {settings.replication_factor} replicas: the cluster has fewer "
                "brokers; set SHOWCASE_REPLICATION_FACTOR"
            )
        elif error is not TopicAlreadyExistsError:
            raise TopicsDiffer(f"topic {name} was not created: {error.__name__}")
    await _wait_until_visible(admin, {spec.name for spec in missing})
    return created


async def _wait_until_visible(admin: AIOKafkaAdminClient, names: set[str]) -> None:
    """A created topic reaches the brokers' metadata a moment later."""
    async with asyncio.timeout(_VISIBLE_WITHIN_SECONDS):
        while not names <= set(await admin.list_topics()):  # noqa: ASYNC110 - nothing tells us
            await asyncio.sleep(0.05)


async def _differences(admin: AIOKafkaAdminClient, settings: Settings, wanted: list[TopicSpec]) -> list[str]:
    found = {topic["topic"]: topic for topic in await admin.describe_topics([spec.name for spec in wanted])}
    differences = []
    present = []
    for spec in wanted:
        topic = found.get(spec.name)
        if topic is None or topic["error_code"]:
            differences.append(f"topic {spec.name} is missing: run `showcase topics create`")
            continue
        present.append(spec)
        partitions = len(topic["partitions"])
        if partitions != spec.partitions:
            differences.append(
                f"topic {spec.name} has {partitions} partitions, the catalogue says {spec.partitions}"
            )
    if settings.broker is BrokerKind.KAFKA:  # the memory broker keeps no topic settings
        differences += await _config_differences(admin, present)
    return differences


async def _config_differences(admin: AIOKafkaAdminClient, wanted: list[TopicSpec]) -> list[str]:
    if not wanted:
        return []
    by_name = {spec.name: spec for spec in wanted}
    responses = await admin.describe_configs(
        [ConfigResource(ConfigResourceType.TOPIC, name) for name in by_name]
    )
    differences = []
    for response in responses:
        for code, _message, _type, name, entries in response.resources:
            if code:
                differences.append(f"the settings of topic {name} cannot be read: {for_code(code).__name__}")
                continue
            actual = {entry[0]: entry[1] for entry in entries}
            differences += [
                f"topic {name} has {setting}={actual.get(setting)}, the catalogue says {value}"
                for setting, value in by_name[name].config.items()
                if actual.get(setting) != value
            ]
    return differences
