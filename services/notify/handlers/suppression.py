"""Addresses to which nothing is sent: put on the list by a bounce or by staff, lifted by staff."""

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.sending_tables import Suppression
from shared.clock import Clock
from shared.errors import Conflict, Invalid

REASONS = {
    "bounced": ("ตีกลับ", "bounced"),
    "refused": ("เซิร์ฟเวอร์ปลายทางไม่รับ", "refused by the server"),
    "staff": ("เจ้าหน้าที่งดส่ง", "by staff"),
}


async def suppress(
    session: AsyncSession, clock: Clock, contest_id: str, address: str, detail: str, by: str
) -> None:
    """Staff: send nothing there, for instance because the office asked.

    Raises:
        Invalid: no address, or no reason.
    """
    address = address.strip()
    if "@" not in address or len(address) > 254 or any(letter.isspace() for letter in address):
        raise Invalid("กรอกที่อยู่อีเมลให้ถูกต้อง", "Give an e-mail address.", field="address")
    if not detail.strip():
        raise Invalid("โปรดระบุเหตุผล", "Say why.", field="detail")
    await repository.sending.suppress(
        session,
        contest_id=contest_id,
        address=address,
        reason="staff",
        status="",
        detail=f"{detail.strip()} ({by})",
        notice_id="",
        now=await clock.now(session, contest_id),
    )


async def lift(session: AsyncSession, clock: Clock, contest_id: str, address: str, by: str) -> Suppression:
    """Send there again from here on; what failed meanwhile stays failed until somebody sends it again.

    Raises:
        NotFound: it is not on the list.
        Conflict: it was lifted already.
    """
    row = await repository.sending.suppression(session, contest_id, address)
    if row.lifted_at is not None:
        raise Conflict("ยกเลิกการงดส่งแล้ว", "It was lifted already.")
    row.lifted_at = await clock.now(session, contest_id)
    row.lifted_by = by
    return row
