"""Certificates over JSON."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from services.notify import repository
from services.notify.domain.certificates import normal_code
from services.notify.http.common import PREFIX, ContestPath, IdPath, Staff
from services.notify.http.views import (
    PDF_RESPONSE,
    CertificateView,
    Verification,
    certificate_view,
    pdf_response,
)
from shared import known
from shared.errors import NotFound
from shared.service import Resources
from shared.web.problems import PROBLEMS


def router(resources: Resources) -> APIRouter:
    """Certificates, and whether one is genuine."""
    api = APIRouter(prefix=PREFIX, responses=PROBLEMS, tags=["certificates"])
    database = resources.database

    @api.get("/contests/{contest_id}/certificates")
    async def list_certificates(contest_id: ContestPath, account: Staff) -> list[CertificateView]:
        """Every certificate of the contest."""
        async with database.transaction() as session:
            return [
                certificate_view(row) for row in await repository.letters.certificates(session, contest_id)
            ]

    @api.get(
        "/certificates/{serial}.pdf", tags=["certificates"], response_class=Response, responses=PDF_RESPONSE
    )
    async def certificate_pdf(
        serial: IdPath, account: Staff, contest: Annotated[str, Query(max_length=100)] = ""
    ) -> Response:
        """A certificate as PDF."""
        async with database.transaction() as session:
            row = await repository.letters.certificate_by_serial(session, serial, contest)
        if row.pdf is None:
            raise NotFound(
                "กำลังสร้างใบประกาศนียบัตร โปรดลองอีกครั้ง", "The certificate is still being made; try again."
            )
        return pdf_response(row.pdf, row.serial)

    @api.get("/verify/{code}")
    async def verify(code: Annotated[str, Path(max_length=40)]) -> Verification:
        """Whether a certificate is genuine. Anyone may ask."""
        return await verification(resources, code)

    return api


async def verification(resources: Resources, code: str) -> Verification:
    """What anyone may know of the certificate that bears ``code``.

    Raises:
        NotFound: no certificate bears it.
    """
    async with resources.database.transaction() as session:
        row = await repository.letters.certificate_by_code(session, normal_code(code))
        if row is None:
            raise NotFound(
                "ไม่พบใบประกาศนียบัตรรหัสนี้ โปรดตรวจตัวอักษรทีละตัว",
                "No certificate bears this code. Check it letter by letter.",
                field="code",
            )
        rulebook = await known.rulebook(session, row.contest_id)
    return Verification(
        valid=row.revoked_at is None,
        rehearsal=rulebook.rehearsal,
        **row.model_dump(
            include={"serial", "recipient", "award", "title", "contest_id", "issued_at", "revoked_at"}
        ),
    )
