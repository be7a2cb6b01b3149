"""``/notices/stop``: one click in a reminder stops reminders (RFC 8058); no sign-in, the link is signed."""

from fastapi import APIRouter, Request, Response

from services.notify import repository
from services.notify.domain.keys import NotifyKeys
from services.notify.handlers.mailing import STOP
from services.notify.pages.common import PAGES
from shared import known
from shared.errors import NotFound
from shared.service import Resources


def router(resources: Resources) -> APIRouter:
    """Unsubscribing from reminders, and from nothing else."""
    pages = APIRouter()
    database, clock = resources.database, resources.clock
    keys = NotifyKeys.of(resources.settings.notify_secret.get_secret_value())

    def check(contest_id: str, contact_id: str, mark: str) -> None:
        if not keys.proves(STOP, f"{contest_id}\0{contact_id}", mark):
            raise NotFound(
                "ลิงก์ไม่ถูกต้อง โปรดเปิดลิงก์จากอีเมลอีกครั้ง", "This link is not right; open it from the mail again."
            )

    @pages.get("/notices/stop/{contest_id}/{contact_id}/{mark}")
    async def ask(request: Request, contest_id: str, contact_id: str, mark: str) -> Response:
        """A mail program that only looks ahead must stop nothing: a button asks first."""
        check(contest_id, contact_id, mark)
        return await PAGES.render(request, "stop.html", {"done": False})

    @pages.post("/notices/stop/{contest_id}/{contact_id}/{mark}")
    async def stop(request: Request, contest_id: str, contact_id: str, mark: str) -> Response:
        """The mail program's one click, or the page's button; safe to repeat."""
        check(contest_id, contact_id, mark)
        async with database.transaction() as session:
            await known.rulebook(session, contest_id)
            now = await clock.now(session, contest_id)
            await repository.sending.stop_reminders(session, contest_id, contact_id, now, "link")
        return await PAGES.render(request, "stop.html", {"done": True})

    return pages
