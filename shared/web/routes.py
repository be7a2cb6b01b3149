"""Routers put together.

``include_router`` looks at every handler's signature again for each router around it, which is most
of what an application's start costs. Here a route is taken over as its own router declared it, so
each router says its whole prefix and its responses itself.
"""

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute


def joined(*routers: APIRouter, in_schema: bool = True) -> APIRouter:
    """One router with the routes of all; ``in_schema=False`` leaves them out of the OpenAPI document."""
    whole = APIRouter()
    for router in routers:
        whole.routes.extend(router.routes)
    if not in_schema:
        for route in whole.routes:
            if isinstance(route, APIRoute):
                route.include_in_schema = False
    return whole


def take_routes(app: FastAPI, *routers: APIRouter) -> None:
    """Let ``app`` answer the routes of all."""
    for router in routers:
        app.router.routes.extend(router.routes)
