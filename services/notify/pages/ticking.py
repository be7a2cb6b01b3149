"""Pages of what goes by post: a form whose ticks say what was posted."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response

from services.notify.pages.common import PAGES
from shared.errors import DomainError
from shared.web.pages import field_errors, language_of, redirect

PRIVATE = {"Cache-Control": "private, no-store"}
"""Whom something is for is nobody else's business."""


@dataclass(frozen=True, slots=True)
class TickedQueue:
    """A queue on paper, as one person sees it."""

    template: str
    box: str
    """The form's boxes. One may stand for several things: then its value names them with spaces between."""
    shown: Callable[[], Awaitable[dict[str, Any]]]
    """What the page shows."""
    mark: Callable[[Sequence[str]], Awaitable[int]]
    """Note what was ticked as posted. Returns how many."""

    async def page(self, request: Request, error: DomainError | None = None) -> Response:
        """The queue, with what was wrong with the form."""
        errors = field_errors(error, language_of(request)) if error else {}
        context = {**await self.shown(), "errors": errors}
        status = error.status if error else 200
        return await PAGES.render(request, self.template, context, status_code=status, headers=PRIVATE)

    async def posted(self, request: Request, back_to: str) -> Response:
        """Take the form: back to the queue, or the queue with what was wrong."""
        form = await PAGES.form(request)
        ticked = [name for value in form.getlist(self.box) for name in str(value).split()]
        try:
            count = await self.mark(ticked)
        except DomainError as error:
            return await self.page(request, error)
        return redirect(back_to, th=f"บันทึกว่าส่งไปรษณีย์แล้ว {count} รายการ", en=f"{count} noted as posted.")
