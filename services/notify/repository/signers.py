"""Second factors, officers of agencies, what agencies set, and the trail of such changes."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify.register_tables import (
    AgencySetting,
    AuditEntry,
    Officer,
    RecoveryCode,
    SecondFactor,
    SecondFactorUse,
)
from services.notify.repository.locking import for_update
from shared.contracts.ids import new_id

Json = dict[str, Any]

_NOW = text("SELECT clock_timestamp()")
_USE_STEP = text(
    """
    INSERT INTO second_factor_use (contest_id, contact_id, step, used_at)
    VALUES (:contest_id, :contact_id, :step, clock_timestamp())
    ON CONFLICT DO NOTHING RETURNING step
    """
)
"""A step is used by whoever inserts it first; its code is refused to everyone after."""
_USE_RECOVERY = text(
    """
    UPDATE recovery_code SET used_at = clock_timestamp()
    WHERE contest_id = :contest_id AND contact_id = :contact_id AND code_sha256 = :code_sha256
      AND used_at IS NULL
    RETURNING code_sha256
    """
)


async def real_now(session: AsyncSession) -> datetime:
    """The database's own clock: locks and codes of a telephone live in real time."""
    now: datetime = (await session.execute(_NOW)).scalar_one()
    return now


async def second_factor(session: AsyncSession, contact_id: str, *, lock: bool = False) -> SecondFactor | None:
    """A person's second factor, in whichever contest they enrolled it."""
    query = select(SecondFactor).where(SecondFactor.contact_id == contact_id)
    query = query.order_by(col(SecondFactor.confirmed_at).desc().nulls_last()).limit(1)
    return (await session.exec(for_update(query) if lock else query)).first()


async def use_step(session: AsyncSession, factor: SecondFactor, step: int) -> bool:
    """Mark a time step as used. False where it was used before."""
    values = {"contest_id": factor.contest_id, "contact_id": factor.contact_id, "step": step}
    return (await session.execute(_USE_STEP, values)).first() is not None


async def use_recovery(session: AsyncSession, factor: SecondFactor, code_sha256: str) -> bool:
    """Mark a recovery code as used. False where there is no such unused code."""
    values = {"contest_id": factor.contest_id, "contact_id": factor.contact_id, "code_sha256": code_sha256}
    return (await session.execute(_USE_RECOVERY, values)).first() is not None


async def recovery_codes_left(session: AsyncSession, factor: SecondFactor) -> int:
    """How many recovery codes are unused."""
    query = (
        select(func.count())
        .select_from(RecoveryCode)
        .where(
            RecoveryCode.contest_id == factor.contest_id,
            RecoveryCode.contact_id == factor.contact_id,
            col(RecoveryCode.used_at).is_(None),
        )
    )
    return (await session.exec(query)).one()


async def forget_second_factor(session: AsyncSession, factor: SecondFactor) -> None:
    """Remove a second factor with its recovery codes. Used steps stay, so that no code works again."""
    await session.execute(
        delete(RecoveryCode).where(
            col(RecoveryCode.contest_id) == factor.contest_id,
            col(RecoveryCode.contact_id) == factor.contact_id,
        )
    )
    await session.delete(factor)
    await session.flush()


async def forget_person(session: AsyncSession, contact_id: str) -> None:
    """What an erased person signed by goes; what they signed stays in the register."""
    for table in (RecoveryCode, SecondFactorUse, SecondFactor):
        await session.execute(delete(table).where(col(table.contact_id) == contact_id))


async def officers(session: AsyncSession, contest_id: str, agency: str) -> Sequence[Officer]:
    """Everyone appointed for an agency, past appointments too."""
    query = select(Officer).where(Officer.contest_id == contest_id, Officer.agency == agency)
    return (await session.exec(query.order_by(col(Officer.duty), col(Officer.appointed_at)))).all()


def on_duty(officers: Sequence[Officer], duty: str, today: date) -> list[Officer]:
    """Those of ``officers`` whose appointment for ``duty`` holds today."""
    return [
        one
        for one in officers
        if one.duty == duty
        and one.valid_from <= today
        and (one.valid_until is None or today <= one.valid_until)
    ]


async def keep_officer(session: AsyncSession, officer: Officer) -> None:
    """Keep an appointment; a newer one of the same person and duty takes its place."""
    values = officer.model_dump()
    statement = insert(Officer).values(values)
    key = ("contest_id", "agency", "contact_id", "duty")
    changed = {name: statement.excluded[name] for name in values if name not in key}
    await session.execute(statement.on_conflict_do_update(index_elements=key, set_=changed))


async def setting(
    session: AsyncSession, contest_id: str, agency: str, *, lock: bool = False
) -> AgencySetting | None:
    """What an agency set in place of the contest's file; None where nothing."""
    query = select(AgencySetting).where(
        AgencySetting.contest_id == contest_id, AgencySetting.agency == agency
    )
    return (await session.exec(for_update(query) if lock else query)).first()


async def audit(
    session: AsyncSession, contest_id: str, *, at: datetime, by: str, what: str, about: str, detail: Json
) -> None:
    """Write down a change."""
    session.add(
        AuditEntry(
            contest_id=contest_id, audit_id=new_id(), at=at, by=by, what=what, about=about, detail=detail
        )
    )


async def audit_trail(session: AsyncSession, contest_id: str, about: str = "") -> Sequence[AuditEntry]:
    """The changes of a contest, or those about one thing; the newest first."""
    query = select(AuditEntry).where(AuditEntry.contest_id == contest_id)
    if about:
        query = query.where(AuditEntry.about == about)
    return (await session.exec(query.order_by(col(AuditEntry.at).desc()).limit(500))).all()
