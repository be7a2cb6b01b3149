"""Scoring's composition root: its routes, what it consumes, and nothing else."""

from services.scoring import http, pages
from services.scoring.consumers import subscriptions
from shared.service import Resources, Service
from shared.web.app import create_app
from shared.web.clock_routes import clock_routes


def build(resources: Resources) -> Service:
    """Put scoring together from the resources of this process."""
    app = create_app("scoring", resources)
    app.include_router(clock_routes("scoring", resources))
    app.include_router(http.router(resources))
    app.include_router(pages.router(resources))
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
