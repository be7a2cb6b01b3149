"""The FastAPI application of a service, with what all services have in common."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from shared.observability import metrics
from shared.observability.middleware import Observed
from shared.web import problems
from shared.web.edge import Edge
from shared.web.pages import remember_language
from shared.web.problems import safe_path
from shared.web.static_files import STATIC

if TYPE_CHECKING:
    from shared.service import Resources

VERSION = "1"
ReadinessCheck = Callable[[], Awaitable[str]]
"""Says in one sentence why the process is not ready; empty when it is."""


def create_app(service: str, resources: "Resources", *, needs_database: bool = True) -> FastAPI:
    """An application without routes of its own yet.

    It answers errors as problems, sets the security headers, serves ``/static``, ``/healthz``,
    ``/readyz`` and ``/metrics``, and switches the language. ``app.state.resources`` are the given
    ones. A check appended to ``app.state.readiness`` ends readiness while it names a reason, one in
    ``app.state.faults`` is only told; ``app.state.draining = True`` ends readiness before a shutdown.

    Args:
        needs_database: whether it is of no use while its database is away.
    """
    app = FastAPI(
        title=f"Showcase: {service}",
        version=VERSION,
        openapi_url=f"/api/{service}/openapi.json",
        docs_url=None,
        redoc_url=None,
        # ``Observed`` makes the request's span: FastAPI's own would start a second trace beside it
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.resources = resources
    app.state.settings = resources.settings
    app.state.readiness = [resources.database.problem] if needs_database else []
    app.state.faults = [] if needs_database else [resources.database.problem]
    app.state.draining = False
    problems.install(app)
    app.add_middleware(
        Edge,
        public_url=resources.settings.public_url,
        secure=resources.settings.secure_cookies,
    )
    app.add_middleware(Observed, service=service)
    app.router.routes.extend(
        (
            STATIC,
            Route("/healthz", _healthz, name="healthz"),
            Route("/readyz", _readyz, name="readyz"),
            Route("/metrics", _metrics, name="metrics"),
            Route("/language/{language}", _language, name="language"),
        )
    )
    _document(app)
    return app


def _document(app: FastAPI) -> None:
    """Make the OpenAPI document true: it names the problem documents of every operation."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, routes=app.routes)
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            schemas.update(problems.components())
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI documents it as the way to extend


async def _healthz(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _readyz(request: Request) -> Response:
    reasons, faults = await _not_ready(request), await _told(request.app.state.faults)
    if reasons:
        answer = {"status": "not ready", "reasons": [*reasons, *faults]}
        return JSONResponse(answer, 503, {"Retry-After": "2"})
    return JSONResponse({"status": "ready", "reasons": faults})


async def _not_ready(request: Request) -> list[str]:
    """Why the process is to get no requests; empty when it is ready for them."""
    draining = ["shutting down"] if request.app.state.draining else []
    return draining + await _told(request.app.state.readiness)


async def _told(checks: Sequence[ReadinessCheck]) -> list[str]:
    return [reason for check in checks if (reason := await check())]


async def _metrics(request: Request) -> Response:
    metrics.READY.set(not (await _not_ready(request) or await _told(request.app.state.faults)))
    return Response(metrics.render(), media_type=metrics.CONTENT_TYPE)


async def _language(request: Request) -> Response:
    language = "en" if request.path_params["language"] == "en" else "th"
    response = RedirectResponse(safe_path(request.query_params.get("next", "/")), 303)
    remember_language(response, language)
    return response
