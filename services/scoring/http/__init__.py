"""The JSON API under ``/api/scoring/v1``; it translates and calls, and decides nothing."""

from fastapi import APIRouter

from services.scoring.http import decisions, judges, presentations, public, scores
from shared.service import Resources
from shared.web.routes import joined


def router(resources: Resources) -> APIRouter:
    """Every route of the API."""
    modules = (judges, scores, presentations, decisions, public)
    return joined(*(module.router(resources) for module in modules))
