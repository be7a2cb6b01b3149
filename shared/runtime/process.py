"""``python -m services.<service> api|worker|relay|migrate``."""

import argparse
import asyncio
import gc
import importlib
import importlib.util
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import structlog
import uvloop

from shared.db.migrations import upgrade
from shared.observability.context import set_service
from shared.observability.logs import configure_logging
from shared.observability.tracing import configure_tracing, flush_traces
from shared.runtime.checks import database_ready, wait_for_database
from shared.runtime.parts import Role, parts_of, resources_of, start_all
from shared.runtime.priority import give_way
from shared.runtime.probes import Probes
from shared.runtime.serve import HttpServer, listen
from shared.runtime.siblings import Siblings, orphaned
from shared.service import Build, Resources, Service
from shared.settings import ServiceName, Settings
from shared.startup import CannotStart, in_one_sentence

log = structlog.get_logger("showcase.process")
_COLLECT_AFTER = 150_000
"""New objects before the youngest generation is looked through; Python's own figure is 700."""


def main(name: ServiceName, build: Build, arguments: Sequence[str] | None = None) -> None:
    """Run one role of a service until SIGINT or SIGTERM; then exit 0.

    A fault that a person can mend is told in one sentence, with exit code 1. Any other first
    argument goes to the service's own commands, e.g. ``python -m services.intake admin EMAIL``.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    commands = f"services.{name}.cli"
    if given and given[0] not in {*Role, "migrate", "-h", "--help"} and importlib.util.find_spec(commands):
        importlib.import_module(commands).app(given, prog_name=f"python -m services.{name}")
        return
    parser = argparse.ArgumentParser(f"python -m services.{name}", description=f"Showcase: {name}")
    parser.add_argument("role", choices=[*Role, "migrate"])
    parser.add_argument("--host", help="where to listen (SHOWCASE_HTTP_HOST)")
    parser.add_argument("--port", type=int, help="0 takes any free port (SHOWCASE_HTTP_PORT)")
    parser.add_argument("--processes", type=int, default=1, help="api: how many serve the one port")
    parser.add_argument("--sibling-of", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--group", action="append", default=[], help="worker: be in this group only; repeat")
    parser.add_argument("--without", action="append", default=[], help="worker: leave this group to others")
    options = parser.parse_args(given)
    settings = Settings()
    if options.host is not None:
        settings = settings.model_copy(update={"http_host": options.host})
    if options.port is not None:
        settings = settings.model_copy(update={"http_port": options.port})
    configure_logging(json=settings.log_json, level=settings.log_level)
    configure_tracing(name=f"showcase-{name}-{options.role}", endpoint=settings.otlp_endpoint)
    set_service(name)
    if options.role == "migrate":
        run_process(migrate(name, settings))
    else:
        only = _checked_groups(only=options.group, without=options.without)
        sharing = Sharing(processes=options.processes, first=options.sibling_of)
        if sharing.processes < 1 or (sharing.processes > 1 and options.role != Role.API):
            parser.error("--processes is for the api role, and at least 1")

        def chosen(resources: Resources) -> Service:
            return only(build(resources))

        run_process(run_role(name, chosen, Role(options.role), settings, sharing))


def _checked_groups(*, only: Sequence[str], without: Sequence[str]) -> Callable[[Service], Service]:
    """What leaves a service only the consumer groups that were asked for, so that they scale apart."""

    def chosen(service: Service) -> Service:
        known = {subscription.group for subscription in service.subscriptions}
        for group in (*only, *without):
            if group not in known:
                raise CannotStart(
                    f"{service.name} has no consumer group {group}: it has {', '.join(sorted(known))}."
                )
        wanted = (set(only) or known) - set(without)
        kept = tuple(item for item in service.subscriptions if item.group in wanted)
        return replace(service, subscriptions=kept)

    return chosen


def run_process(work: Coroutine[Any, Any, None]) -> None:
    """Run ``work`` to its end; exit 1 with one sentence where that is all a person needs."""
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(work)
    except Exception as error:
        if sentence := in_one_sentence(error):
            _give_up(sentence)
        raise
    finally:
        flush_traces()


def _give_up(sentence: str) -> NoReturn:
    sys.stderr.write(f"{sentence}\n")
    raise SystemExit(1)


async def migrate(name: ServiceName, settings: Settings) -> None:
    """Bring the service's database to the newest revision."""
    dsn = _dsn(name, settings)
    await wait_for_database(dsn)
    await upgrade(dsn, f"services.{name}")
    log.info("migrated")


@dataclass(frozen=True, slots=True)
class Sharing:
    """How many processes serve the port, and, in one of the further ones, which process started it."""

    processes: int = 1
    first: int = 0


async def run_role(
    name: ServiceName, build: Build, role: Role, settings: Settings, sharing: Sharing = Sharing()
) -> None:
    """Run one role until a signal, then stop in order: not ready, no new work, finish, close."""
    if role is not Role.API:
        give_way()
    _dsn(name, settings)
    shared = sharing.processes > 1 or sharing.first > 0
    bound = listen(settings.http_host, settings.http_port, shared=shared)
    resources = resources_of(name, settings)
    await wait_for_database(resources.database.dsn)
    await database_ready(resources.database, f"services.{name}")
    stopping = stop_signal()
    service = build(resources)
    parts = parts_of(role, service, resources)
    if sharing.processes > 1:
        port: int = bound.getsockname()[1]
        parts.append(Siblings(name, settings.http_host, port, sharing.processes - 1))
    watch = asyncio.create_task(orphaned(sharing.first, stopping)) if sharing.first else None
    probes = Probes(parts)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(resources.database.close)
        if role is Role.API:
            await stack.enter_async_context(service.lifespan())
        if role is Role.API:
            server = HttpServer(service.http, bound, behind_proxy=True, protocol=service.protocol)
        else:
            server = HttpServer(probes, bound, behind_proxy=True)
        await server.start()
        stack.push_async_callback(server.stop)
        await start_all(name, parts, stack)
        settle_heap()
        log.info("running", role=role.value, port=server.port)
        await stopping.wait()
        probes.draining = service.http.state.draining = True
        if watch:
            watch.cancel()
    log.info("stopped", role=role.value)


def settle_heap() -> None:
    """Take what a process keeps for life out of the garbage collector's sight, and let it look less
    often: a turn of 5,000 records makes so many objects that it would walk the whole heap for each."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 50)


def stop_signal() -> asyncio.Event:
    """An event that SIGINT and SIGTERM set; a second signal ends the process at once."""
    event = asyncio.Event()
    loop = asyncio.get_running_loop()

    def asked() -> None:
        if event.is_set():
            for name in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(name)
                signal.signal(name, signal.SIG_DFL)
            return
        event.set()

    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, asked)
    return event


def _dsn(name: ServiceName, settings: Settings) -> str:
    try:
        return settings.service_dsn(name)
    except ValueError as error:
        raise CannotStart(f"There is {error}.") from error
