"""Voting, put together: settings → window, sender, door → routes, subscriptions, timers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from services.voting import consumers, heads, http, http_proof, pages, tally
from services.voting.closing import Closer
from services.voting.domain.heads import HeadSigner
from services.voting.door import Door
from services.voting.fast import UNCONFIRMED, FastVotes
from services.voting.fraud import http as fraud_http
from services.voting.fraud.watch import Watch
from services.voting.identity import identity_of
from services.voting.identity.courier import EVERY as COURIER_EVERY
from services.voting.identity.metrics import WAITING
from services.voting.lag import LogEnds
from services.voting.lane import lane_for
from services.voting.refusals import Refusals
from services.voting.sender import VoteSender
from services.voting.window import LiveWindow
from shared.contracts.catalogue import TOPICS
from shared.contracts.voting import VoteCast
from shared.db import Database
from shared.messaging import Timer
from shared.messaging.broker import connect_client
from shared.root_secret import root_secret
from shared.service import Resources, Service
from shared.settings import BrokerKind
from shared.web.app import create_app
from shared.web.clock_routes import clock_routes
from shared.web.routes import take_routes

PATIENCE_MS = 1_500
"""How long a vote may wait for the log: a voter hears within two seconds, whatever the broker does."""
PATHS = ("/vote", "/audit", "/staff/vote", "/staff/clock/voting", "/api/voting")


def build(resources: Resources) -> Service:
    """The composition root."""
    settings, clock = resources.settings, resources.clock
    root = root_secret(settings.voting_secret.get_secret_value(), "SHOWCASE_VOTING_SECRET")

    window = LiveWindow(settings, resources.database, clock, root)
    sender = VoteSender(
        lambda: connect_client(settings, client_id="voting-door", request_timeout_ms=PATIENCE_MS),
        VoteCast.TOPIC,
        TOPICS[VoteCast.TOPIC].partitions,
        compressed=settings.broker is BrokerKind.KAFKA,
        patience=PATIENCE_MS / 1000,
    )
    door = Door(window, sender)
    signer = HeadSigner(root)
    UNCONFIRMED.set_function(lambda: sender.unconfirmed)
    ends = LogEnds(settings)
    refusals = Refusals(resources.database)
    closer = Closer(settings, resources.database, clock)
    voters, courier = identity_of(resources, window)

    app = create_app("voting", resources, needs_database=False)
    take_routes(
        app,
        http.router(resources, door, voters),
        http_proof.router(resources),
        fraud_http.router(resources),
        clock_routes("voting", resources),
        *pages.routers(resources, door, voters, ends),
    )
    app.add_middleware(FastVotes, door=door)

    async def door_ready() -> str:
        if not window.learnt:
            return "votes: the window was not read yet"
        return "" if sender.reached else "votes: no broker was reached yet"

    async def broker_answers() -> str:
        return "" if sender.ready else "votes: no broker answers"

    # An api that was ready once stays in the Service: without the database it takes votes, without a broker
    # it shows receipts and results and tells voters when to come again.
    app.state.readiness.append(door_ready)
    app.state.faults.append(broker_answers)

    async def sign_heads(database: Database) -> None:
        async with database.transaction() as session:
            await heads.sign_changed(session, clock, signer)

    async def publish_tally(database: Database) -> None:
        async with database.transaction() as session:
            await tally.publish_changed(session, clock)

    async def send_codes(database: Database) -> None:
        await courier.run(database)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        await window.start()
        await sender.start()
        await refusals.start()
        try:
            yield
        finally:
            await ends.close()
            await sender.stop()
            await refusals.stop()
            await window.stop()

    return Service(
        name="voting",
        http=app,
        paths=PATHS,
        subscriptions=consumers.subscriptions(),
        timers=(
            Timer("voting-calendar", timedelta(seconds=1), closer.run),
            Timer("voting-tally", timedelta(seconds=1), publish_tally),
            Timer("voting-fraud", timedelta(seconds=2), Watch(clock).run),
            Timer("voting-heads", heads.EVERY, sign_heads),
            Timer("voting-codes", COURIER_EVERY, send_codes, on_end=WAITING.clear),
        ),
        lifespan=lifespan,
        protocol=lane_for(door),
    )
