"""``/healthz``, ``/readyz`` and ``/metrics`` of a process."""

import json
from collections.abc import Awaitable, Callable, Sequence

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from shared.observability import metrics
from shared.runtime.parts import Part

PATHS = frozenset({"/healthz", "/readyz", "/metrics"})


class Probes:
    """A small ASGI application about ``parts``.

    Alive means that every part makes progress; ready, that besides nothing is wrong with any of
    them, every check passes and no shutdown has begun.
    """

    def __init__(self, parts: Sequence[Part], checks: Sequence[Callable[[], Awaitable[str]]] = ()) -> None:
        self._parts = parts
        self._checks = checks
        self.draining = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        answer = {"/healthz": self._health, "/readyz": self._readiness, "/metrics": self._metrics}.get(
            scope["path"]
        )
        response = await answer() if answer else Response(status_code=404)
        await response(scope, receive, send)

    async def problems(self) -> list[str]:
        """Why the process is not ready; empty when it is."""
        reasons = ["shutting down"] if self.draining else []
        reasons += [problem for part in self._parts if (problem := part.problem())]
        reasons += [reason for check in self._checks if (reason := await check())]
        return reasons

    async def _health(self) -> Response:
        stuck = [part.problem() or "a part makes no progress" for part in self._parts if not part.healthy()]
        return _json({"status": "stuck" if stuck else "ok", "reasons": stuck}, 503 if stuck else 200)

    async def _readiness(self) -> Response:
        reasons = await self.problems()
        return _json(
            {"status": "not ready" if reasons else "ready", "reasons": reasons}, 503 if reasons else 200
        )

    async def _metrics(self) -> Response:
        metrics.READY.set(not await self.problems())
        return Response(metrics.render(), media_type=metrics.CONTENT_TYPE)


def _json(body: dict[str, object], status: int) -> Response:
    headers = {"Retry-After": "2"} if status == 503 else None
    return Response(json.dumps(body), status, headers, media_type="application/json")
