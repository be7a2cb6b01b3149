"""Voting's pages: the citizen's way, the audit room and the staff's board."""

from fastapi import APIRouter

from services.voting.door import Door
from services.voting.pages import audit, citizen, receipts, staff
from shared.service import Resources


def routers(resources: Resources, door: Door) -> tuple[APIRouter, ...]:
    """Every page of the service."""
    return (
        receipts.router(resources),
        citizen.router(resources, door),
        audit.router(resources),
        staff.router(resources, door),
    )
