"""The parts that a process consists of. Each starts, stops in order, and says how it is."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from enum import StrEnum
from typing import Protocol

import structlog

from shared.clock import DatabaseClock
from shared.db import Database
from shared.mail import mailer_from
from shared.messaging.consume import Consumers
from shared.messaging.leader import TimerLeader
from shared.messaging.relay import Relay
from shared.observability.context import current_service, set_service
from shared.service import Resources, Service
from shared.settings import ServiceName, Settings
from shared.web.sessions import SessionVerifier

log = structlog.get_logger("showcase.process")


class Role(StrEnum):
    """What one process of a service does."""

    API = "api"
    WORKER = "worker"
    RELAY = "relay"


class Part(Protocol):
    """Something that runs for as long as the process does."""

    async def start(self) -> None: ...

    async def stop(self) -> None:
        """Finish what is in hand, then end."""

    def healthy(self) -> bool:
        """Whether it makes progress; a process with an unhealthy part is to be restarted."""

    def problem(self) -> str:
        """What is wrong, in one sentence; empty when nothing is."""


def resources_of(name: ServiceName, settings: Settings) -> Resources:
    """What the composition root of service ``name`` is given in a real process."""
    return Resources(
        settings=settings,
        database=Database(settings.service_dsn(name)),
        clock=DatabaseClock(),
        mailer=mailer_from(settings),
        sessions=SessionVerifier.from_settings(settings),
    )


def parts_of(role: Role, service: Service, resources: Resources) -> list[Part]:
    """What runs in ``role`` besides HTTP."""
    if role is Role.WORKER:
        parts: list[Part] = []
        groups = dict.fromkeys(subscription.group for subscription in service.subscriptions)
        for group in groups:  # apart, so that they join side by side: the memory broker takes 5 s for each
            own = [subscription for subscription in service.subscriptions if subscription.group == group]
            parts.append(Consumers(resources.settings, service.name, resources.database, own))
        if service.timers:
            parts.append(TimerLeader(resources.database, service.timers))
        return parts
    if role is Role.RELAY:
        return [Relay(resources.settings, resources.database, service.name)]
    return []


async def start_all(name: ServiceName, parts: Sequence[Part], stack: AsyncExitStack) -> None:
    """Start ``parts`` of service ``name``; ``stack`` stops all of them at the same time."""
    started: list[Part] = []
    stack.push_async_callback(stop_all, started)

    async def start(part: Part) -> None:
        await part.start()
        started.append(part)

    with working_for(name):
        await asyncio.gather(*(start(part) for part in parts))


@contextmanager
def working_for(name: ServiceName) -> Iterator[None]:
    """Tasks that are started in this block name the service in every log line."""
    before = current_service()
    set_service(name)
    try:
        yield
    finally:
        set_service(before)


async def stop_all(parts: Sequence[Part]) -> None:
    """Stop all of them at the same time; one that fails is logged and keeps no other from stopping."""
    outcomes = await asyncio.gather(*(part.stop() for part in parts), return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            log.error("a part did not stop in order", error=repr(outcome))
