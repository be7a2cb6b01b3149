"""The citizen's way: choose, confirm an address, vote. Every step works without script."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from services.voting import identity, repository
from services.voting.domain.addresses import masked
from services.voting.domain.ballots import Ballot, voter_of
from services.voting.domain.codes import MAX_TRIES
from services.voting.domain.disclosure import VoteState
from services.voting.domain.errors import (
    BallotRefused,
    EntryLeft,
    MayBeRecorded,
    NotOnBallot,
    TooBusy,
    VoteClosed,
    VoteNotOpen,
)
from services.voting.domain.keys import ContestKeys
from services.voting.domain.order import shuffled
from services.voting.door import CastVote, Door
from services.voting.fast import origin_of
from services.voting.http import mail_code
from services.voting.pages.flow import (
    BALLOT_COOKIE,
    Flow,
    end_flow,
    keep_ballot,
    keep_flow,
    keep_order,
    new_key,
    order_of,
    read_flow,
)
from services.voting.standing import BallotEntry, Standing, standing
from services.voting.tables import Vote
from shared import known
from shared.errors import DomainError, NotFound
from shared.service import Resources
from shared.web.pages import Pages, field_errors, language_of, redirect

PAGE_OF_STATE = {
    VoteState.NOT_OPEN: "vote/not_open.html",
    VoteState.CLOSING: "vote/closed.html",
    VoteState.CLOSED: "vote/closed.html",
    VoteState.CERTIFIED: "vote/result.html",
}
STEPS = 3


class Visit:
    """One request on the citizen's way: the contest, its keys, and what the browser carries."""

    def __init__(self, request: Request, found: Standing, keys: ContestKeys, ballot: Ballot | None) -> None:
        self.request = request
        self.found = found
        self.keys = keys
        self.ballot = ballot
        self.flow = read_flow(request, keys)

    @property
    def chosen(self) -> BallotEntry | None:
        """The entry that was chosen, if it can still be voted for."""
        return next(
            (e for e in self.found.entries if e.entry_id == self.flow.entry_id and not e.withdrawn), None
        )


