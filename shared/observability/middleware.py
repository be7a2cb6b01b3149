"""The outermost layer of every HTTP application: correlation id, span, metrics, one log line."""

import time

import structlog
from opentelemetry.trace import StatusCode
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.contracts.ids import new_id
from shared.observability import metrics
from shared.observability.context import is_correlation_id, set_contest_id, set_correlation_id, set_service
from shared.observability.tracing import span_of_request

HEADER = "X-Correlation-ID"
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
log = structlog.get_logger("showcase.http")


class Observed:
    """Pure ASGI, so that streams pass through untouched and context variables reach the handler."""

    def __init__(self, app: ASGIApp, *, service: str) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _PROBES:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get(HEADER, "")
        correlation_id = given if is_correlation_id(given) else new_id()
        set_service(self._service)
        set_correlation_id(correlation_id)
        set_contest_id("")
        status = 500
        started = time.perf_counter()

        async def observed_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = correlation_id
            await send(message)

        in_flight = metrics.HTTP_IN_FLIGHT.labels(self._service)
        with span_of_request(scope["method"], dict(headers)) as span:
            in_flight.inc()
            try:
                await self._app(scope, receive, observed_send)
            finally:
                in_flight.dec()
                seconds = time.perf_counter() - started
                route = _route_of(scope)
                span.update_name(f"{scope['method']} {route}")
                span.set_attribute("http.route", route)
                span.set_attribute("http.response.status_code", status)
                span.set_attribute("showcase.correlation_id", correlation_id)
                if status >= 500:
                    span.set_status(StatusCode.ERROR)
                metrics.HTTP_REQUESTS.labels(self._service, scope["method"], route, str(status)).inc()
                metrics.HTTP_SECONDS.labels(self._service, route).observe(seconds)
                level = log.warning if status >= 500 else log.info if status >= 400 else log.debug
                level(
                    "request", method=scope["method"], route=route, status=status, seconds=round(seconds, 4)
                )


def _route_of(scope: Scope) -> str:
    """The template of the route that matched: a path of a stranger's making must not become a label."""
    path = getattr(scope.get("route"), "path", None)
    if isinstance(path, str):
        return _prefix_of(scope, path) + path
    endpoint = scope.get("endpoint")
    return getattr(endpoint, "__name__", None) or ("mounted" if endpoint else "unmatched")


def _prefix_of(scope: Scope, path: str) -> str:
    """What routers around the route put before its own ``path``, with parameters by name."""
    if ":path}" in path:
        return ""
    segments = scope["path"].split("/")
    before = segments[1 : max(1, len(segments) - path.count("/"))]
    names = {str(value): name for name, value in scope.get("path_params", {}).items()}
    return "".join(f"/{{{names[segment]}}}" if segment in names else f"/{segment}" for segment in before)
