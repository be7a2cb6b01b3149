"""Pages for judges, staff, applicants and everyone; they translate and call, and decide nothing."""

from fastapi import APIRouter

from services.scoring.pages import (
    conflicts,
    decisions,
    judge,
    presentations,
    public,
    scorecard,
    shortlist,
    staff,
    summary,
)
from shared.service import Resources


def router(resources: Resources) -> APIRouter:
    """Every page of scoring."""
    pages = APIRouter(include_in_schema=False)
    for module in (judge, conflicts, scorecard, summary, staff, shortlist, presentations, decisions, public):
        pages.include_router(module.router(resources))
    return pages
