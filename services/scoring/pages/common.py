"""What scoring's pages share: the contest in hand, its links, names, and messages after a form."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.datastructures import FormData

from services.scoring.domain.ranking import two_places
from services.scoring.handlers.queue import Queue
from services.scoring.repository import entries
from shared import known
from shared.clock import BANGKOK
from shared.contracts.event import LocalizedText
from shared.contracts.ids import ContestId
from shared.contracts.rulebook import Rulebook
from shared.contracts.scoring import Round
from shared.errors import DomainError, Forbidden, Invalid, NotFound, Unauthenticated
from shared.service import Resources
from shared.thai.provinces import known_province
from shared.web.pages import Pages, field_errors, language_of, redirect

PAGES = Pages("services.scoring")
PAGES.environment.filters["places"] = two_places
PAGES.environment.filters["localized"] = LocalizedText.model_validate


def province_name(code: str, language: str) -> str:
    """The province of that code; empty where there is none."""
    found = known_province(code)
    return found.in_language(language) if found else ""


@dataclass(frozen=True, slots=True)
class Contest:
    """The contest that a page is about."""

    rulebook: Rulebook
    now: datetime
    chosen: bool
    """It was named in the address, so links keep naming it."""

    @property
    def id(self) -> ContestId:
        return self.rulebook.contest_id

    def link(self, path: str, **parameters: object) -> str:
        """``path`` with its parameters, and with the contest where the address named it."""
        query = {name: value for name, value in parameters.items() if value is not None}
        if self.chosen:
            query["contest"] = self.id
        return f"{path}?{urlencode(query)}" if query else path


async def contest_of(request: Request, resources: Resources, session: AsyncSession) -> Contest:
    """The contest of ``?contest=``, else the newest.

    Raises:
        NotFound: none is published.
    """
    wanted = request.query_params.get("contest")
    contest_id = wanted or await known.current_contest(session)
    if contest_id is None:
        raise NotFound("ยังไม่มีการประกวดที่ประกาศ", "No contest is published yet.")
    rulebook = await known.rulebook(session, contest_id)
    return Contest(rulebook, await resources.clock.now(session, contest_id), wanted is not None)


async def render(
    request: Request,
    template: str,
    contest: Contest,
    values: Mapping[str, Any],
    *,
    problem: DomainError | None = None,
) -> HTMLResponse:
    """Render a page about ``contest``; with ``problem`` it says at the top what went wrong."""
    language = language_of(request)
    context = {
        "rulebook": contest.rulebook,
        "now": contest.now,
        "link": contest.link,
        "categories": {category.id: category.name for category in contest.rulebook.categories},
        "province": lambda code: province_name(code, language),
        **values,
        "errors": field_errors(problem, language) if problem else {},
    }
    return await PAGES.render(request, template, context, status_code=problem.status if problem else 200)


async def answer(
    work: Awaitable[object],
    show_again: Callable[[DomainError], Awaitable[Response]],
    target: str,
    done: tuple[str, str],
) -> Response:
    """Post-redirect-get: do the work and go on to ``target``, or show the form again with the reason."""
    try:
        await work
    except (Forbidden, Unauthenticated) as error:
        if type(error) in (Forbidden, Unauthenticated):
            raise
        return await show_again(error)
    except DomainError as error:
        return await show_again(error)
    return redirect(target, th=done[0], en=done[1])


async def names(session: AsyncSession, contact_ids: Collection[str]) -> Callable[[str], str]:
    """A function from contact id to name; one who gave none is told by the id's beginning, one who is
    erased not at all."""
    people = await entries.people(session, set(contact_ids))

    def name(contact_id: str) -> str:
        return people[contact_id].name or contact_id[:8] if contact_id in people else "–"

    return name


def text_of(form: FormData | Mapping[str, str], name: str) -> str:
    """A text field of a form; empty where it is missing."""
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def instant_of(form: FormData | Mapping[str, str], name: str) -> datetime:
    """A ``datetime-local`` field, read as Bangkok time.

    Raises:
        Invalid: it is no date and time.
    """
    try:
        return datetime.fromisoformat(text_of(form, name)).replace(tzinfo=BANGKOK)
    except ValueError:
        raise Invalid(
            "ใส่วันและเวลา เช่น 2022-08-03 18:00",
            "Give a date and a time, such as 2022-08-03 18:00.",
            field=name,
        ) from None


def local(instant: datetime) -> str:
    """An instant as a ``datetime-local`` field wants it, in Bangkok."""
    return instant.astimezone(BANGKOK).strftime("%Y-%m-%dT%H:%M")


def keep_contest(request: Request, path: str) -> str:
    """``path`` with the contest that the address names."""
    contest = request.query_params.get("contest")
    return f"{path}?{urlencode({'contest': contest})}" if contest else path


def chosen_queue(queues: Sequence[Queue], wanted: str | None) -> Queue:
    """The round of ``?round=``, else the latest that has entries, else the first."""
    by_round = {queue.round.value: queue for queue in queues}
    if wanted in by_round:
        return by_round[wanted]
    return next((queue for queue in queues if queue.items), queues[-1])


def round_of(value: str) -> Round:
    """The round of that name; the first where none is named.

    Raises:
        NotFound: there is no such round.
    """
    try:
        return Round(value or Round.FIRST.value)
    except ValueError:
        raise NotFound("ไม่มีรอบนี้", "There is no such round.") from None
