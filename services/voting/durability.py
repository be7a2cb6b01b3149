"""What the vote log promises to survive, asked of the broker itself."""

from dataclasses import dataclass

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from shared.contracts.voting import VoteCast
from shared.messaging.broker import BrokerUnavailable, connect_admin
from shared.settings import BrokerKind, Settings

SAFE_REPLICATION = 3
SAFE_IN_SYNC = 2
_SETTING = "min.insync.replicas"


@dataclass(frozen=True, slots=True)
class LogDurability:
    """How many copies of a vote there are before it is acknowledged."""

    memory_only: bool
    replication: int
    min_in_sync: int

    @property
    def missing(self) -> tuple[str, ...]:
        """The requirements of a safe vote that this log does not meet, by the names that events use."""
        unmet = {
            "durable-storage": self.memory_only,
            "replication-factor": self.replication < SAFE_REPLICATION,
            "min-insync-replicas": self.min_in_sync < SAFE_IN_SYNC,
        }
        return tuple(name for name, lacks in unmet.items() if lacks)

    @property
    def strong(self) -> bool:
        """Whether the log survives the loss of a broker, as production asks."""
        return not self.missing


async def log_durability(settings: Settings) -> LogDurability:
    """The durability of the vote topic as it is now.

    Raises:
        BrokerUnavailable: the broker does not say.
    """
    if settings.broker is BrokerKind.MEMORY:
        return LogDurability(memory_only=True, replication=1, min_in_sync=1)
    admin = await connect_admin(settings)
    try:
        (topic,) = await admin.describe_topics([VoteCast.TOPIC])
        replication = min((len(p["replicas"]) for p in topic["partitions"]), default=0)
        responses = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, VoteCast.TOPIC)])
        entries = {entry[0]: entry[1] for entry in responses[0].resources[0][4]}
        return LogDurability(
            memory_only=False, replication=replication, min_in_sync=int(entries.get(_SETTING, 1))
        )
    except (KafkaError, ValueError, LookupError) as error:
        raise BrokerUnavailable(f"the vote topic cannot be described: {error!r}") from error
    finally:
        await admin.close()
