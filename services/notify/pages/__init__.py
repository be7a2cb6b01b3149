"""Notify's pages."""

from fastapi import APIRouter

from shared.service import Resources


def router(resources: Resources) -> APIRouter:
    """Every page of notify."""
    return APIRouter()
