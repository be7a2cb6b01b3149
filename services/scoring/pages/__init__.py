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
from shared.web.routes import joined


def router(resources: Resources) -> APIRouter:
    """Every page of scoring."""
    modules = (judge, conflicts, scorecard, summary, staff, shortlist, presentations, decisions, public)
    return joined(*(module.router(resources) for module in modules), in_schema=False)
