"""The pages of intake: they translate and call; the handlers decide."""

from fastapi import APIRouter

from services.intake.pages import (
    apply,
    apply_form,
    briefing,
    public,
    sign_in,
    staff_clock,
    staff_contest,
    staff_entries,
    staff_people,
)
from shared.service import Resources


def router(resources: Resources) -> APIRouter:
    """Every page."""
    pages = APIRouter(include_in_schema=False)
    parts = (public, sign_in, briefing, apply, apply_form)
    for part in (*parts, staff_clock, staff_contest, staff_entries, staff_people):
        pages.include_router(part.router(resources))
    return pages
