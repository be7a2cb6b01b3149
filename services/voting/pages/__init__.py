"""Voting's pages: the citizen's way, the audit room and the staff's board."""

from fastapi import APIRouter

from services.voting.door import Door
from services.voting.identity import Identity
from services.voting.lag import LogEnds
from services.voting.pages import audit, citizen, held, identify, receipts, staff
from services.voting.pages.visit import Booth
from shared.service import Resources


def routers(resources: Resources, door: Door, voters: Identity, ends: LogEnds) -> tuple[APIRouter, ...]:
    """Every page of the service."""
    booth = Booth(resources, door)
    return (
        receipts.router(resources),
        held.router(resources),
        citizen.router(resources, door, booth),
        identify.router(resources, booth, voters),
        audit.router(resources),
        staff.router(resources, door, ends),
    )
