"""Certificates: each by its serial, its code and its one-time link, and what was done to it."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify.certificate_tables import Certificate, CertificateStep
from services.notify.repository.locking import for_update
from shared.errors import NotFound


async def certificates(session: AsyncSession, contest_id: str) -> Sequence[Certificate]:
    """Every certificate of the contest."""
    query = select(Certificate).where(Certificate.contest_id == contest_id)
    return (await session.exec(query.order_by(col(Certificate.serial)))).all()


async def certificate_by_serial(
    session: AsyncSession, serial: str, contest_id: str = "", *, lock: bool = False
) -> Certificate:
    """The certificate of that serial, of the newest contest where several have it. Raises NotFound."""
    query = select(Certificate).where(Certificate.serial == serial)
    if contest_id:
        query = query.where(Certificate.contest_id == contest_id)
    query = query.order_by(col(Certificate.issued_at).desc()).limit(1)
    found = (await session.exec(for_update(query) if lock else query)).first()
    if found is None:
        raise NotFound("ไม่พบใบประกาศนียบัตรเลขที่นี้", "There is no certificate of this serial.", field="serial")
    return found


async def certificate_by_code(session: AsyncSession, code: str) -> Certificate | None:
    """The certificate that bears the code."""
    return (await session.exec(select(Certificate).where(Certificate.code == code))).first()


async def standing(session: AsyncSession, contest_id: str) -> Sequence[Certificate]:
    """Every certificate of the contest that is not revoked."""
    query = select(Certificate).where(
        Certificate.contest_id == contest_id, col(Certificate.revoked_at).is_(None)
    )
    return (await session.exec(query.order_by(col(Certificate.serial)))).all()


async def certificate_by_token(session: AsyncSession, token: str, *, lock: bool = False) -> Certificate:
    """The certificate whose one-time link has ``token``. Raises NotFound."""
    query = select(Certificate).where(Certificate.token_sha256 == hashlib.sha256(token.encode()).hexdigest())
    found = (await session.exec(for_update(query) if lock else query)).first() if token else None
    if found is None:
        raise NotFound(
            "ลิงก์นี้ใช้ไม่ได้ โปรดเปิดจากอีเมลฉบับล่าสุด หรือติดต่อผู้จัดการประกวด",
            "This link is not valid. Open it from the newest mail, or ask the organiser.",
            field="token",
        )
    return found


async def unasked(session: AsyncSession, limit: int = 50) -> Sequence[Certificate]:
    """Certificates whose winner was not asked yet how the name is spelt; locked."""
    query = select(Certificate).where(
        Certificate.token_sha256 == "",
        col(Certificate.confirmed_at).is_(None),
        col(Certificate.revoked_at).is_(None),
    )
    query = query.order_by(col(Certificate.serial)).limit(limit)
    return (await session.exec(for_update(query, skip_locked=True))).all()


async def unfinished(session: AsyncSession, limit: int = 20) -> Sequence[Certificate]:
    """Certificates whose name is confirmed and that have no PDF yet; locked."""
    query = select(Certificate).where(
        Certificate.sha256 == "",
        col(Certificate.confirmed_at).is_not(None),
        col(Certificate.revoked_at).is_(None),
    )
    query = query.order_by(col(Certificate.serial)).limit(limit)
    return (await session.exec(for_update(query, skip_locked=True))).all()


async def add_step(
    session: AsyncSession, certificate: Certificate, step: str, by: str, at: datetime, note: str = ""
) -> None:
    """Write down who did what."""
    count = select(func.count()).select_from(CertificateStep)
    of_it = (
        CertificateStep.contest_id == certificate.contest_id,
        CertificateStep.serial == certificate.serial,
    )
    position = (await session.exec(count.where(*of_it))).one()
    session.add(
        CertificateStep(
            contest_id=certificate.contest_id,
            serial=certificate.serial,
            position=position + 1,
            step=step,
            by=by,
            at=at,
            note=note,
        )
    )
    await session.flush()


async def steps(session: AsyncSession, certificate: Certificate) -> Sequence[CertificateStep]:
    """The history of a certificate."""
    query = select(CertificateStep).where(
        CertificateStep.contest_id == certificate.contest_id,
        CertificateStep.serial == certificate.serial,
    )
    return (await session.exec(query.order_by(col(CertificateStep.position)))).all()
