"""The parts that a process consists of. Each starts, stops in order, and says how it is."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Protocol

from shared.clock import DatabaseClock
from shared.db import Database
from shared.mail import mailer_from
from shared.messaging.consume import Consumers
from shared.messaging.leader import TimerLeader
from shared.messaging.relay import Relay
from shared.observability.context import set_service
from shared.service import Resources, Service
from shared.settings import ServiceName, Settings
from shared.web.sessions import SessionVerifier


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
        if service.subscriptions:
            parts.append(
                Consumers(resources.settings, service.name, resources.database, service.subscriptions)
            )
        if service.timers:
            parts.append(TimerLeader(resources.database, service.timers))
        return parts
    if role is Role.RELAY:
        return [Relay(resources.settings, resources.database, service.name)]
    return []


async def in_service(name: ServiceName, call: Callable[[], Awaitable[None]]) -> None:
    """Await ``call()`` so that every log line of it, and of tasks that it starts, names the service."""
    context = contextvars.copy_context()
    context.run(set_service, name)

    async def called() -> None:
        await call()

    await asyncio.create_task(called(), context=context)


async def stop_all(parts: Sequence[Part]) -> list[BaseException]:
    """Stop all of them at the same time; one that fails does not keep the others from stopping."""
    outcomes = await asyncio.gather(*(part.stop() for part in parts), return_exceptions=True)
    return [outcome for outcome in outcomes if outcome is not None]
