"""The citizen's way: choose, confirm an address, vote. Every step works without script."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from msgspec.structs import replace

from services.voting import repository
from services.voting.domain.ballots import voter_of
from services.voting.domain.disclosure import VoteState
from services.voting.domain.errors import (
    EntryLeft,
    NotOnBallot,
    VoteClosed,
    VoteNotOpen,
)
from services.voting.domain.order import shuffled
from services.voting.door import CastVote, Door
from services.voting.fast import origin_of
from services.voting.pages.flow import (
    BALLOT_COOKIE,
    end_flow,
    keep_flow,
    new_key,
    order_of,
)
from services.voting.pages.visit import Booth, Visit
from services.voting.standing import Standing
from services.voting.tables import Vote
from shared.errors import DomainError, NotFound
from shared.service import Resources
from shared.web.pages import language_of, redirect

PAGE_OF_STATE = {
    VoteState.NOT_OPEN: "vote/not_open.html",
    VoteState.CLOSING: "vote/closed.html",
    VoteState.CLOSED: "vote/closed.html",
    VoteState.CERTIFIED: "vote/result.html",
}
MOST_COMPARED = 3


def router(resources: Resources, door: Door, booth: Booth) -> APIRouter:
    """``/vote`` and what lies on the way to the receipt."""
    routes = APIRouter(include_in_schema=False)
    settings, database, window = resources.settings, resources.database, door.window
    pages, visit, show, refused, on_the_way = (
        booth.pages,
        booth.visit,
        booth.show,
        booth.refused,
        booth.on_the_way,
    )

    async def vote_already_cast(here: Visit, entry_id: str) -> Vote | None:
        """The first vote, whatever became of it, that a ballot for ``entry_id`` would repeat."""
        live = window.vote(here.found.contest_id)
        if here.ballot is None or live is None or here.keys.destroyed:
            return None
        slot = live.slot_for(entry_id, here.found.now)
        async with database.transaction() as session:
            voter_id = voter_of(here.keys, here.ballot.subject)
            return await repository.vote_of(session, here.found.contest_id, slot, voter_id)

    @routes.get("/vote")
    async def show_ballot(request: Request) -> Response:
        here = await visit(request)
        if here.found.state is not VoteState.OPEN:
            return await show(here, PAGE_OF_STATE[here.found.state])
        if here.found.rulebook.voting.scope.value != "category" and here.ballot and here.found.entries:
            try:
                earlier = await vote_already_cast(here, here.found.entries[0].entry_id)
            except DomainError:
                earlier = None
            if earlier is not None and "again" not in request.query_params:
                return await show(here, "vote/already.html", earlier=earlier)
        entries = shuffled(here.found.entries, order_of(request), lambda entry: entry.entry_id)
        return await show(here, "vote/ballot.html", entries=entries)

    @routes.post("/vote")
    async def choose(request: Request) -> Response:
        form = await pages.form(request)
        here = await visit(request)
        entry_id = str(form.get("entry_id", ""))
        try:
            _check_choice(here.found, entry_id)
        except (NotOnBallot, EntryLeft) as error:
            entries = shuffled(here.found.entries, order_of(request), lambda entry: entry.entry_id)
            message = {
                "entry_id": _choose_first(request)
                if not entry_id
                else error.in_language(language_of(request))
            }
            return await show(here, "vote/ballot.html", error.status, entries=entries, errors=message)
        except DomainError as error:
            return await refused(here, error)
        response = redirect("/vote/confirm" if here.ballot else here.identify)
        key = here.flow.key or new_key()
        flow = replace(here.flow, entry_id=entry_id, key=key, code_id="", detour=None)
        keep_flow(response, settings, here.keys, flow)
        return response

    @routes.get("/vote/entries/{entry_id}")
    async def show_entry(request: Request, entry_id: Annotated[str, Path(max_length=100)]) -> Response:
        here = await visit(request)
        entry = next((entry for entry in here.found.entries if entry.entry_id == entry_id), None)
        if entry is None:
            raise NotFound("ไม่พบผลงานนี้ในรายการโหวต", "This entry is not on the ballot.")
        return await show(here, "vote/entry.html", entry=entry)

    @routes.get("/vote/compare")
    async def compare(
        request: Request, entry: Annotated[tuple[str, ...], Query(max_length=50)] = ()
    ) -> Response:
        here = await visit(request)
        entries = shuffled(here.found.entries, order_of(request), lambda each: each.entry_id)
        picked = [each for each in entries if each.entry_id in entry and not each.withdrawn]
        return await show(
            here, "vote/compare.html", entries=entries, picked=picked[:MOST_COMPARED], most=MOST_COMPARED
        )

    @routes.get("/vote/confirm")
    async def ask_confirmation(request: Request) -> Response:
        here = await visit(request)
        if away := on_the_way(here):
            return away
        if here.ballot is None:
            return redirect(here.identify)
        try:
            earlier = await vote_already_cast(here, here.flow.entry_id)
        except DomainError as error:
            return await refused(here, error)
        if earlier is not None:
            return await show(here, "vote/already.html", earlier=earlier)
        return await show(here, "vote/confirm.html")

    @routes.post("/vote/confirm")
    async def cast(request: Request) -> Response:
        await pages.form(request)
        here = await visit(request)
        token = request.cookies.get(BALLOT_COOKIE, "")
        if not here.flow.entry_id or here.ballot is None:
            return redirect("/vote")
        vote = CastVote(ballot=token, entry_id=here.flow.entry_id, key=here.flow.key or new_key())
        try:
            receipt = await door.cast(vote, origin_of(request.scope))
        except (NotOnBallot, EntryLeft) as error:
            return redirect("/vote", th=error.th, en=error.en, kind="late")
        except DomainError as error:
            return await refused(here, error)
        response = redirect(f"/vote/receipt/{receipt}")
        end_flow(response, settings, here.keys, here.flow, receipt)
        return response

    return routes


def _choose_first(request: Request) -> str:
    if language_of(request) == "en":
        return "Choose one entry first, then go on."
    return "เลือกผลงานหนึ่งรายการก่อน แล้วไปต่อ"


def _check_choice(found: Standing, entry_id: str) -> None:
    """What the ballot page itself can tell; the door has the last word when the vote is cast."""
    if found.state is VoteState.NOT_OPEN:
        raise VoteNotOpen
    if found.state is not VoteState.OPEN:
        raise VoteClosed
    entry = next((entry for entry in found.entries if entry.entry_id == entry_id), None)
    if entry is None:
        raise NotOnBallot
    if entry.withdrawn:
        raise EntryLeft
