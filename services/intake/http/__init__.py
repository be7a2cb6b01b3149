"""The JSON API of intake: it translates and calls; the handlers decide."""

from fastapi import APIRouter

from services.intake.http import briefing, contests, entries, people, sessions
from shared.service import Resources
from shared.web.routes import joined


def router(resources: Resources) -> APIRouter:
    """Every route of the API."""
    parts = (sessions, contests, people, briefing, entries)
    return joined(*(part.router(resources) for part in parts))
