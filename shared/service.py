"""What a service is to the process that runs it: pages and API, what it consumes, what it does in time."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass

from fastapi import FastAPI

from shared.clock import Clock
from shared.db import Database
from shared.mail import Mailer
from shared.messaging.subscription import AnySubscription, Timer
from shared.settings import ServiceName, Settings
from shared.web.sessions import SessionVerifier


@dataclass(frozen=True, slots=True)
class Resources:
    """What a composition root is given; a test passes its own."""

    settings: Settings
    database: Database
    clock: Clock
    mailer: Mailer
    sessions: SessionVerifier


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of one service, as its ``app.py`` puts them together."""

    name: ServiceName
    http: FastAPI
    paths: tuple[str, ...]
    """The path prefixes that it owns under the one origin, e.g. ``("/vote", "/api/voting")``."""
    subscriptions: tuple[AnySubscription, ...] = ()
    timers: tuple[Timer, ...] = ()
    lifespan: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
    """What the api role needs while it serves, e.g. voting's producer and the events that feed its window."""
    protocol: type[asyncio.Protocol] | None = None
    """How the api process speaks HTTP, where it is not as uvicorn does: voting's lane for votes."""


Build = Callable[[Resources], Service]
