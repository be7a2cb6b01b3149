"""Sends many ballots over a few keep-alive connections, as many phones would together.

A plain HTTP/1.1 client: the general one costs more than the server does.
"""

import asyncio
import json
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from services.demo.api import DemoFailed

PATH = "/api/voting/v1/votes"
_PATIENCE = 40
"""How often a ballot is sent again after 503; the same key makes it safe."""

_BROWSERS = tuple(
    f"Mozilla/5.0 ({device}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36"
    for device in (
        "Linux; Android 10; K",
        "Linux; Android 12; K",
        "Linux; Android 13; K",
        "Linux; Android 14; K",
    )
)
"""What the phones say they are: many votes by one program, or by none that gives a name, are held."""


@dataclass(frozen=True, slots=True)
class Ballot:
    """One voter's token and what is sent with it, in order: (entry, key)."""

    token: str
    casts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Cast:
    """What the API answered: one receipt for each cast of a ballot."""

    receipts: tuple[str, ...]


async def cast_all(
    url: str, ballots: Sequence[Ballot], *, connections: int = 32, advance: Callable[[int], None]
) -> list[Cast]:
    """Cast every ballot; a voter's second one follows the answer to the first.

    Returns:
        The receipts, in the order of ``ballots``.

    Raises:
        DemoFailed: a ballot was refused.
    """
    answers: list[Cast | None] = [None] * len(ballots)
    line = iter(enumerate(ballots))

    async def booth(number: int) -> None:
        wire = await _Wire.open(url, _BROWSERS[number % len(_BROWSERS)])
        try:
            for place, ballot in line:
                receipts = [await _cast(wire, ballot.token, entry, key) for entry, key in ballot.casts]
                answers[place] = Cast(tuple(receipts))
                advance(len(receipts))
        finally:
            wire.close()

    async with asyncio.TaskGroup() as group:
        for number in range(min(connections, len(ballots))):
            group.create_task(booth(number))
    return [answer for answer in answers if answer is not None]


async def _cast(wire: "_Wire", token: str, entry_id: str, key: str) -> str:
    body = json.dumps({"ballot": token, "entry_id": entry_id, "key": key}).encode()
    for _ in range(_PATIENCE):
        status, answer = await wire.post(PATH, body)
        if status == 202:
            return str(json.loads(answer)["receipt"])
        if status != 503:
            break
        await asyncio.sleep(0.25)
    raise DemoFailed(f"a ballot was answered with {status}: {answer[:300].decode(errors='replace')}")


class _Wire:
    """One keep-alive connection."""

    def __init__(
        self, host: str, agent: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._host = host
        self._agent = agent
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, url: str, agent: str) -> "_Wire":
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        context = ssl.create_default_context() if secure else None
        reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=context)
        return cls(parts.netloc, agent, reader, writer)

    async def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer."""
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nUser-Agent: {self._agent}\r\n"
            "Content-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        await self._writer.drain()
        return await self._answer()

    async def _answer(self) -> tuple[int, bytes]:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status_line, *lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if headers.get("transfer-encoding") == "chunked":
            return int(status_line.split()[1]), await self._chunks()
        length = int(headers.get("content-length", "0"))
        return int(status_line.split()[1]), await self._reader.readexactly(length)

    async def _chunks(self) -> bytes:
        body = b""
        while size := int((await self._reader.readline()).split(b";")[0], 16):
            body += (await self._reader.readexactly(size + 2))[:-2]
        await self._reader.readline()
        return body

    def close(self) -> None:
        self._writer.close()
