"""The JSON API of intake: it translates and calls; the handlers decide."""

from fastapi import APIRouter

from services.intake.http import briefing, contests, entries, people, sessions
from shared.service import Resources
from shared.web.problems import PROBLEMS

PREFIX = "/api/intake/v1"


def router(resources: Resources) -> APIRouter:
    """Every route of the API."""
    api = APIRouter(prefix=PREFIX, responses=PROBLEMS)
    for part in (sessions, contests, people, briefing, entries):
        api.include_router(part.router(resources))
    return api
