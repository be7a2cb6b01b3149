"""Intake put together: its pages and API, what it consumes, what it does in time."""

from datetime import timedelta

from services.intake import http, pages
from services.intake.consumers import SUBSCRIPTIONS
from services.intake.repository import purge_codes, wall_clock
from shared.db import Database
from shared.messaging import Timer
from shared.service import Resources, Service
from shared.web import events_page
from shared.web.app import create_app
from shared.web.clock_routes import clock_routes
from shared.web.routes import take_routes

PATHS = (
    "/",
    "/contest",
    "/rules",
    "/signin",
    "/signout",
    "/language",
    "/apply",
    "/briefing",
    "/staff/clock",
    "/staff/contest",
    "/staff/entries",
    "/staff/people",
    "/events",
    "/static",
    "/api/intake",
)


async def forget_old_codes(database: Database) -> None:
    """Destroy sign-in codes a day after they expired."""
    async with database.transaction() as session:
        await purge_codes(session, await wall_clock(session) - timedelta(days=1))


def build(resources: Resources) -> Service:
    """The service on the given resources."""
    app = create_app("intake", resources)
    take_routes(
        app,
        http.router(resources),
        clock_routes("intake", resources),
        pages.router(resources),
        events_page.router(resources),
    )
    return Service(
        name="intake",
        http=app,
        paths=PATHS,
        subscriptions=SUBSCRIPTIONS,
        timers=(Timer("forget-old-codes", timedelta(minutes=10), forget_old_codes),),
    )
