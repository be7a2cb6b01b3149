"""Notify, put together: settings → dispatcher and reminders → routes, subscriptions, timers."""

from datetime import timedelta

from services.notify import consumers, http, pages
from services.notify.handlers.certificates import finish_certificates
from services.notify.handlers.delivery import Dispatcher
from services.notify.handlers.reminders import Reminders
from services.notify.handlers.rendering import finish_letters
from services.notify.mail.transport import SmtpTransport
from shared.db import Database
from shared.messaging import Timer
from shared.service import Resources, Service
from shared.web.app import create_app
from shared.web.clock_routes import clock_routes

PATHS = ("/staff", "/letters", "/verify", "/notices", "/api/notify")


def build(resources: Resources) -> Service:
    """The composition root."""
    settings, clock = resources.settings, resources.clock
    dispatcher = Dispatcher(settings, clock, SmtpTransport(settings))
    reminders = Reminders(clock)

    async def finish(database: Database) -> None:
        await finish_letters(database)
        await finish_certificates(database, clock, settings)

    app = create_app("notify", resources)
    app.include_router(http.router(resources))
    app.include_router(clock_routes("notify", resources))
    app.include_router(pages.router(resources))

    return Service(
        name="notify",
        http=app,
        paths=PATHS,
        subscriptions=consumers.subscriptions(clock),
        timers=(
            Timer("notify-mail", timedelta(milliseconds=500), dispatcher.run),
            Timer("notify-documents", timedelta(seconds=1), finish),
            Timer("notify-reminders", timedelta(seconds=10), reminders.run),
        ),
    )
