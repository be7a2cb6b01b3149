"""Brokers that are too old: one like Kafka 0.9, which hangs up on ApiVersions, and one like 0.10, which
tells in it that it cannot create topics."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def old_broker(*, tells_versions: bool) -> AsyncIterator[str]:
    """Its address. It speaks old versions of Metadata and nothing else of use."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                size = int.from_bytes(await reader.readexactly(4), "big")
                request = await reader.readexactly(size)
                api, version = int.from_bytes(request[:2], "big"), int.from_bytes(request[2:4], "big")
                correlation = request[4:8]
                if (api, version) == (18, 0) and tells_versions:
                    known = [(3, 0, 1), (18, 0, 0)]
                    body = bytes(2) + len(known).to_bytes(4, "big")
                    body += b"".join(part.to_bytes(2, "big") for each in known for part in each)
                elif api == 3 and version <= 1:
                    body = _metadata(writer.get_extra_info("sockname")[1], version)
                else:
                    break
                writer.write((len(body) + 4).to_bytes(4, "big") + correlation + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    def _metadata(port: int, version: int) -> bytes:
        """One broker, this one, and no topics."""
        host = b"127.0.0.1"
        body = (1).to_bytes(4, "big") + (1).to_bytes(4, "big")
        body += len(host).to_bytes(2, "big") + host + port.to_bytes(4, "big")
        if version == 1:  # no rack; this broker is the controller
            body += b"\xff\xff" + (1).to_bytes(4, "big")
        return body + bytes(4)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
