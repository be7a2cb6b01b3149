"""The second factor of those who sign, over JSON."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from services.notify.domain.second_factor import provisioning_uri
from services.notify.handlers.second_factor import second_factors
from services.notify.http.common import PREFIX, Administrator, ContestPath, IdPath, Signatory
from services.notify.http.views import Reason, Signing
from shared.service import Resources
from shared.web.problems import PROBLEMS

ISSUER = "Showcase"


class Enrolment(BaseModel):
    """What an authenticator needs; shown until it is confirmed with the first code."""

    key: str = Field(description="base 32, for typing in")
    uri: str = Field(description="otpauth address, for a QR code")


class RecoveryCodes(BaseModel):
    recovery_codes: list[str] = Field(description="shown once; each works once")


class SecondFactorView(BaseModel):
    confirmed: bool
    recovery_codes_left: int


def router(resources: Resources) -> APIRouter:
    """Enrolling, confirming, giving up; resetting somebody else's."""
    factors = second_factors(resources)
    api = APIRouter(prefix=f"{PREFIX}/contests/{{contest_id}}/second-factor", responses=PROBLEMS)

    @api.get("")
    async def get_second_factor(contest_id: ContestPath, account: Signatory) -> SecondFactorView:
        """How one's own second factor stands."""
        found = await factors.standing(account.contact_id)
        return SecondFactorView(confirmed=found.confirmed, recovery_codes_left=found.recovery_codes_left)

    @api.post("", status_code=201)
    async def enrol(contest_id: ContestPath, account: Signatory) -> Enrolment:
        """Begin: a fresh key for the authenticator."""
        key = await factors.begin(contest_id, account.contact_id)
        return Enrolment(key=key, uri=provisioning_uri(key, account.contact_id[:8], ISSUER))

    @api.post("/confirmation")
    async def confirm(contest_id: ContestPath, body: Signing, account: Signatory) -> RecoveryCodes:
        """Complete it with the first code."""
        codes = await factors.complete(contest_id, account.contact_id, body.code)
        return RecoveryCodes(recovery_codes=list(codes))

    @api.post("/give-up", status_code=204)
    async def give_up(contest_id: ContestPath, body: Signing, account: Signatory) -> None:
        """Remove one's own, confirmed by a code of it."""
        await factors.give_up(contest_id, account.contact_id, body.code)

    @api.post("/{contact_id}/reset", status_code=204)
    async def reset(
        contest_id: ContestPath, contact_id: IdPath, body: Reason, account: Administrator
    ) -> None:
        """Remove somebody else's who lost telephone and codes; it is written down."""
        await factors.reset(contest_id, contact_id, by=account.contact_id, reason=body.reason)

    return api
