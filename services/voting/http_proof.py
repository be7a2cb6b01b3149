"""The proof API: signed heads, inclusion and consistency, and the auditor's openings."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import StreamingResponse
from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting import heads, openings, proofs
from services.voting.domain.errors import NoSuchHead, NotSignedYet
from services.voting.domain.heads import (
    BUNDLE_FORMAT,
    CONSISTENCY_FORMAT,
    HeadSigner,
    canonical,
    key_id_of,
)
from services.voting.proof_views import (
    ConsistencyView,
    GrantOpenings,
    HeadKey,
    HeadList,
    HeadSummary,
    HeadView,
    InclusionView,
    OpeningsGranted,
)
from services.voting.standing import receipt_status
from services.voting.tables import TreeHead
from shared import known
from shared.contracts.intake import Role
from shared.service import Resources
from shared.web.problems import PROBLEMS
from shared.web.sessions import Account, require

PREFIX = "/api/voting/v1"
FOR_EVER = "public, max-age=31536000, immutable"
FOR_THE_HOLDER = "private, max-age=31536000, immutable"
FOR_SECONDS = "public, max-age=2"
FOR_AN_HOUR = "public, max-age=3600"
_LARGEST = 2_147_483_647
ContestPath = Annotated[str, Path(max_length=100, description="slug of the contest")]
RevisionPath = Annotated[int, Path(ge=1, le=_LARGEST)]
Auditor = Annotated[Account, Depends(require(Role.AUDITOR))]
Approver = Annotated[Account, Depends(require(Role.APPROVER))]


def router(resources: Resources) -> APIRouter:
    """The routes under ``/api/voting/v1`` that prove."""
    routes = APIRouter(prefix=PREFIX, tags=["proof"], responses=PROBLEMS)
    settings, database, clock = resources.settings, resources.database, resources.clock
    signer = HeadSigner.of(settings.voting_secret.get_secret_value())

    def served(head: TreeHead, cached: str) -> Response:
        return Response(head.document, media_type="application/json", headers={"Cache-Control": cached})

    async def one(session: AsyncSession, contest_id: str, revision: int) -> TreeHead:
        head = await heads.by_revision(session, contest_id, revision)
        if head is None:
            raise NoSuchHead
        return head

    @routes.get("/contests/{contest_id}/heads")
    async def list_heads(
        contest_id: ContestPath,
        before: Annotated[int | None, Query(ge=1, le=_LARGEST, description="only revisions below it")] = None,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    ) -> HeadList:
        """Signed heads, newest first."""
        async with database.transaction() as session:
            await known.rulebook(session, contest_id)
            found = await heads.before(session, contest_id, before, limit)
        summaries = [
            HeadSummary(
                revision=head.revision,
                size=head.size,
                at_close=head.at_close,
                signed_at=heads.document_of(head)["signed_at"],
            )
            for head in found
        ]
        more = found[-1].revision if len(found) == limit and found[-1].revision > 1 else None
        return HeadList(contest_id=contest_id, heads=summaries, next_before=more)

    @routes.get("/contests/{contest_id}/heads/key")
    async def read_key(contest_id: ContestPath, response: Response) -> HeadKey:
        """The public key of the contest's heads."""
        async with database.transaction() as session:
            await known.rulebook(session, contest_id)
        public_key = signer.public_key(contest_id)
        response.headers["Cache-Control"] = FOR_AN_HOUR
        return HeadKey(contest_id=contest_id, key_id=key_id_of(public_key), public_key=public_key)

    @routes.get("/contests/{contest_id}/heads/latest", response_model=HeadView)
    async def read_latest_head(contest_id: ContestPath) -> Response:
        """The newest signed head. While votes come there is a new one every few seconds."""
        async with database.transaction() as session:
            head = await heads.latest(session, contest_id)
        if head is None:
            raise NoSuchHead
        return served(head, FOR_SECONDS)

    @routes.get("/contests/{contest_id}/heads/{revision}", response_model=HeadView)
    async def read_head(contest_id: ContestPath, revision: RevisionPath) -> Response:
        """One signed head; it never changes."""
        async with database.transaction() as session:
            return served(await one(session, contest_id, revision), FOR_EVER)

    @routes.get("/contests/{contest_id}/heads/{revision}/consistency", response_model=ConsistencyView)
    async def read_consistency(
        contest_id: ContestPath,
        revision: RevisionPath,
        since: Annotated[int, Query(ge=1, le=_LARGEST, description="revision of the earlier head")],
    ) -> Response:
        """Proof that this head only added to an earlier one."""
        async with database.transaction() as session:
            found = await proofs.prove_consistency(session, contest_id, since, revision)
        document = {
            "format": CONSISTENCY_FORMAT,
            "contest_id": contest_id,
            "earlier": found.earlier,
            "later": found.later,
            "partitions": [{"partition": p, "proof": proof} for p, proof in found.proofs.items()],
            "public_key": signer.public_key(contest_id),
        }
        return Response(
            canonical(document), media_type="application/json", headers={"Cache-Control": FOR_EVER}
        )

    @routes.get("/votes/{receipt}/proof", response_model=InclusionView)
    async def read_proof(
        receipt: Annotated[str, Path(max_length=40)],
        head: Annotated[
            int | None, Query(ge=1, le=_LARGEST, description="revision; without it the newest head")
        ] = None,
    ) -> Response:
        """Proof that the receipt's record lies under a signed head, whatever became of the vote."""
        async with database.transaction() as session:
            status = await receipt_status(session, receipt)
            if status.tracked is None:
                raise NotSignedYet
            place = status.tracked
            found = await proofs.prove_inclusion(
                session, place.contest_id, status.receipt, place.partition, place.offset, head
            )
        document = {
            "format": BUNDLE_FORMAT,
            "contest_id": found.contest_id,
            "receipt": found.receipt,
            "commitment": found.commitment,
            "partition": found.partition,
            "index": found.index,
            "proof": found.proof,
            "head": found.head,
            "public_key": signer.public_key(found.contest_id),
        }
        headers = {"Cache-Control": "no-store" if head is None else FOR_THE_HOLDER}
        return Response(canonical(document), media_type="application/json", headers=headers)

    @routes.post("/contests/{contest_id}/openings-grants", status_code=201)
    async def grant_openings(
        contest_id: ContestPath, wanted: GrantOpenings, account: Approver
    ) -> OpeningsGranted:
        """Let one auditor have the salts of the commitments: with them every choice can be seen."""
        async with database.transaction() as session:
            await known.rulebook(session, contest_id)
            grant = await openings.grant(
                session, clock, contest_id, wanted.contact_id, granted_by=account.contact_id
            )
        return OpeningsGranted.model_validate(grant, from_attributes=True)

    @routes.get(
        "/contests/{contest_id}/openings",
        response_class=StreamingResponse,
        responses={200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}},
    )
    async def read_openings(contest_id: ContestPath, account: Auditor) -> StreamingResponse:
        """The salts, a line for each record, for an auditor whom an approver let have them; once the vote
        is closed. That they were taken is kept."""
        async with database.transaction() as session:
            await known.rulebook(session, contest_id)
            await openings.take(session, clock, contest_id, account.contact_id)
        lines = openings.lines(settings, signer.salt_key(contest_id), contest_id)
        return StreamingResponse(lines, media_type="application/x-ndjson")

    return routes
