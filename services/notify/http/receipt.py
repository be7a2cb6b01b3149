"""What receiving offices say, over JSON."""

from fastapi import APIRouter
from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.handlers import acknowledge
from services.notify.http.common import PREFIX, Anyone, IdPath, of_staff
from services.notify.http.views import Acknowledgement, DispatchView, PassingOn, dispatch_view
from services.notify.tables import Dispatch
from shared.errors import Forbidden, NotFound, Unauthenticated
from shared.service import Resources
from shared.web.problems import PROBLEMS
from shared.web.sessions import Account


def router(resources: Resources) -> APIRouter:
    """Acknowledging and passing on: by the token of the one-time link, or by staff for an office."""
    api = APIRouter(prefix=PREFIX, responses=PROBLEMS, tags=["letters"])
    database, clock = resources.database, resources.clock

    @api.post("/letters/{letter_id}/acknowledgements")
    async def acknowledge_letter(letter_id: IdPath, body: Acknowledgement, account: Anyone) -> DispatchView:
        """ลงรับ: give the receive number. With a token no account is needed; staff name the addressee."""
        async with database.transaction() as session:
            dispatch = await _addressee(session, letter_id, body.dispatch_id, body.token, account)
            by = "link" if body.token or account is None else account.contact_id
            return dispatch_view(
                await acknowledge.acknowledge(session, clock, dispatch, body.receive_number, by=by)
            )

    @api.post("/letters/{letter_id}/passing-on")
    async def pass_on(letter_id: IdPath, body: PassingOn, account: Anyone) -> DispatchView:
        """Write down an office's own cover letter, numbered and signed in its own system."""
        async with database.transaction() as session:
            dispatch = await _addressee(session, letter_id, body.dispatch_id, body.token, account)
            command = acknowledge.PassedOn(body.number, body.issued_on, body.signer_post, body.recipients)
            return dispatch_view(await acknowledge.pass_on(session, clock, dispatch, command))

    return api


async def _addressee(
    session: AsyncSession, letter_id: str, dispatch_id: str, token: str, account: Account | None
) -> Dispatch:
    if token:
        found = await repository.letters.dispatch_by_token(session, token, lock=True)
    elif account is None:
        raise Unauthenticated("ใช้ลิงก์จากอีเมล หรือเข้าสู่ระบบ", "Use the link of the mail, or sign in.")
    elif not of_staff(account):
        raise Forbidden("เฉพาะเจ้าหน้าที่บันทึกแทนหน่วยงานได้", "Only staff write this down for an office.")
    else:
        found = await repository.letters.dispatch(session, dispatch_id, lock=True)
    if found.letter_id != letter_id:
        raise NotFound(
            "ผู้รับรายนี้ไม่ใช่ของหนังสือฉบับนี้",
            "That addressee is of another letter.",
            field="dispatch_id",
        )
    return found
