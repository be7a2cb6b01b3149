"""The audit room: everything that a doubter needs to count the vote again."""

from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request, Response

from services.voting import heads, repository
from services.voting.domain.heads import HeadSigner
from services.voting.identity.destruction import read_report
from services.voting.identity.reconciliation import Reconciler
from services.voting.identity.tables import IdentityDestruction
from services.voting.standing import may_see_totals, standing
from services.voting.verifier import verify_receipt
from shared import known
from shared.contracts.catalogue import TOPICS
from shared.contracts.voting import VoteCast
from shared.errors import NotFound
from shared.service import Resources
from shared.web.pages import Pages
from shared.web.sessions import account_or_none

NEWEST_HEADS = 5


def router(resources: Resources) -> APIRouter:
    """``/audit``."""
    routes = APIRouter(include_in_schema=False)
    pages = Pages("services.voting")
    reconciler = Reconciler()
    signer = HeadSigner.of(resources.settings.voting_secret.get_secret_value())

    @routes.get("/audit")
    async def show_audit(request: Request) -> Response:
        account = await account_or_none(request)
        async with resources.database.transaction() as session:
            contest_id = request.query_params.get("contest") or await known.current_contest(session)
            if contest_id is None:
                raise NotFound("ยังไม่มีการประกวดให้ตรวจสอบ", "There is no contest to audit yet.")
            found = await standing(session, resources.clock, contest_id, sees_totals=may_see_totals(account))
            seals = await repository.seals(session, contest_id)
            issued = await repository.ballots_issued(session, contest_id)
            reconciled = await reconciler.look(session, contest_id) if found.totals is not None else None
            destroyed = await session.get(IdentityDestruction, contest_id)
            newest = await heads.before(session, contest_id, None, NEWEST_HEADS)
        context = {
            "vote": found,
            "rulebook": found.rulebook,
            "now": found.now,
            "seals": seals,
            "issued": issued,
            "reconciled": reconciled,
            "destroyed": read_report(destroyed) if destroyed else None,
            "partitions": TOPICS[VoteCast.TOPIC].partitions,
            "heads": newest,
            "head_key": signer.public_key(contest_id),
        }
        return await pages.render(request, "audit.html", context)

    @routes.get("/audit/verify_receipt.py")
    async def download_verifier() -> Response:
        """The stand-alone verifier, to keep."""
        headers = {
            "Content-Disposition": 'attachment; filename="verify_receipt.py"',
            "Cache-Control": "public, max-age=3600",
        }
        return Response(_verifier(), media_type="text/x-python; charset=utf-8", headers=headers)

    return routes


@cache
def _verifier() -> bytes:
    return Path(verify_receipt.__file__).read_bytes()
