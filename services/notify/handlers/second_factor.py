"""The second factor of those who sign: enrol, confirm with a code, start again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.domain import second_factor as rules
from services.notify.domain.second_factor import Key, Seal
from services.notify.register_tables import RecoveryCode, SecondFactor
from shared.clock import Clock
from shared.db import Database
from shared.errors import Conflict, DomainError, Forbidden, Invalid, NotFound, TooMany
from shared.root_secret import root_secret
from shared.service import Resources

TIME_CODE, RECOVERY_CODE = "totp", "recovery"


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A person has just given a valid code. Only :meth:`SecondFactors.confirm` makes one."""

    contact_id: str
    method: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How a person's second factor stands."""

    begun: bool
    confirmed: bool
    recovery_codes_left: int = 0


class SecondFactors:
    """Every method is a transaction of its own: what was tried must be kept also when it is refused."""

    def __init__(self, database: Database, clock: Clock, seal: Seal) -> None:
        self._database = database
        self._clock = clock
        self._seal = seal

    async def standing(self, contact_id: str) -> Standing:
        """How far the person is."""
        async with self._database.transaction() as session:
            factor = await repository.signers.second_factor(session, contact_id)
            if factor is None:
                return Standing(begun=False, confirmed=False)
            left = await repository.signers.recovery_codes_left(session, factor)
            return Standing(begun=True, confirmed=factor.confirmed_at is not None, recovery_codes_left=left)

    async def begin(self, contest_id: str, contact_id: str) -> Key:
        """A fresh key for the person's authenticator; one that was begun and not confirmed is replaced.

        Raises:
            Conflict: a second factor is in use; it must be given up first.
        """
        async with self._database.transaction() as session:
            factor = await repository.signers.second_factor(session, contact_id, lock=True)
            if factor is not None and factor.confirmed_at is not None:
                raise Conflict(
                    "ท่านลงทะเบียนรหัสยืนยันไว้แล้ว หากเปลี่ยนเครื่อง ให้ยกเลิกของเดิมด้วยรหัสหรือรหัสสำรองก่อน",
                    "You have a second factor. To change the device, give it up first, with a code of it.",
                )
            if factor is not None:
                await repository.signers.forget_second_factor(session, factor)
            key = rules.new_key()
            session.add(
                SecondFactor(
                    contest_id=contest_id,
                    contact_id=contact_id,
                    sealed_secret=self._seal.close(key, contact_id),
                    begun_at=await repository.signers.real_now(session),
                )
            )
        return key

    async def pending(self, contact_id: str) -> Key | None:
        """The key of an enrolment that is not confirmed yet; a confirmed one is never shown again."""
        async with self._database.transaction() as session:
            factor = await repository.signers.second_factor(session, contact_id)
            if factor is None or factor.confirmed_at is not None:
                return None
            return self._seal.open(factor.sealed_secret, contact_id)

    async def complete(self, contest_id: str, contact_id: str, code: str) -> tuple[str, ...]:
        """The first code shows that the authenticator has the key.

        Returns:
            The recovery codes, which are shown once.

        Raises:
            NotFound: no enrolment has begun.
            Conflict: it is complete already.
            Invalid, TooMany: see :meth:`confirm`.
        """
        async with self._database.transaction() as session:
            factor = await repository.signers.second_factor(session, contact_id)
        if factor is not None and factor.confirmed_at is not None:
            raise Conflict("ลงทะเบียนรหัสยืนยันแล้ว", "The second factor is in use already.")
        await self._check(contest_id, contact_id, code, enrolling=True)
        codes = rules.new_recovery_codes()
        async with self._database.transaction() as session:
            factor = await repository.signers.second_factor(session, contact_id, lock=True)
            if factor is None or factor.confirmed_at is not None:
                raise Conflict("ลงทะเบียนรหัสยืนยันแล้ว", "The second factor is in use already.")
            now = await repository.signers.real_now(session)
            factor.confirmed_at = now
            for recovery_code in codes:
                hashed = self._seal.hash_of(rules.normal(recovery_code), contact_id)
                session.add(
                    RecoveryCode(contest_id=factor.contest_id, contact_id=contact_id, code_sha256=hashed)
                )
            await repository.signers.audit(
                session,
                contest_id,
                at=now,
                by=contact_id,
                what="second-factor-enrolled",
                about=contact_id,
                detail={},
            )
        return codes

    async def confirm(self, contest_id: str, contact_id: str, code: str) -> Confirmed:
        """Take a code of the person's authenticator, or a recovery code; each works once.

        Raises:
            Forbidden: no second factor is enrolled.
            Invalid: the code is wrong or was used before.
            TooMany: too many wrong codes; wait.
        """
        return Confirmed(contact_id, await self._check(contest_id, contact_id, code))

    async def give_up(self, contest_id: str, contact_id: str, code: str) -> None:
        """Remove one's own second factor, confirmed by a code of it.

        Raises:
            Forbidden, Invalid, TooMany: see :meth:`confirm`.
        """
        await self.confirm(contest_id, contact_id, code)
        await self._forget(contest_id, contact_id, by=contact_id, what="second-factor-given-up", reason="")

    async def reset(self, contest_id: str, contact_id: str, *, by: str, reason: str) -> None:
        """An administrator removes the second factor of someone who lost both telephone and codes.

        Raises:
            Forbidden: one's own.
            Invalid: no reason is given.
            NotFound: there is none.
        """
        if by == contact_id:
            raise Forbidden(
                "รีเซ็ตรหัสยืนยันของตนเองไม่ได้ ให้ผู้ดูแลระบบอีกคนทำ",
                "Nobody resets their own second factor; ask another administrator.",
            )
        if not reason.strip():
            raise Invalid("โปรดระบุเหตุผล", "Say why.", field="reason")
        await self._forget(
            contest_id, contact_id, by=by, what="second-factor-reset", reason=reason.strip()[:300]
        )

    async def _forget(self, contest_id: str, contact_id: str, *, by: str, what: str, reason: str) -> None:
        async with self._database.transaction() as session:
            factor = await repository.signers.second_factor(session, contact_id, lock=True)
            if factor is None:
                raise NotFound("ไม่มีรหัสยืนยันของผู้นี้", "This person has no second factor.")
            await repository.signers.forget_second_factor(session, factor)
            at = await repository.signers.real_now(session)
            detail = {"reason": reason} if reason else {}
            await repository.signers.audit(
                session, contest_id, at=at, by=by, what=what, about=contact_id, detail=detail
            )

    async def _check(self, contest_id: str, contact_id: str, code: str, *, enrolling: bool = False) -> str:
        async with self._database.transaction() as session:
            factor = await repository.signers.second_factor(session, contact_id, lock=True)
            if factor is None or (factor.confirmed_at is None and not enrolling):
                raise Forbidden(
                    "ยังไม่ได้ลงทะเบียนรหัสยืนยันการลงนาม เปิดหน้า “รหัสยืนยันการลงนาม” เพื่อลงทะเบียนก่อน",
                    "No second factor is enrolled: open “Signing codes” and enrol first.",
                )
            now = await repository.signers.real_now(session)
            if factor.locked_until is not None and now < factor.locked_until:
                raise _locked(int((factor.locked_until - now).total_seconds()) + 1)
            instants = [now, await self._clock.now(session, contest_id)]
            refusal, method = await self._use(session, factor, rules.normal(code), instants)
            if refusal is None:
                factor.failures = 0
            else:
                factor.failures += 1
                if factor.failures >= rules.FAILURES_BEFORE_LOCK:
                    factor.failures = 0
                    factor.locked_until = now + rules.LOCK
        # The wrong attempt is committed: raised inside the transaction it would never have been counted.
        if refusal is not None:
            raise refusal
        return method

    async def _use(
        self, session: AsyncSession, factor: SecondFactor, code: str, instants: Sequence[datetime]
    ) -> tuple[DomainError | None, str]:
        """(why the code is refused or None, what kind of code it is)."""
        signers = repository.signers
        if not rules.is_time_code(code):
            hashed = self._seal.hash_of(code, factor.contact_id)
            used = factor.confirmed_at is not None and await signers.use_recovery(session, factor, hashed)
            return (None if used else _wrong()), RECOVERY_CODE
        steps = rules.matching_steps(self._seal.open(factor.sealed_secret, factor.contact_id), code, instants)
        if not steps:
            return _wrong(), TIME_CODE
        fresh = [step for step in steps if await signers.use_step(session, factor, step)]
        return (None if fresh else _used()), TIME_CODE


