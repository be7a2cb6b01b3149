"""The name on a certificate: asked of the winner, confirmed or corrected; and what follows a mistake."""

import asyncio
import hashlib
import secrets

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.certificate_tables import Certificate
from services.notify.domain.certificates import CertificateAct, clean_name
from services.notify.handlers.certificates import new_certificate
from services.notify.handlers.tell import Happening, tell
from services.notify.letters.render import refuse_missing_glyphs
from shared.clock import Clock
from shared.contracts.ids import new_id
from shared.db import Database
from shared.errors import Conflict, Invalid
from shared.settings import Settings

CONFIRM_PATH = "/verify/name"
SYSTEM = "system"
LINK = "link"
"""Who confirmed by the one-time link: whoever reads the entrant's mail."""


async def ask_names(database: Database, clock: Clock, settings: Settings) -> int:
    """Send a one-time link to every winner who was not asked yet. The database keeps only the link's hash.

    Returns:
        How many were asked.
    """
    async with database.transaction() as session:
        waiting = await repository.certificates.unasked(session)
        for certificate in waiting:
            token = secrets.token_urlsafe(24)
            certificate.token_sha256 = hashlib.sha256(token.encode()).hexdigest()
            now = await clock.now(session, certificate.contest_id)
            await repository.certificates.add_step(session, certificate, CertificateAct.ASK, SYSTEM, now)
            await tell(
                session,
                clock,
                Happening(
                    contest_id=certificate.contest_id,
                    event="CertificateNameAsked",
                    event_id=new_id(),
                    entry_id=certificate.entry_id,
                    facts={
                        "certificate.name": certificate.recipient,
                        "certificate.award": certificate.award,
                        "certificate.confirm": f"{settings.public_url}{CONFIRM_PATH}/{token}",
                    },
                ),
            )
    return len(waiting)


async def confirm_name(session: AsyncSession, clock: Clock, token: str, typed: str) -> Certificate:
    """The winner confirms the name, or corrects it; a correction waits for staff.

    Raises:
        NotFound: the link is not valid.
        Conflict: the name is settled, or the certificate is revoked.
        Invalid: the name cannot be printed.
    """
    certificate = await repository.certificates.certificate_by_token(session, token, lock=True)
    _still_open(certificate)
    name = await _printable(typed)
    now = await clock.now(session, certificate.contest_id)
    if name == certificate.recipient:
        certificate.proposed = ""
        certificate.confirmed_at = now
        await repository.certificates.add_step(session, certificate, CertificateAct.CONFIRM, LINK, now, name)
    else:
        certificate.proposed = name
        await repository.certificates.add_step(session, certificate, CertificateAct.PROPOSE, LINK, now, name)
    return certificate


async def settle_name(
    session: AsyncSession, clock: Clock, serial: str, contest_id: str, by: str, *, typed: str, reason: str
) -> Certificate:
    """Staff accept the winner's correction, or write down what they were told by telephone.

    Raises:
        NotFound: no such certificate.
        Conflict: the name is settled, or the certificate is revoked.
        Invalid: the name cannot be printed, or it is not said why.
    """
    certificate = await repository.certificates.certificate_by_serial(session, serial, contest_id, lock=True)
    _still_open(certificate)
    name = await _printable(typed)
    if name != certificate.proposed and not reason.strip():
        raise Invalid(
            "โปรดระบุว่าใครแจ้งชื่อนี้ เช่น ผู้ประสานงานแจ้งทางโทรศัพท์",
            "Say who gave this name, e.g. the contact by telephone.",
            field="reason",
        )
    now = await clock.now(session, contest_id)
    note = f"{name} ({reason.strip()})" if reason.strip() else name
    await repository.certificates.add_step(session, certificate, CertificateAct.SETTLE, by, now, note)
    certificate.recipient, certificate.proposed, certificate.confirmed_at = name, "", now
    return certificate


async def revoke_certificate(
    session: AsyncSession, clock: Clock, serial: str, contest_id: str, by: str, reason: str
) -> Certificate:
    """Revoke it: anyone who verifies its code is told so. Its serial is never used again.

    Raises:
        NotFound: no such certificate.
        Conflict: it is revoked already.
        Invalid: no reason is given.
    """
    if not reason.strip():
        raise Invalid("โปรดระบุเหตุผลที่เพิกถอน", "Say why it is revoked.", field="reason")
    certificate = await repository.certificates.certificate_by_serial(session, serial, contest_id, lock=True)
    if certificate.revoked_at is not None:
        raise Conflict("ใบประกาศนียบัตรนี้ถูกเพิกถอนแล้ว", "This certificate is revoked already.")
    certificate.revoked_at = await clock.now(session, contest_id)
    certificate.revoked_reason = reason.strip()
    await repository.certificates.add_step(
        session, certificate, CertificateAct.REVOKE, by, certificate.revoked_at, reason.strip()
    )
    return certificate


async def reissue_certificate(
    session: AsyncSession, clock: Clock, serial: str, contest_id: str, by: str, typed: str
) -> Certificate:
    """A certificate in place of a revoked one, with a new serial and code, and the name as given.

    Raises:
        NotFound: no such certificate.
        Conflict: it is not revoked, or there is another in its place already.
        Invalid: the name cannot be printed.
    """
    revoked = await repository.certificates.certificate_by_serial(session, serial, contest_id, lock=True)
    standing = await repository.certificates.standing(session, contest_id)
    if revoked.revoked_at is None or any(
        (one.award_id, one.entry_id) == (revoked.award_id, revoked.entry_id) for one in standing
    ):
        raise Conflict(
            "ออกแทนได้เฉพาะฉบับที่เพิกถอนแล้ว และยังไม่มีฉบับแทน",
            "Only a revoked certificate without another in its place can be issued anew.",
        )
    name = await _printable(typed)
    now = await clock.now(session, contest_id)
    certificate = await new_certificate(
        session,
        contest_id=contest_id,
        template=revoked.template,
        award_id=revoked.award_id,
        entry_id=revoked.entry_id,
        recipient=name,
        award=revoked.award,
        title=revoked.title,
        issued_at=revoked.issued_at,
        confirmed_at=now,
    )
    session.add(certificate)
    await session.flush()
    await repository.certificates.add_step(session, certificate, CertificateAct.REISSUE, by, now, serial)
    return certificate


async def _printable(typed: str) -> str:
    name = clean_name(typed)
    await asyncio.to_thread(refuse_missing_glyphs, {"name": name})
    return name


def _still_open(certificate: Certificate) -> None:
    if certificate.confirmed_at is not None or certificate.revoked_at is not None:
        raise Conflict(
            "ชื่อนี้ยืนยันแล้ว หากต้องแก้ไขโปรดติดต่อผู้จัดการประกวด",
            "This name is settled. To change it, ask the organiser.",
            field="name",
        )
