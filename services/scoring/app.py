"""Scoring's composition root: its routes, what it consumes, and nothing else."""

from services.scoring import http, pages
from services.scoring.consumers import subscriptions
from shared.service import Resources, Service
from shared.web.app import create_app
from shared.web.clock_routes import clock_routes
from shared.web.routes import take_routes


def build(resources: Resources) -> Service:
    """Put scoring together from the resources of this process."""
    app = create_app("scoring", resources)
    take_routes(
        app,
        clock_routes("scoring", resources),
        http.router(resources),
        pages.router(resources),
    )
    return Service(
        name="scoring",
        http=app,
        paths=(
            "/judge",
            "/shortlist",
            "/winners",
            "/apply/result",
            "/staff/judging",
            "/staff/clock/scoring",
            "/api/scoring",
        ),
        subscriptions=subscriptions(),
    )
