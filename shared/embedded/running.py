"""The four services on one machine: in one process and event loop, or in one process per role.

:func:`running` is the embedded mode as a block; ``showcase up`` and the demo stand on it. Things
start in the order in which they need each other and stop in the opposite one: consumers and timers
first, then HTTP, then the relays, which still send what the others wrote, then the databases.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType

from starlette.types import ASGIApp

from shared.db.migrations import upgrade
from shared.embedded.system import EmbeddedSystem, Say
from shared.embedded.var import Addresses
from shared.mail.pages import mailbox_app
from shared.messaging.topics import provision as provision_topics
from shared.observability.tracing import configure_tracing
from shared.runtime.children import Child
from shared.runtime.parts import Part, Role, parts_of, resources_of, start_all, stop_all, working_for
from shared.runtime.probes import PATHS, Probes
from shared.runtime.serve import HttpServer, choose_port, listen
from shared.service import Build, Resources, Service
from shared.settings import SERVICE_NAMES, ServiceName, Settings
from shared.web.gateway import Dispatch, Proxy

PREFERRED_PORT = 8080
Routes = list[tuple[str, ASGIApp]]


@dataclass(frozen=True, slots=True)
class Running:
    """The system while it runs."""

    addresses: Addresses
    settings: Settings
    problems: Callable[[], Awaitable[list[str]]]
    """Why it is not ready, in sentences."""


@contextlib.asynccontextmanager
async def running(
    builds: Mapping[ServiceName, Build],
    settings: Settings,
    *,
    port: int | None = None,
    processes: bool = False,
    workers: Mapping[ServiceName, int] = MappingProxyType({}),
    say: Say = print,
) -> AsyncIterator[Running]:
    """Start everything that ``settings`` do not name outside, then the services; stop all at the end.

    Args:
        builds: the composition root of each service.
        port: of the one origin; None takes 8080, or another that is free.
        processes: one process per service and role instead of one for all.
        workers: how many worker processes of a service, where it is more than one; with ``processes``.
        say: is told what a person at the terminal should know.

    Raises:
        CannotStart, BrokerUnavailable, BrokerTooOld, TopicsDiffer: one sentence; nothing is left running.
    """
    bound = listen(settings.http_host, choose_port(settings.http_host, port, PREFERRED_PORT))
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(bound.close)
        if "public_url" not in settings.model_fields_set:
            settings = settings.model_copy(update={"public_url": _url_of(settings, bound.getsockname()[1])})
        embedded = EmbeddedSystem(settings, say)
        settings = await embedded.start()
        stack.push_async_callback(embedded.stop)
        configure_tracing(name="showcase", endpoint=settings.otlp_endpoint)
        say("Bringing the databases and the topics up to date …")
        house = _build(builds, settings, stack)
        await prepare(settings, house.services)
        say("Opening the pages …")
        mode: _OneProcess | _ManyProcesses = (
            _ManyProcesses(settings, embedded, workers) if processes else _OneProcess(house)
        )
        routes = await mode.start_serving(house, stack)
        if embedded.mailbox is not None:
            routes.append(("/mail", mailbox_app(embedded.mailbox, settings)))
        probes = Probes(mode.parts)
        routes += [(path, probes) for path in PATHS]
        server = HttpServer(Dispatch(routes), bound)
        await server.start()
        stack.push_async_callback(server.stop)
        say(f"Pages answer at {settings.public_url}; the consumers join their groups …")
        await mode.start_working(house, stack)
        addresses = _addresses(embedded, settings, processes=processes)
        embedded.var.write_addresses(addresses)
        yield Running(addresses, settings, probes.problems)
        probes.draining = True
        for service in house.services:
            service.http.state.draining = True


async def prepare(settings: Settings, built: list[Service]) -> None:
    """Bring every database to its newest revision and create and verify the topics."""
    for service in built:
        await upgrade(settings.service_dsn(service.name), f"services.{service.name}")
    await provision_topics(settings, {s.group for service in built for s in service.subscriptions})


@dataclass
class _House:
    """The four services with what each was given."""

    services: list[Service] = field(default_factory=list)
    resources: dict[ServiceName, Resources] = field(default_factory=dict)


def _build(
    builds: Mapping[ServiceName, Build], settings: Settings, stack: contextlib.AsyncExitStack
) -> _House:
    house = _House()
    for name in SERVICE_NAMES:
        resources = resources_of(name, settings)
        stack.push_async_callback(resources.database.close)
        house.resources[name] = resources
        house.services.append(builds[name](resources))
    return house


class _OneProcess:
    """Everything in this event loop."""

    def __init__(self, house: _House) -> None:
        self._relays = {s.name: parts_of(Role.RELAY, s, house.resources[s.name]) for s in house.services}
        self._workers = {s.name: parts_of(Role.WORKER, s, house.resources[s.name]) for s in house.services}

    @property
    def parts(self) -> list[Part]:
        return [part for parts in (*self._relays.values(), *self._workers.values()) for part in parts]

    async def start_serving(self, house: _House, stack: contextlib.AsyncExitStack) -> Routes:
        for service in house.services:
            with working_for(service.name):
                await stack.enter_async_context(service.lifespan())
            await start_all(service.name, self._relays[service.name], stack)
        return [(path, service.http) for service in house.services for path in service.paths]

    async def start_working(self, house: _House, stack: contextlib.AsyncExitStack) -> None:
        await asyncio.gather(
            *(start_all(service.name, self._workers[service.name], stack) for service in house.services)
        )


class _ManyProcesses:
    """One process per service and role, more where workers are to share a load; this one is the gateway."""

    def __init__(
        self, settings: Settings, embedded: EmbeddedSystem, workers: Mapping[ServiceName, int]
    ) -> None:
        self._children = {
            (name, role, number): Child(
                name, role, settings, embedded.var.logs, number=number, on_start=embedded.note
            )
            for name in SERVICE_NAMES
            for role in Role
            for number in range(workers.get(name, 1) if role is Role.WORKER else 1)
        }

    @property
    def parts(self) -> list[Part]:
        return list(self._children.values())

    async def start_serving(self, house: _House, stack: contextlib.AsyncExitStack) -> Routes:
        await self._start(stack, Role.RELAY, Role.API)
        routes: Routes = []
        for service in house.services:
            proxy = Proxy(self._children[service.name, Role.API, 0].url)
            stack.push_async_callback(proxy.close)
            routes += [(path, proxy) for path in service.paths]
        return routes

    async def start_working(self, house: _House, stack: contextlib.AsyncExitStack) -> None:
        await self._start(stack, Role.WORKER)

    async def _start(self, stack: contextlib.AsyncExitStack, *roles: Role) -> None:
        children = [child for (_, role, _), child in self._children.items() if role in roles]
        stack.push_async_callback(stop_all, children)
        await asyncio.gather(*(child.start() for child in children))


def _url_of(settings: Settings, port: int) -> str:
    everywhere = {"0.0.0.0", "::", ""}  # noqa: S104  # compared, not bound
    host = "127.0.0.1" if settings.http_host in everywhere else settings.http_host
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _addresses(embedded: EmbeddedSystem, settings: Settings, *, processes: bool) -> Addresses:
    return Addresses(
        pid=os.getpid(),
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        http=settings.public_url,
        mode="processes" if processes else "one process",
        broker=settings.broker.value,
        bootstrap_servers=settings.bootstrap_servers,
        database_url=settings.database_url,
        databases={name: settings.service_dsn(name) for name in SERVICE_NAMES},
        mail={
            "smtp": f"{settings.smtp_host}:{settings.smtp_port}",
            "pages": f"{settings.public_url}/mail" if embedded.mailbox is not None else "",
        },
        processes=embedded.processes,
    )
