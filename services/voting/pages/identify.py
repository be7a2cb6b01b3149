"""The steps by which a citizen proves who they are: address, queue, code; or an account elsewhere.

They can be taken before the vote opens; the ballot then waits in the browser. None needs script: with it
a puzzle is solved meanwhile and the code goes out at once, without it the code takes a little longer.
"""

from typing import cast

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from msgspec.structs import replace

from services.voting import identity
from services.voting.domain.codes import MAX_TRIES
from services.voting.domain.disclosure import VoteState
from services.voting.domain.errors import (
    AddressRefused,
    CodeExhausted,
    CodeExpired,
    NotSentInTime,
    NumberRefused,
    SignInFailed,
    TooManyWaiting,
    VoteClosed,
    WrongCode,
)
from services.voting.http import host_of
from services.voting.identity import CodeStatus, Identity
from services.voting.identity.adapters import CALLBACK
from services.voting.pages.flow import end_detour, keep_ballot, keep_flow, new_key
from services.voting.pages.visit import IDENTIFY, Booth, Visit
from shared.contracts.rulebook import VoterIdentity
from shared.errors import DomainError
from shared.service import Resources
from shared.web.pages import field_errors, language_of, redirect

SOON_SECONDS = 3
"""With less to wait than this the page for the code is shown at once."""


