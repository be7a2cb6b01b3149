"""What every step of the citizen's way begins with: the contest, its keys, and what the browser carries."""

from fastapi import Request, Response

from services.voting.domain.ballots import Ballot
from services.voting.domain.disclosure import VoteState
from services.voting.domain.errors import (
    BallotRefused,
    MayBeRecorded,
    TooBusy,
    TooManyWaiting,
    VoteClosed,
    VoteNotOpen,
)
from services.voting.domain.keys import ContestKeys
from services.voting.door import Door
from services.voting.pages.flow import BALLOT_COOKIE, keep_flow, keep_order, read_flow
from services.voting.standing import BallotEntry, Standing, standing
from shared import known
from shared.contracts.rulebook import VoterIdentity
from shared.errors import DomainError, NotFound
from shared.service import Resources
from shared.web.pages import Pages, redirect

STEPS = 3
IDENTIFY = {
    VoterIdentity.EMAIL: "/vote/email",
    VoterIdentity.PHONE: "/vote/phone",
    VoterIdentity.OIDC: "/vote/account",
}
"""Where a voter proves who they are."""


class Visit:
    """One request on the citizen's way."""

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

    @property
    def kind(self) -> VoterIdentity:
        """How the rulebook identifies voters."""
        return self.found.rulebook.voting.identity.value

    @property
    def identify(self) -> str:
        """Where this contest's voters prove who they are."""
        return IDENTIFY[self.kind]


class Booth:
    """Opens visits and answers them with pages."""

    def __init__(self, resources: Resources, door: Door) -> None:
        self.pages = Pages("services.voting")
        self._resources = resources
        self._door = door

    async def visit(self, request: Request) -> Visit:
        """What this request is about.

        Raises:
            NotFound: there is no contest to vote in.
        """
        async with self._resources.database.transaction() as session:
            contest_id = request.query_params.get("contest") or await known.current_contest(session)
            if contest_id is None:
                raise NotFound(
                    "ยังไม่มีการประกวดที่เปิดให้โหวต โปรดกลับมาใหม่ภายหลัง",
                    "There is no contest to vote in yet. Please come back later.",
                )
            found = await standing(session, self._resources.clock, contest_id)
            keys = await self._door.window.keys_for(session, contest_id)
        try:
            ballot = self._door.read(request.cookies.get(BALLOT_COOKIE, ""))
        except BallotRefused:
            ballot = None
        return Visit(request, found, keys, ballot if ballot and ballot.contest_id == contest_id else None)

    async def show(self, here: Visit, template: str, status_code: int = 200, **context: object) -> Response:
        """The page, with what all pages of the way use."""
        values = {
            "vote": here.found,
            "rulebook": here.found.rulebook,
            "now": here.found.now,
            "flow": here.flow,
            "chosen": here.chosen,
            "steps": STEPS,
            "kind": here.kind.value,
            "identify": here.identify,
            "holds_ballot": here.ballot is not None,
            **context,
        }
        response = await self.pages.render(here.request, template, values, status_code=status_code)
        keep_order(here.request, response, self._resources.settings)
        return response

    async def refused(self, here: Visit, error: DomainError) -> Response:
        """The page of its own that each refusal has."""
        if isinstance(error, VoteClosed):
            return await self.show(here, "vote/closed.html", error.status, error=error)
        if isinstance(error, VoteNotOpen):
            return await self.show(here, "vote/not_open.html", error.status)
        if isinstance(error, TooBusy | MayBeRecorded | TooManyWaiting):
            template = "vote/codes_busy.html" if isinstance(error, TooManyWaiting) else "vote/busy.html"
            if isinstance(error, MayBeRecorded):
                here.flow = here.flow.unsure_of(error.receipt)
            response = await self.show(here, template, error.status, error=error)
            if isinstance(error, MayBeRecorded):
                keep_flow(response, self._resources.settings, here.keys, here.flow)
            response.headers["Retry-After"] = str(error.retry_after)
            return response
        raise error

    def on_the_way(self, here: Visit, *, early: bool = False) -> Response | None:
        """Back to the ballot where the vote is not open or nothing is chosen.

        ``early``: this step may be taken before the vote opens, and then without a choice.
        """
        if early and here.found.state is VoteState.NOT_OPEN:
            return None
        if here.found.state is not VoteState.OPEN or here.chosen is None:
            return redirect("/vote")
        return None
