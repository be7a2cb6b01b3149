"""Notify's JSON API; it translates and calls, and decides nothing."""

from fastapi import APIRouter

from services.notify.http import (
    agencies,
    board,
    certificates,
    delivery,
    letters,
    receipt,
    registers,
    second_factor,
)
from shared.service import Resources
from shared.web.routes import joined


def router(resources: Resources) -> APIRouter:
    """The API under ``/api/notify/v1``."""
    parts = (letters, receipt, certificates, board, delivery, second_factor, agencies, registers)
    return joined(*(part.router(resources) for part in parts))
