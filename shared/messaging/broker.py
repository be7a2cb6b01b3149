"""Kafka clients. This is the only module that sets them up; nothing else knows a client setting.

Apache Kafka gets an idempotent producer, ``acks=all`` and lz4. The memory broker of the embedded
mode knows no producer ids, and answers a fetch only when its maximum wait is over, also with records.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    IncompatibleBrokerVersion,
    KafkaConnectionError,
    KafkaError,
    UnrecognizedBrokerVersion,
)
from faststream.kafka import KafkaBroker
from faststream.middlewares import AckPolicy

from shared.settings import BrokerKind, Settings

MAX_DEAD_LETTER_BYTES = 12 * 1024 * 1024
"""The largest record that is kept whole as a dead letter."""
DELIVERY_TIMEOUT_MS = 5_000
"""How long a confirmed send may take before its producer is given up."""
SESSION_TIMEOUT_MS = 10_000
DRAIN_SECONDS = 30.0
"""How long a batch in hand may take to finish on shutdown and on rebalance."""
_GATHERED_BYTES = 2 * 1024 * 1024
"""As much as a group that gathers takes at once, and a quarter of what it holds at most."""
_OLDEST_BROKER = "2.1"


class BrokerUnavailable(Exception):
    """No broker answers; the message says where and what to do."""


class BrokerTooOld(Exception):
    """The broker speaks an older protocol than the clients need."""


def bootstrap_servers(settings: Settings) -> list[str]:
    """The addresses of ``KAFKA_BOOTSTRAP_SERVERS``.

    Raises:
        BrokerUnavailable: none is given.
    """
    servers = [server.strip() for server in settings.bootstrap_servers.split(",") if server.strip()]
    if not servers:
        raise BrokerUnavailable("no Kafka broker is named: set KAFKA_BOOTSTRAP_SERVERS to host:port")
    return servers


def make_broker(settings: Settings, *, client_id: str) -> KafkaBroker:
    """The FastStream broker that runs consumers. It neither produces nor creates topics."""
    return KafkaBroker(
        bootstrap_servers(settings),
        client_id=client_id,
        metadata_max_age_ms=30_000,
        consumer_only=True,
        allow_auto_create_topics=False,
        apply_types=False,
        graceful_timeout=DRAIN_SECONDS,
        # the default, ACK_FIRST, commits what no handler has finished
        ack_policy=AckPolicy.MANUAL,
        logger=logging.getLogger("shared.messaging.faststream"),
        log_level=logging.DEBUG,
    )


def subscriber_options(settings: Settings, *, gather: timedelta | None = None) -> dict[str, Any]:
    """What every group member asks of the broker, as arguments of ``KafkaBroker.subscriber``.

    ``gather``: how long the broker may hold a fetch back until there is much to answer. A fetch that
    is answered at each vote costs the broker and the reader more than the votes do.
    """
    options: dict[str, Any] = {
        # "latest" would skip what was written before the group's first start
        "auto_offset_reset": "earliest",
        "fetch_max_wait_ms": _fetch_wait_ms(settings),
        "session_timeout_ms": SESSION_TIMEOUT_MS,
        "heartbeat_interval_ms": SESSION_TIMEOUT_MS // 4,
        "rebalance_timeout_ms": int((DRAIN_SECONDS + 5) * 1000),
        "max_poll_interval_ms": 300_000,
        "max_partition_fetch_bytes": 2 * 1024 * 1024,
        "consumer_timeout_ms": 200,
    }
    if gather is not None and settings.broker is BrokerKind.KAFKA:
        options |= {
            "fetch_min_bytes": _GATHERED_BYTES,
            "fetch_max_bytes": 4 * _GATHERED_BYTES,
            "fetch_max_wait_ms": int(gather.total_seconds() * 1000),
        }
    return options


def make_producer(
    settings: Settings,
    *,
    linger_ms: int = 2,
    max_request_size: int = 1024 * 1024,
    client_id: str = "showcase",
    request_timeout_ms: int = DELIVERY_TIMEOUT_MS,
) -> AIOKafkaProducer:
    """A producer whose ``send_and_wait`` returns when every in-sync replica has the record.

    On Apache Kafka it is idempotent: a retry never appears twice. Against the memory broker it is
    not, and consumers rely on their natural keys alone. All producers of the system hash keys alike.
    """
    options: dict[str, Any] = {}
    if settings.broker is BrokerKind.KAFKA:
        options = {"enable_idempotence": True, "compression_type": "lz4"}
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers(settings),
        client_id=client_id,
        acks="all",
        linger_ms=linger_ms,
        max_batch_size=128 * 1024,
        max_request_size=max_request_size,
        request_timeout_ms=request_timeout_ms,
        metadata_max_age_ms=30_000,
        **options,
    )


async def connect_client(
    settings: Settings, *, client_id: str, request_timeout_ms: int = DELIVERY_TIMEOUT_MS
) -> AIOKafkaClient:
    """A connected client without a producer on top: for the vote's route, which sends requests of its own.

    Raises:
        BrokerUnavailable: no broker answers at the given addresses.
    """
    servers = bootstrap_servers(settings)
    client = AIOKafkaClient(
        bootstrap_servers=servers,
        client_id=client_id,
        request_timeout_ms=request_timeout_ms,
        metadata_max_age_ms=30_000,
    )
    try:
        await client.bootstrap()
    except (KafkaConnectionError, OSError) as error:
        await client.close()
        raise BrokerUnavailable(unreachable(servers)) from error
    return client


def make_reader(settings: Settings, *topics: str, client_id: str = "showcase-reader") -> AIOKafkaConsumer:
    """A consumer without a group, from the first record on: for tools, followers and tests."""
    return AIOKafkaConsumer(
        *topics,
        bootstrap_servers=bootstrap_servers(settings),
        client_id=client_id,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=_fetch_wait_ms(settings),
        max_partition_fetch_bytes=2 * 1024 * 1024,
        metadata_max_age_ms=30_000,
    )


async def connect_admin(settings: Settings) -> AIOKafkaAdminClient:
    """A connected administration client; the caller closes it.

    Raises:
        BrokerUnavailable: no broker answers at the given addresses.
        BrokerTooOld: one answers that the clients cannot talk to.
    """
    servers = bootstrap_servers(settings)
    admin = AIOKafkaAdminClient(
        bootstrap_servers=servers, client_id="showcase-admin", request_timeout_ms=15_000
    )
    try:
        async with speaking_plainly(servers):
            await admin.start()
    except Exception:
        await admin.close()
        raise
    return admin


@asynccontextmanager
async def speaking_plainly(servers: list[str]) -> AsyncIterator[None]:
    """Turns the client's errors into one sentence that says what to do."""
    try:
        yield
    except (UnrecognizedBrokerVersion, IncompatibleBrokerVersion) as error:
        raise BrokerTooOld(_too_old(servers)) from error
    except (KafkaConnectionError, OSError) as error:
        if await _somebody_listens(servers):  # and hung up on a request of ten years ago
            raise BrokerTooOld(_too_old(servers)) from error
        raise BrokerUnavailable(unreachable(servers)) from error
    except KafkaError as error:
        raise BrokerUnavailable(f"{unreachable(servers)} ({type(error).__name__})") from error


