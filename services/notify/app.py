"""Notify, put together: settings → dispatcher and calendar → routes, subscriptions, timers."""

from datetime import timedelta

from services.notify import consumers, http, pages
from services.notify.channels.email import EmailSender
from services.notify.channels.webhook import WebhookSender
from services.notify.domain.keys import NotifyKeys
from services.notify.handlers.certificate_names import ask_names
from services.notify.handlers.certificates import finish_certificates
from services.notify.handlers.delivery import Dispatcher
from services.notify.handlers.digests import Digests
from services.notify.handlers.reminders import Reminders
from services.notify.handlers.rendering import finish_letters
from services.notify.handlers.sleepers import Sleepers
from services.notify.http import rehearsal
from services.notify.mail.transport import SmtpTransport
from shared.contracts.notify import Channel
from shared.db import Database
from shared.messaging import Timer
from shared.service import Resources, Service
from shared.web.app import create_app
from shared.web.clock_routes import clock_routes
from shared.web.routes import take_routes

PATHS = (
    "/staff",
    "/staff/clock/notify",
    "/letters",
    "/verify",
    "/documents",
    "/s",
    "/notices",
    "/api/notify",
)


def build(resources: Resources) -> Service:
    """The composition root."""
    settings, clock = resources.settings, resources.clock
    keys = NotifyKeys.of(settings.notify_secret.get_secret_value())
    dispatcher = Dispatcher(
        settings,
        clock,
        keys,
        {
            Channel.EMAIL: EmailSender(settings, SmtpTransport(settings), keys),
            Channel.WEBHOOK: WebhookSender(settings, resources.database, clock, keys),
        },
    )

    async def finish(database: Database) -> None:
        await finish_letters(database)
        await ask_names(database, clock, settings)
        await finish_certificates(database, clock, settings)

    reminders, digests, sleepers = Reminders(clock, settings), Digests(clock, settings), Sleepers(clock)
    calendar = (reminders.run_contest, digests.run_contest, sleepers.run_contest)
    app = create_app("notify", resources)
    take_routes(
        app,
        http.router(resources),
        rehearsal.router(resources, calendar),
        clock_routes("notify", resources),
        pages.router(resources),
    )

    return Service(
        name="notify",
        http=app,
        paths=PATHS,
        subscriptions=consumers.subscriptions(clock),
        timers=(
            Timer("notify-mail", timedelta(milliseconds=500), dispatcher.run),
            Timer("notify-documents", timedelta(seconds=1), finish),
            Timer("notify-reminders", timedelta(seconds=10), reminders.run),
            Timer("notify-digests", timedelta(seconds=20), digests.run),
            Timer("notify-sleepers", timedelta(seconds=30), sleepers.run),
        ),
    )
