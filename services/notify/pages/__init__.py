"""Notify's pages: the board, letters, what clerks and the public see, and notices."""

from fastapi import APIRouter

from services.notify.pages import (
    agencies,
    board,
    books,
    cascade,
    certificates,
    clerk,
    compose,
    documents,
    letter_steps,
    letters,
    notices,
    notices_by_post,
    papers,
    posting,
    registers,
    review,
    second_factor,
    sending,
    stop,
    webhooks,
)
from shared.service import Resources
from shared.web.routes import joined


def router(resources: Resources) -> APIRouter:
    """Every page of notify."""
    modules = (
        board,
        clerk,
        second_factor,
        agencies,
        books,
        cascade,
        registers,
        documents,
        certificates,
        posting,
        papers,
        compose,
        letters,
        letter_steps,
        review,
        sending,
        stop,
        webhooks,
        notices_by_post,
        notices,
    )
    return joined(*(module.router(resources) for module in modules), in_schema=False)