async def cluster_id(settings: Settings) -> str:
    """The broker's cluster id, which the kit takes as the incarnation of its data.

    Raises:
        BrokerUnavailable, BrokerTooOld: see :func:`connect_admin`.
    """
    admin = await connect_admin(settings)
    try:
        async with speaking_plainly(bootstrap_servers(settings)):
            description = await admin.describe_cluster()
    finally:
        await admin.close()
    return str(description["cluster_id"] or "")


def unreachable(servers: list[str]) -> str:
    """The sentence for a broker that does not answer."""
    return f"no Kafka broker answers at {', '.join(servers)}: start it, or correct KAFKA_BOOTSTRAP_SERVERS"


def _too_old(servers: list[str]) -> str:
    return (
        f"the Kafka broker at {', '.join(servers)} is too old for this program: "
        f"upgrade it to Apache Kafka {_OLDEST_BROKER} or newer"
    )


async def _somebody_listens(servers: list[str]) -> bool:
    for server in servers:
        host, _, port = server.rpartition(":")
        try:
            async with asyncio.timeout(2):
                _reader, writer = await asyncio.open_connection(host, int(port))
        except (OSError, ValueError):
            continue
        writer.close()
        return True
    return False


def _fetch_wait_ms(settings: Settings) -> int:
    return 30 if settings.broker is BrokerKind.MEMORY else 250
