"""The receipt: what became of a vote, shown to whoever has the code, without the choice."""

import io
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import segno
from fastapi import APIRouter, Path, Query, Request, Response
from markupsafe import Markup

from services.voting.domain.disclosure import VoteState
from services.voting.domain.errors import NotInTree, NotSignedYet, UnknownReceipt
from services.voting.domain.heads import HeadSigner
from services.voting.domain.outcomes import Outcome
from services.voting.domain.receipts import read_receipt
from services.voting.pages.flow import RECEIPT_COOKIE
from services.voting.proofs import Inclusion, prove_inclusion
from services.voting.standing import ReceiptStatus, Standing, receipt_status, standing
from shared import known
from shared.service import Resources
from shared.web.pages import Pages, language_of, redirect
from shared.web.sse import live

ReceiptPath = Annotated[str, Path(max_length=40)]
QR_SCALE = 5


def router(resources: Resources) -> APIRouter:
    """``/vote/receipt`` and below."""
    routes = APIRouter(include_in_schema=False)
    pages = Pages("services.voting")
    signer = HeadSigner.of(resources.settings.voting_secret.get_secret_value())
    public_url = resources.settings.public_url.rstrip("/")

    async def look_up(typed: str) -> ReceiptStatus:
        async with resources.database.transaction() as session:
            return await receipt_status(session, typed)

    async def vote_of(status: ReceiptStatus) -> Standing | None:
        async with resources.database.transaction() as session:
            contest_id = status.tracked.contest_id if status.tracked else await known.current_contest(session)
            return await standing(session, resources.clock, contest_id) if contest_id else None

    async def proof_of(status: ReceiptStatus) -> tuple[Inclusion | None, bool]:
        """The proof under the newest head, None before there is one; and whether the tree contradicts."""
        if status.tracked is None:
            return None, False
        place = status.tracked
        async with resources.database.transaction() as session:
            try:
                found = await prove_inclusion(
                    session, place.contest_id, status.receipt, place.partition, place.offset
                )
            except NotSignedYet:
                return None, False
            except NotInTree:
                return None, True
        return found, False

    @routes.get("/vote/receipt")
    async def find(request: Request, receipt: Annotated[str, Query(max_length=60)] = "") -> Response:
        """The form to look up a receipt, and its answer."""
        if not receipt.strip():
            return await pages.render(request, "vote/find_receipt.html", {"typed": ""})
        code = read_receipt(receipt)
        if code is not None:
            return redirect(f"/vote/receipt/{code}")
        error = UnknownReceipt()
        context = {"typed": receipt, "errors": {"receipt": error.in_language(language_of(request))}}
        return await pages.render(request, "vote/find_receipt.html", context, status_code=404)

    @routes.get("/vote/receipt/{receipt}")
    async def show(request: Request, receipt: ReceiptPath) -> Response:
        """The way of one vote."""
        try:
            status = await look_up(receipt)
        except UnknownReceipt as error:
            missing = {"typed": receipt, "errors": {"receipt": error.in_language(language_of(request))}}
            return await pages.render(request, "vote/find_receipt.html", missing, status_code=404)
        vote = await vote_of(status)
        proof, contradicted = await proof_of(status)
        context: dict[str, Any] = {
            "proof": proof,
            "contradicted": contradicted,
            "signed_at": datetime.fromisoformat(proof.head["signed_at"]) if proof else None,
            "head_key": signer.public_key(proof.contest_id) if proof else "",
            "status": status,
            "qr": _qr_svg(f"{public_url}/vote/receipt/{status.receipt}"),
            "just_cast": request.cookies.get(RECEIPT_COOKIE) == status.receipt,
            "result_is_out": vote is not None and vote.state is VoteState.CERTIFIED,
        }
        if vote is not None:
            context |= {"rulebook": vote.rulebook, "now": vote.now}
        return await pages.render(request, "vote/receipt.html", context)

    @routes.get("/vote/receipt/{receipt}/events")
    async def follow(
        request: Request, receipt: ReceiptPath, until: Annotated[str, Query(max_length=10)] = ""
    ) -> Response:
        """Tells the page to reload once the tally has met the vote, or (``until=signed``) once a signed
        head covers it."""

        async def read() -> Mapping[str, Any]:
            try:
                status = await look_up(receipt)
                if until == "signed":
                    return {"reload": (await proof_of(status))[0] is not None}
            except UnknownReceipt:
                return {"reload": True}
            return {"reload": status.outcome is not Outcome.PENDING}

        return live(request, read, every=0.4, minutes=5)

    @routes.get("/vote/receipt/{receipt}/qr.png")
    async def picture(receipt: ReceiptPath) -> Response:
        """The QR code as a picture to keep."""
        code = read_receipt(receipt)
        if code is None:
            raise UnknownReceipt
        image = io.BytesIO()
        segno.make(f"{public_url}/vote/receipt/{code}", error="m").save(image, kind="png", scale=10)
        headers = {"Content-Disposition": f'attachment; filename="receipt-{code}.png"'}
        return Response(image.getvalue(), media_type="image/png", headers=headers)

    return routes


def _qr_svg(url: str) -> Markup:
    # segno writes path data and numbers only; the address is encoded in the modules
    return Markup(  # noqa: S704
        segno.make(url, error="m").svg_inline(scale=QR_SCALE, border=3, dark="#17203a", light="#fff")
    )
