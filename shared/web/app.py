"""The FastAPI application of a service, with what all services have in common."""

from collections.abc import Awaitable, Callable
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


def create_app(service: str, resources: "Resources") -> FastAPI:
    """An application without routes of its own yet.

    It answers errors as problems, sets the security headers, serves ``/static``, ``/healthz``,
    ``/readyz`` and ``/metrics``, and switches the language. ``app.state.resources`` are the given
    ones; a check appended to ``app.state.readiness`` takes part in ``/readyz``, and
    ``app.state.draining = True`` ends readiness before a shutdown.
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
    app.state.readiness = []
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
    if reasons := await _not_ready(request):
        return JSONResponse({"status": "not ready", "reasons": reasons}, 503, {"Retry-After": "2"})
    return JSONResponse({"status": "ready", "reasons": []})


async def _not_ready(request: Request) -> list[str]:
    """Why the process is not ready; empty when it is."""
    reasons = ["shutting down"] if request.app.state.draining else []
    resources: Resources = request.app.state.resources
    checks: list[ReadinessCheck] = [resources.database.problem, *request.app.state.readiness]
    reasons += [reason for check in checks if (reason := await check())]
    return reasons


async def _metrics(request: Request) -> Response:
    metrics.READY.set(not await _not_ready(request))
    return Response(metrics.render(), media_type=metrics.CONTENT_TYPE)


async def _language(request: Request) -> Response:
    language = "en" if request.path_params["language"] == "en" else "th"
    response = RedirectResponse(safe_path(request.query_params.get("next", "/")), 303)
    remember_language(response, language)
    return response
