"""Notify's pages: the board, letters, what clerks and the public see, and notices."""

from fastapi import APIRouter

from services.notify.pages import board, certificates, clerk, compose, letters, notices
from shared.service import Resources


def router(resources: Resources) -> APIRouter:
    """Every page of notify."""
    pages = APIRouter(include_in_schema=False)
    for module in (board, clerk, certificates, compose, letters, notices):
        pages.include_router(module.router(resources))
    return pages
