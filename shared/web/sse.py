"""Server-sent events: a page that waits updates itself."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from fastapi import Request
from fastapi.responses import StreamingResponse

HEARTBEAT_SECONDS = 15.0


def live(
    request: Request,
    read: Callable[[], Awaitable[Mapping[str, Any]]],
    *,
    every: float = 1.0,
    minutes: float = 30.0,
) -> StreamingResponse:
    """A stream that sends what ``read`` returns, at once and then whenever it changes.

    The stream ends after ``minutes``, and when the process is draining; browsers reconnect.
    """

    async def events() -> AsyncIterator[str]:
        loop = asyncio.get_running_loop()
        ends = loop.time() + minutes * 60
        sent, spoke = "", loop.time()
        yield "retry: 3000\n\n"
        while loop.time() < ends and not request.app.state.draining:
            values = json.dumps(await read(), ensure_ascii=False, default=str)
            if values != sent:
                sent, spoke = values, loop.time()
                yield f"data: {values}\n\n"
            elif loop.time() - spoke > HEARTBEAT_SECONDS:
                spoke = loop.time()
                yield ": still here\n\n"
            await asyncio.sleep(every)

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events(), media_type="text/event-stream", headers=headers)
