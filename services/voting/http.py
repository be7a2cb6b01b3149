"""Voting's JSON API; it translates and calls, and decides nothing."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from services.voting import handlers, identity, repository
from services.voting.certification import Certifier
from services.voting.domain.codes import LIFETIME
from services.voting.domain.errors import OtherIdentity, UnknownCode
from services.voting.domain.heads import HeadSigner
from services.voting.domain.order import shuffled
from services.voting.door import Door
from services.voting.durability import log_durability
from services.voting.fast import MAX_BODY, origin_of, read_vote
from services.voting.open_data import csv_of, open_data
from services.voting.standing import Standing, may_see_totals, receipt_status, standing
from services.voting.views import (
    MAY_BE_RECORDED,
    AuditView,
    BallotEntryView,
    BallotIssued,
    BallotRequest,
    BallotView,
    CertificationView,
    CodePlace,
    CodeQueued,
    CodeRequest,
    EntryTally,
    OpenData,
    Opening,
    Puzzle,
    ReceiptView,
    RehearsalBallots,
    RehearsalBallotsIssued,
    SealView,
    TallyView,
    TotalsView,
    Vote,
    VoteAccepted,
    Voter,
    VoteView,
)
from shared import known
from shared.contracts.event import LocalizedText
from shared.contracts.intake import Role
from shared.contracts.rulebook import VoterIdentity
from shared.errors import Unavailable
from shared.messaging.broker import BrokerUnavailable
from shared.service import Resources
from shared.web.pages import language_of
from shared.web.problems import PROBLEMS
from shared.web.sessions import Account, account_or_none, require

PREFIX = "/api/voting/v1"
ContestPath = Annotated[str, Path(max_length=100, description="slug of the contest")]
CodePath = Annotated[str, Path(max_length=40, pattern="^[0-9a-f-]+$", description="from POST /ballot-codes")]
Staff = Annotated[Account, Depends(require(Role.STAFF))]
Signatory = Annotated[Account, Depends(require(Role.STAFF, Role.APPROVER))]
Admin = Annotated[Account, Depends(require(Role.ADMIN))]
Anyone = Annotated[Account | None, Depends(account_or_none)]


def ballot_view(found: Standing, seed: str) -> BallotView:
    """The ballot in the order of ``seed``."""
    entries = shuffled(found.entries, seed, lambda entry: entry.entry_id) if seed else found.entries
    return BallotView(
        contest_id=found.contest_id,
        state=found.state,
        scope=found.rulebook.voting.scope.value,
        opens_at=found.opens_at,
        closes_at=found.closes_at,
        entries=tuple(BallotEntryView.model_validate(entry, from_attributes=True) for entry in entries),
    )


def tally_view(found: Standing) -> TallyView:
    """The tally as this reader may see it."""
    shown = found.totals is not None
    reason = None if shown else LocalizedText(th=found.disclosure.th, en=found.disclosure.en)
    certification = found.certification
    return TallyView(
        contest_id=found.contest_id,
        state=found.state,
        visible=shown,
        reason=reason,
        totals=TotalsView.model_validate(found.totals, from_attributes=True) if shown else None,
        entries=tuple(
            EntryTally(entry_id=entry.entry_id, counted=entry.counted or 0)
            for entry in (found.ranked if shown else ())
        ),
        winner_entry_id=found.winner,
        winner_withdrawn=found.winner_withdrawn,
        certified_at=certification.certified_at if certification else None,
        weak_durability_accepted_by=found.weak_durability_accepted_by,
    )


def router(resources: Resources, door: Door, voters: identity.Identity) -> APIRouter:
    """The routes under ``/api/voting/v1``."""
    routes = APIRouter(prefix=PREFIX, tags=["voting"], responses=PROBLEMS)
    database, clock, window = resources.database, resources.clock, door.window
    signer = HeadSigner.of(resources.settings.voting_secret.get_secret_value())
    certifier = Certifier(resources.settings, database, clock)

    async def seen(contest_id: str, account: Account | None) -> Standing:
        async with database.transaction() as session:
            return await standing(session, clock, contest_id, sees_totals=may_see_totals(account))

    @routes.get("/contests/{contest_id}/ballot")
    async def read_ballot(
        contest_id: ContestPath,
        seed: Annotated[str, Query(max_length=64, description="shuffles the entries, stably")] = "",
    ) -> BallotView:
        """The finalists. Their order says nothing about votes."""
        return ballot_view(await seen(contest_id, None), seed)

    @routes.post("/contests/{contest_id}/opening")
    async def open_vote(contest_id: ContestPath, account: Staff, opening: Opening | None = None) -> VoteView:
        """Open the vote before or at the calendar's instant. Opening an open vote changes nothing."""
        try:
            log = await log_durability(resources.settings)
        except BrokerUnavailable as error:
            raise Unavailable("ติดต่อตัวกลางข้อความไม่ได้", str(error)) from error
        accepted_by = opening.weak_durability_accepted_by if opening else ""
        async with database.transaction() as session:
            command = handlers.OpenVoting(contest_id, log, signer.public_key(contest_id), accepted_by)
            opened = await handlers.open_voting(session, clock, command)
        await window.refresh()
        return VoteView.model_validate(opened, from_attributes=True)

    @routes.post("/contests/{contest_id}/closing", status_code=202)
    async def close_vote(contest_id: ContestPath, account: Staff) -> VoteView:
        """Ask for the vote to be sealed now, before the calendar's instant; the worker does it."""
        async with database.transaction() as session:
            closing = await handlers.request_closing(session, clock, contest_id)
        return VoteView.model_validate(closing, from_attributes=True)

    @routes.post("/contests/{contest_id}/certification")
    async def certify(
        contest_id: ContestPath,
        account: Signatory,
        unreadable: Annotated[
            int, Query(ge=0, description="Records of the log that nobody can read, accepted as no votes.")
        ] = 0,
    ) -> CertificationView:
        """Recount and sign. The first call proposes; the second, by another person who is an approver,
        certifies and publishes."""
        found = await certifier.certify(contest_id, account, unreadable=unreadable)
        return CertificationView.model_validate(found, from_attributes=True)

    @routes.get("/contests/{contest_id}/tally")
    async def read_tally(contest_id: ContestPath, account: Anyone) -> TallyView:
        """Totals, as far as the rulebook lets you see them now."""
        return tally_view(await seen(contest_id, account))

    @routes.get("/contests/{contest_id}/audit")
    async def read_audit(contest_id: ContestPath, account: Anyone) -> AuditView:
        """The seals and the totals, from which a recount starts."""
        found = await seen(contest_id, account)
        async with database.transaction() as session:
            seals = await repository.seals(session, contest_id)
            issued = await repository.ballots_issued(session, contest_id)
        return AuditView(
            contest_id=contest_id,
            state=found.state,
            rulebook_number=found.rulebook.number,
            rulebook_sha256=found.rulebook.sha256(),
            seals=tuple(SealView(partition=p, offset=o) for p, o in sorted(seals.items())),
            ballots_issued=issued if found.totals is not None else None,
            tally=tally_view(found),
        )

    @routes.get(
        "/contests/{contest_id}/open-data",
        response_model=OpenData,
        responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
    )
    async def read_open_data(
        contest_id: ContestPath,
        format: Annotated[str, Query(pattern="^(json|csv)$")] = "json",  # noqa: A002
        table: Annotated[
            str, Query(pattern="^(ballots|totals|decisions|heads)$", description="of a CSV")
        ] = "ballots",
    ) -> OpenData | Response:
        """Totals, ballots by entry and hour, decisions and signed heads, once the result is certified."""
        found = await seen(contest_id, None)
        async with database.transaction() as session:
            data = await open_data(session, found, signer)
            return await csv_of(session, data, table) if format == "csv" else data

    @routes.post("/contests/{contest_id}/rehearsal-ballots", status_code=201)
    async def issue_rehearsal_ballots(
        contest_id: ContestPath, wanted: RehearsalBallots, account: Admin
    ) -> RehearsalBallotsIssued:
        """Ballots of voters that do not exist; in a rehearsal only."""
        async with database.transaction() as session:
            ballots = await identity.rehearsal_ballots(session, clock, window, contest_id, wanted.count)
        return RehearsalBallotsIssued(contest_id=contest_id, ballots=tuple(ballots))

    @routes.get("/contests/{contest_id}/puzzle")
    async def read_puzzle(contest_id: ContestPath, request: Request) -> Puzzle:
        """A puzzle to solve before asking for a code; the busier your network, the harder it is."""
        async with database.transaction() as session:
            rulebook = await known.rulebook(session, contest_id)
            keys = await window.keys_for(session, contest_id)
            puzzle = await voters.desk.friction.puzzle(session, keys, rulebook, host_of(request))
        return Puzzle.model_validate(puzzle)

    @routes.post("/ballot-codes", status_code=202)
    async def send_code(wanted: CodeRequest, request: Request) -> CodeQueued:
        """Put a six-digit code for a voter into the queue. Asking again while one waits makes no second."""
        async with database.transaction() as session:
            rulebook = await known.rulebook(session, wanted.contest_id)
        _check_kind(rulebook.voting.identity.value, wanted)
        command = identity.RequestCode(
            wanted.contest_id, wanted.typed, host_of(request), language_of(request), wanted.proof
        )
        begun = await voters.adapter(rulebook).begin(command)
        if not isinstance(begun, identity.Queued):
            raise OtherIdentity
        async with database.transaction() as session:
            status = await voters.desk.waiting_room.status(session, begun.contest_id, begun.code_id)
        return CodeQueued(
            contest_id=begun.contest_id,
            code_id=begun.code_id,
            valid_seconds=int(LIFETIME.total_seconds()),
            sent=status.sent if status else False,
            ahead=status.place.ahead if status else 0,
            seconds=status.place.seconds if status else 0,
        )

    @routes.get("/contests/{contest_id}/ballot-codes/{code_id}")
    async def read_place(contest_id: ContestPath, code_id: CodePath) -> CodePlace:
        """Whether a code is sent, and how long it will take."""
        async with database.transaction() as session:
            status = await voters.desk.waiting_room.status(session, contest_id, code_id)
        if status is None:
            raise UnknownCode
        return CodePlace(
            sent=status.sent,
            refused=status.refused,
            unsent=status.unsent,
            ahead=status.place.ahead,
            seconds=status.place.seconds,
            refresh_seconds=status.place.refresh,
        )

    @routes.post("/ballots", status_code=201)
    async def issue_ballot(wanted: BallotRequest) -> BallotIssued:
        """Exchange the code for a ballot. Before the vote opens the ballot waits for it."""
        async with database.transaction() as session:
            rulebook = await known.rulebook(session, wanted.contest_id)
        _check_kind(rulebook.voting.identity.value, wanted)
        command = identity.RedeemCode(wanted.contest_id, wanted.typed, wanted.code)
        ballot = await voters.adapter(rulebook).finish(command)
        return BallotIssued(contest_id=wanted.contest_id, ballot=ballot)

    @routes.post(
        "/votes",
        status_code=202,
        response_model=VoteAccepted,
        responses={503: MAY_BE_RECORDED},
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": Vote.model_json_schema()}},
            }
        },
    )
    async def cast_vote(request: Request) -> VoteAccepted:
        """Cast a vote. 202 means that every in-sync replica of the log has it. After a 503 of type
        ``/problems/may-be-recorded`` it may have been recorded, and the problem names the receipt that
        finds it then. The same key again is safe and gives the same receipt; a refusal says of its own
        attempt alone that it was not taken."""
        body = await request.body()
        vote = read_vote(body if len(body) <= MAX_BODY else None)
        return VoteAccepted(receipt=await door.cast(vote, origin_of(request.scope)))

    @routes.get("/votes/{receipt}")
    async def read_receipt(receipt: Annotated[str, Path(max_length=40)]) -> ReceiptView:
        """What became of a vote; never for whom it was."""
        async with database.transaction() as session:
            found = await receipt_status(session, receipt)
        place = found.tracked
        return ReceiptView(
            receipt=found.receipt,
            status=found.outcome,
            contest_id=place.contest_id if place else None,
            partition=place.partition if place else None,
            offset=place.offset if place else None,
            cast_at=place.cast_at if place else None,
            counted_at=place.folded_at if place else None,
        )

    return routes


def host_of(request: Request) -> str:
    """The requester's address, for the friction."""
    return request.client.host if request.client else ""


def _check_kind(kind: VoterIdentity, voter: Voter) -> None:
    """Pass if the address is of the kind that the rulebook wants."""
    wanted = {VoterIdentity.EMAIL: voter.email, VoterIdentity.PHONE: voter.phone}
    if not wanted.get(kind):
        raise OtherIdentity
