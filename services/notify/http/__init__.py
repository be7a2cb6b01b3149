"""Notify's JSON API; it translates and calls, and decides nothing."""

from fastapi import APIRouter

from services.notify.http import agencies, board, certificates, delivery, letters, receipt, second_factor
from shared.service import Resources


def router(resources: Resources) -> APIRouter:
    """The API under ``/api/notify/v1``."""
    api = APIRouter()
    for part in (letters, receipt, certificates, board, delivery, second_factor, agencies):
        api.include_router(part.router(resources))
    return api
