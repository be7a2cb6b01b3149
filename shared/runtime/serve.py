"""HTTP inside an event loop that has other work too."""

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from shared.startup import CannotStart

_GRACE_SECONDS = 3
"""How long open streams of events may keep a shutdown waiting; other requests finish sooner."""


class _Server(uvicorn.Server):
    """Signals belong to the process, not to one of its servers."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def listen(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A socket bound to ``host:port``; 0 takes any free port. Connections wait on it until it is served.
    ``shared``: other processes that say so too may listen there besides, and the kernel spreads the
    connections; then nothing waits, for they may be served elsewhere.

    Raises:
        CannotStart: the port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        bound.bind((host, port))
        if not shared:  # bound alone, two systems that start at once could both have the port
            bound.listen()
    except (OSError, OverflowError) as error:
        bound.close()
        why = getattr(error, "strerror", None) or str(error)
        raise CannotStart(
            f"Port {port} of {host} cannot be used ({why}): stop what listens there, or choose another port."
        ) from error
    bound.set_inheritable(True)
    return bound


def choose_port(host: str, wanted: int | None, preferred: int) -> int:
    """``wanted``; where nothing is wanted ``preferred`` if it is free, else 0, any."""
    if wanted is not None:
        return wanted
    try:
        listen(host, preferred).close()
    except CannotStart:
        return 0
    return preferred


class HttpServer:
    """Serves one application on one socket.

    Args:
        behind_proxy: whether ``X-Forwarded-For`` tells who asks; believed only from the addresses
            in FORWARDED_ALLOW_IPS, by default from this machine's.
        protocol: what speaks HTTP on each connection, if not uvicorn's own.
    """

    def __init__(
        self,
        app: ASGIApp,
        bound: socket.socket,
        *,
        behind_proxy: bool = False,
        protocol: type[asyncio.Protocol] | None = None,
    ) -> None:
        self._socket = bound
        self._server = _Server(
            uvicorn.Config(
                app,
                http=protocol or "auto",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=behind_proxy,
                timeout_graceful_shutdown=_GRACE_SECONDS,
                backlog=1024,
            )
        )
        self._task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        port: int = self._socket.getsockname()[1]
        return port

    async def start(self) -> None:
        """Returns when requests are answered."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]), name="http")
        while not self._server.started:
            if self._task.done():
                await self._task
                raise CannotStart("The HTTP server ended at once; its log says why.")
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Take no more requests, finish those in hand, close."""
        if self._task is None:
            return
        self._server.should_exit = True
        await self._task
        self._task = None

    def healthy(self) -> bool:
        return self._task is not None and not self._task.done()

    def problem(self) -> str:
        return "" if self.healthy() else "the HTTP server has ended"
