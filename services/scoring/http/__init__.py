"""The JSON API under ``/api/scoring/v1``; it translates and calls, and decides nothing."""

from fastapi import APIRouter

from services.scoring.http import decisions, judges, presentations, public, scores
from shared.service import Resources
from shared.web.problems import PROBLEMS


def router(resources: Resources) -> APIRouter:
    """Every route of the API."""
    api = APIRouter(prefix="/api/scoring/v1", responses=PROBLEMS)
    for module in (judges, scores, presentations, decisions, public):
        api.include_router(module.router(resources))
    return api