def second_factors(resources: Resources) -> SecondFactors:
    """The second factors of a service.

    Raises:
        WeakSecret: ``SHOWCASE_NOTIFY_SECRET`` cannot be used.
    """
    root = root_secret(resources.settings.notify_secret.get_secret_value(), "SHOWCASE_NOTIFY_SECRET")
    return SecondFactors(resources.database, resources.clock, Seal.of(root))


def _wrong() -> Invalid:
    return Invalid(
        "รหัสไม่ถูกต้อง ดูรหัส 6 หลักล่าสุดจากแอป หรือใช้รหัสสำรอง",
        "The code is wrong. Take the newest six digits of your authenticator, or a recovery code.",
        field="code",
    )


def _used() -> Invalid:
    return Invalid(
        "รหัสนี้ใช้ไปแล้ว รอรหัสถัดไปในแอป (ไม่เกิน 30 วินาที)",
        "This code was used. Wait for the next one, at most 30 seconds.",
        field="code",
    )


def _locked(seconds: int) -> TooMany:
    return TooMany(
        f"ใส่รหัสผิดหลายครั้ง โปรดรอ {seconds} วินาทีแล้วลองใหม่",
        f"Too many wrong codes; wait {seconds} seconds and try again.",
        retry_after=seconds,
        field="code",
    )
