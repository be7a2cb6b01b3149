"""A network that can fail: a TCP proxy on the loopback, cut by direction, by client, or by chance."""

import asyncio
import contextlib
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

_CHUNK = 64 * 1024


class Way(StrEnum):
    """A direction, seen from whoever connected."""

    OUT = "out"
    BACK = "back"


class Cut(StrEnum):
    """What happens to bytes on a way that is cut."""

    STALL = "stall"
    """They arrive when the cut is over, as TCP sends them again."""
    DROP = "drop"
    """They are gone; the connection looks open and is torn down when the cut is over."""


@dataclass(eq=False)
class _Line:
    """One connection through the proxy."""

    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    client_id: str = ""
    maimed: bool = False
    """Bytes of it are gone: it can never be sound again."""

    def tear(self) -> None:
        for writer in self.writers:
            if writer.transport is not None:
                writer.transport.abort()


class Proxy:
    """Forwards to ``host:port`` until told otherwise."""

    def __init__(self, target_port: int, *, loses_answer: Callable[[], bool] = lambda: False) -> None:
        """``loses_answer`` is asked for each chunk on its way back; True loses it, with the connection."""
        self._target_port = target_port
        self._loses_answer = loses_answer
        self._lines: set[_Line] = set()
        self._cuts: dict[Way, Cut] = {}
        self._only: tuple[str, ...] = ()
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self.lost = 0
        """Answers that were lost."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Refuse every connection from here on, as a server that was stopped does."""
        if self._server is not None:
            self._server.close()
        self.tear()

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    def cut(self, cuts: dict[Way, Cut], *, only: tuple[str, ...] = ()) -> None:
        """Cut the given ways, of Kafka clients whose client id begins with one of ``only`` where given."""
        self._cuts, self._only = cuts, only

    def heal(self) -> None:
        """Let everything through again; connections that lost bytes end."""
        self._cuts = {}
        self._changed.set()
        self._changed = asyncio.Event()
        for line in [line for line in self._lines if line.maimed]:
            line.tear()

    def tear(self) -> None:
        """End every connection at once, as a router that is switched off and on does."""
        for line in list(self._lines):
            line.tear()

    def _cut_of(self, line: _Line, way: Way) -> Cut | None:
        if self._only and not line.client_id.startswith(self._only):
            return None
        return self._cuts.get(way)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = _Line([writer])
        self._lines.add(line)
        try:
            onward_reader, onward = await asyncio.open_connection("127.0.0.1", self._target_port)
            line.writers.append(onward)
            pumps = [
                asyncio.create_task(self._pump(line, Way.OUT, reader, onward)),
                asyncio.create_task(self._pump(line, Way.BACK, onward_reader, writer)),
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        except OSError:
            pass
        finally:
            self._lines.discard(line)
            line.tear()

    async def _pump(
        self, line: _Line, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                if way is Way.OUT and not line.client_id:
                    line.client_id = _kafka_client_id(data)
                while self._cut_of(line, way) is Cut.STALL:
                    await self._changed.wait()
                if self._cut_of(line, way) is Cut.DROP:
                    line.maimed = True
                    continue
                if way is Way.BACK and self._loses_answer():
                    self.lost += 1
                    return
                writer.write(data)
                await writer.drain()


def _kafka_client_id(request: bytes) -> str:
    """The client id in a Kafka request's header: size, api key, version, correlation, then the id."""
    if len(request) < 14:
        return "?"
    (length,) = struct.unpack_from(">h", request, 12)
    return request[14 : 14 + max(0, length)].decode("latin-1") or "?"
