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
from shared.web.routes import joined


def router(resources: Resources) -> APIRouter:
    """Every page."""
    parts = (public, sign_in, briefing, apply, apply_form)
    staff = (staff_clock, staff_contest, staff_entries, staff_people)
    return joined(*(part.router(resources) for part in (*parts, *staff)), in_schema=False)
