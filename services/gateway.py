"""The one origin in front of processes that run elsewhere: ``python -m services.gateway``.

Which service owns which path is asked of the services themselves. ``SHOWCASE_UPSTREAM`` is the
address of a service's api processes, ``http://{service}-api:8000``.
"""

import os
from contextlib import AsyncExitStack

import structlog
from pydantic import SecretStr

from services.allinone import BUILDS
from shared.observability.logs import configure_logging
from shared.runtime.parts import resources_of
from shared.runtime.probes import PATHS, Probes
from shared.runtime.process import run_process, stop_signal
from shared.runtime.serve import HttpServer, listen
from shared.settings import SERVICE_NAMES, ServiceName, Settings
from shared.web.gateway import Dispatch, Proxy
from shared.web.sessions import new_key_pair

log = structlog.get_logger("showcase.gateway")


def paths_of_services() -> dict[ServiceName, tuple[str, ...]]:
    """The path prefixes of each service, which is put together with keys of no value and never run."""
    private, public = new_key_pair()
    settings = Settings(
        database_url="postgresql://nobody@127.0.0.1/none",
        bootstrap_servers="127.0.0.1:1",
        session_private_key=SecretStr(private),
        session_public_key=public,
        voting_secret=SecretStr("00" * 32),
        notify_secret=SecretStr("00" * 32),
    )
    return {name: BUILDS[name](resources_of(name, settings)).paths for name in SERVICE_NAMES}


async def serve(settings: Settings, upstream: str) -> None:
    """Pass requests on until a signal."""
    stopping = stop_signal()
    async with AsyncExitStack() as stack:
        probes = Probes([])
        routes: list[tuple[str, Proxy | Probes]] = [(path, probes) for path in PATHS]
        for name, paths in paths_of_services().items():
            proxy = Proxy(upstream.format(service=name))
            stack.push_async_callback(proxy.close)
            routes += [(path, proxy) for path in paths]
        bound = listen(settings.http_host, settings.http_port)
        # behind a proxy that ends TLS, FORWARDED_ALLOW_IPS names it
        server = HttpServer(Dispatch(routes), bound, behind_proxy="FORWARDED_ALLOW_IPS" in os.environ)
        await server.start()
        stack.push_async_callback(server.stop)
        log.info("running", role="gateway", port=server.port)
        await stopping.wait()
        probes.draining = True


def main() -> None:
    """Run the gateway."""
    settings = Settings()
    configure_logging(json=settings.log_json, level=settings.log_level)
    run_process(serve(settings, os.environ.get("SHOWCASE_UPSTREAM", "http://{service}-api:8000")))


if __name__ == "__main__":
    main()