def router(resources: Resources, booth: Booth, voters: Identity) -> APIRouter:
    """``/vote/email``, ``/vote/phone`` or ``/vote/account``, then ``/vote/queue`` and ``/vote/code``."""
    routes = APIRouter(include_in_schema=False)
    settings, database = resources.settings, resources.database

    async def status_of(here: Visit) -> CodeStatus | None:
        async with database.transaction() as session:
            return await voters.desk.waiting_room.status(session, here.found.contest_id, here.flow.code_id)

    async def ask_again(here: Visit, error: DomainError, typed: str = "") -> Response:
        """The page for the address, with what is wrong with it."""
        language = language_of(here.request)
        errors = {
            name if name == "email" else "email": text for name, text in field_errors(error, language).items()
        }
        return await booth.show(here, "vote/address.html", error.status, errors=errors, typed=typed)

    def undelivered(here: Visit, status: CodeStatus) -> DomainError | None:
        """Why the code will never arrive; None where it may."""
        if status.refused:
            return NumberRefused() if here.kind is VoterIdentity.PHONE else AddressRefused()
        return NotSentInTime() if status.unsent else None

    def admitted(here: Visit, ballot: str) -> Response:
        """On to the vote, or to the wait for its opening, with the ballot in hand."""
        early = here.found.state is VoteState.NOT_OPEN
        response = redirect("/vote/ready" if early else "/vote/confirm" if here.chosen else "/vote")
        keep_ballot(response, settings, ballot)
        return response

    async def ask_address(request: Request) -> Response:
        here = await booth.visit(request)
        if away := booth.on_the_way(here, early=True):
            return away
        if request.url.path != here.identify:
            return redirect(here.identify)
        return await booth.show(here, "vote/address.html", typed=here.flow.email)

    async def send_code(request: Request) -> Response:
        form = await booth.pages.form(request)
        here = await booth.visit(request)
        if away := booth.on_the_way(here, early=True):
            return away
        if request.url.path != here.identify:
            return redirect(here.identify)
        typed, proof = str(form.get("email", "")).strip()[:320], str(form.get("proof", ""))
        command = identity.RequestCode(
            here.found.contest_id, typed, host_of(request), language_of(request), proof
        )
        try:
            begun = cast(identity.Queued, await voters.adapter(here.found.rulebook).begin(command))
        except (VoteClosed, TooManyWaiting) as error:
            return await booth.refused(here, error)
        except DomainError as error:
            return await ask_again(here, error, typed)
        key = here.flow.key or new_key()
        unconfirmed = here.flow.unconfirmed if typed == here.flow.email else ()  # not another person's
        flow = replace(
            here.flow, email=typed, key=key, code_id=begun.code_id, detour=None, unconfirmed=unconfirmed
        )
        here.flow = flow
        status = await status_of(here)
        soon = status is None or status.place.seconds <= SOON_SECONDS
        response = redirect("/vote/code" if soon else "/vote/queue")
        keep_flow(response, settings, here.keys, flow)
        return response

    for kind in (VoterIdentity.EMAIL, VoterIdentity.PHONE):
        routes.get(IDENTIFY[kind])(ask_address)
        routes.post(IDENTIFY[kind])(send_code)

    @routes.get("/vote/queue")
    async def show_queue(request: Request) -> Response:
        here = await booth.visit(request)
        if away := booth.on_the_way(here, early=True):
            return away
        status = await status_of(here) if here.flow.code_id else None
        if status is None:
            return redirect(here.identify)
        if lost := undelivered(here, status):
            return await ask_again(here, lost, here.flow.email)
        if status.sent or status.place.seconds <= SOON_SECONDS:
            return redirect("/vote/code")
        masked = voters.channel(here.found.rulebook).masked(here.flow.email)
        return await booth.show(here, "vote/queue.html", place=status.place, masked=masked)

    @routes.get("/vote/code")
    async def ask_code(request: Request) -> Response:
        here = await booth.visit(request)
        if away := booth.on_the_way(here, early=True):
            return away
        status = await status_of(here) if here.flow.code_id else None
        if status is None:
            return redirect(here.identify)
        if lost := undelivered(here, status):
            return await ask_again(here, lost, here.flow.email)
        if not status.sent and status.place.seconds > SOON_SECONDS:
            return redirect("/vote/queue")
        return await show_code(here)

    async def show_code(here: Visit, error: DomainError | None = None) -> Response:
        masked = voters.channel(here.found.rulebook).masked(here.flow.email)
        errors = field_errors(error, language_of(here.request)) if error else {}
        status = error.status if error else 200
        return await booth.show(here, "vote/code.html", status, errors=errors, masked=masked, tries=MAX_TRIES)

    @routes.post("/vote/code")
    async def check_code(request: Request) -> Response:
        form = await booth.pages.form(request)
        here = await booth.visit(request)
        if away := booth.on_the_way(here, early=True):
            return away
        if not here.flow.email:
            return redirect(here.identify)
        typed = str(form.get("code", ""))[:40]
        command = identity.RedeemCode(here.found.contest_id, here.flow.email, typed)
        try:
            ballot = await voters.adapter(here.found.rulebook).finish(command)
        except (WrongCode, CodeExpired, CodeExhausted) as error:
            return await show_code(here, error)
        except DomainError:
            return redirect(here.identify)
        return admitted(here, ballot)

    @routes.get("/vote/ready")
    async def show_ready(request: Request) -> Response:
        here = await booth.visit(request)
        if here.found.state is not VoteState.NOT_OPEN:
            return redirect("/vote")
        if here.ballot is None:
            return redirect(here.identify)
        return await booth.show(here, "vote/ready.html")

    @routes.get("/vote/account")
    async def show_account(request: Request) -> Response:
        here = await booth.visit(request)
        if away := booth.on_the_way(here, early=True):
            return away
        if here.kind is not VoterIdentity.OIDC:
            return redirect(here.identify)
        return await booth.show(here, "vote/account.html")

    @routes.get("/vote/account/go")
    async def leave(request: Request) -> Response:
        here = await booth.visit(request)
        if away := booth.on_the_way(here, early=True):
            return away
        if here.kind is not VoterIdentity.OIDC:
            return redirect(here.identify)
        command = identity.RequestCode(here.found.contest_id, "", host_of(request), language_of(request))
        try:
            begun = cast(identity.GoThere, await voters.adapter(here.found.rulebook).begin(command))
        except VoteClosed as error:
            return await booth.refused(here, error)
        except DomainError as error:
            return await account_failed(here, error)
        response = RedirectResponse(begun.url, 303)
        key = here.flow.key or new_key()
        flow = replace(here.flow, email="", key=key, code_id="", detour=begun.detour, unconfirmed=())
        keep_flow(response, settings, here.keys, flow)
        return response

    async def account_failed(here: Visit, error: DomainError) -> Response:
        errors = {"": error.in_language(language_of(here.request))}
        response = await booth.show(here, "vote/account.html", error.status, errors=errors)
        return end_detour(response, settings, here.keys, here.flow)

    @routes.get(CALLBACK)
    async def come_back(request: Request) -> Response:
        here = await booth.visit(request)
        if here.kind is not VoterIdentity.OIDC or here.flow.detour is None:
            return redirect(here.identify)
        given = request.query_params
        answer = identity.CameBack(
            here.found.contest_id,
            here.flow.detour,
            given.get("code", "")[:2_000],
            given.get("state", "")[:200],
        )
        try:
            if given.get("error"):
                raise SignInFailed("sign-in was not completed")
            ballot = await voters.adapter(here.found.rulebook).finish(answer)
        except VoteClosed as error:
            return await booth.refused(here, error)
        except DomainError as error:
            return await account_failed(here, error)
        return end_detour(admitted(here, ballot), settings, here.keys, here.flow)

    return routes