def router(resources: Resources, door: Door) -> APIRouter:
    """``/vote`` and what lies on the way to the receipt."""
    routes = APIRouter(include_in_schema=False)
    pages = Pages("services.voting")
    settings, database, clock, window = (
        resources.settings,
        resources.database,
        resources.clock,
        door.window,
    )

    async def visit(request: Request) -> Visit:
        async with database.transaction() as session:
            contest_id = request.query_params.get("contest") or await known.current_contest(session)
            if contest_id is None:
                raise NotFound(
                    "ยังไม่มีการประกวดที่เปิดให้โหวต โปรดกลับมาใหม่ภายหลัง",
                    "There is no contest to vote in yet. Please come back later.",
                )
            found = await standing(session, clock, contest_id)
            keys = await window.keys_for(session, contest_id)
        try:
            ballot = door.read(request.cookies.get(BALLOT_COOKIE, ""))
        except BallotRefused:
            ballot = None
        return Visit(request, found, keys, ballot if ballot and ballot.contest_id == contest_id else None)

    async def vote_already_cast(here: Visit, entry_id: str) -> Vote | None:
        """The counted vote that a ballot for ``entry_id`` would repeat."""
        live = window.vote(here.found.contest_id)
        if here.ballot is None or live is None:
            return None
        slot = live.slot_for(entry_id, here.found.now)
        async with database.transaction() as session:
            voter_id = voter_of(here.keys, here.ballot.subject)
            return await repository.vote_of(session, here.found.contest_id, slot, voter_id)

    async def show(here: Visit, template: str, status_code: int = 200, **context: object) -> Response:
        values = {
            "vote": here.found,
            "rulebook": here.found.rulebook,
            "now": here.found.now,
            "flow": here.flow,
            "chosen": here.chosen,
            "steps": STEPS,
            **context,
        }
        response = await pages.render(here.request, template, values, status_code=status_code)
        keep_order(here.request, response, settings)
        return response

    async def refused(here: Visit, error: DomainError) -> Response:
        """The page of its own that each refusal has."""
        if isinstance(error, VoteClosed):
            return await show(here, "vote/closed.html", error.status)
        if isinstance(error, VoteNotOpen):
            return await show(here, "vote/not_open.html", error.status)
        if isinstance(error, TooBusy | MayBeRecorded):
            response = await show(here, "vote/busy.html", error.status, error=error)
            response.headers["Retry-After"] = str(error.retry_after)
            return response
        raise error

    def on_the_way(here: Visit) -> Response | None:
        """Back to the ballot where the vote is not open or nothing is chosen."""
        if here.found.state is not VoteState.OPEN or here.chosen is None:
            return redirect("/vote")
        return None

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
        response = redirect("/vote/confirm" if here.ballot else "/vote/email")
        flow = Flow(entry_id=entry_id, email=here.flow.email, key=here.flow.key or new_key())
        keep_flow(response, settings, here.keys, flow)
        return response

    @routes.get("/vote/entries/{entry_id}")
    async def show_entry(request: Request, entry_id: Annotated[str, Path(max_length=100)]) -> Response:
        here = await visit(request)
        entry = next((entry for entry in here.found.entries if entry.entry_id == entry_id), None)
        if entry is None:
            raise NotFound("ไม่พบผลงานนี้ในรายการโหวต", "This entry is not on the ballot.")
        return await show(here, "vote/entry.html", entry=entry)

    @routes.get("/vote/email")
    async def ask_email(request: Request) -> Response:
        here = await visit(request)
        return on_the_way(here) or await show(here, "vote/email.html")

    @routes.post("/vote/email")
    async def send_code(request: Request) -> Response:
        form = await pages.form(request)
        here = await visit(request)
        if away := on_the_way(here):
            return away
        email, language = str(form.get("email", "")).strip(), language_of(request)
        network = request.client.host if request.client else ""
        command = identity.RequestCode(here.found.contest_id, email, network, language)
        try:
            async with database.transaction() as session:
                mail = await identity.request_code(session, clock, window, command)
            await mail_code(resources, mail, language)
        except VoteClosed as error:
            return await refused(here, error)
        except DomainError as error:
            errors = field_errors(error, language)
            errors = {name or "email": text for name, text in errors.items()}
            return await show(here, "vote/email.html", error.status, errors=errors, email=email)
        response = redirect("/vote/code")
        keep_flow(response, settings, here.keys, Flow(here.flow.entry_id, email, here.flow.key or new_key()))
        return response

    @routes.get("/vote/code")
    async def ask_code(request: Request) -> Response:
        here = await visit(request)
        if away := on_the_way(here):
            return away
        if not here.flow.email:
            return redirect("/vote/email")
        return await show(here, "vote/code.html", masked=masked(here.flow.email), tries=MAX_TRIES)

    @routes.post("/vote/code")
    async def check_code(request: Request) -> Response:
        form = await pages.form(request)
        here = await visit(request)
        if away := on_the_way(here):
            return away
        command = identity.RedeemCode(here.found.contest_id, here.flow.email, str(form.get("code", "")))
        try:
            async with database.transaction() as session:
                answer = await identity.redeem_code(session, clock, window, command)
        except DomainError:
            return redirect("/vote/email")
        if isinstance(answer, DomainError):
            errors = field_errors(answer, language_of(request))
            context = {"errors": errors, "masked": masked(here.flow.email), "tries": MAX_TRIES}
            return await show(here, "vote/code.html", answer.status, **context)
        response = redirect("/vote/confirm")
        keep_ballot(response, settings, answer)
        return response

    @routes.get("/vote/confirm")
    async def ask_confirmation(request: Request) -> Response:
        here = await visit(request)
        if away := on_the_way(here):
            return away
        if here.ballot is None:
            return redirect("/vote/email")
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
        end_flow(response, settings, receipt)
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
