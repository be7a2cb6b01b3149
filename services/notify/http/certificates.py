"""Certificates over JSON."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from services.notify import repository
from services.notify.domain.certificates import normal_code
from services.notify.handlers import certificate_names, certificates
from services.notify.http.common import PREFIX, ContestPath, IdPath, Signatory, Staff
from services.notify.http.views import (
    PDF_RESPONSE,
    CertificateView,
    NameConfirmed,
    NameSettled,
    Reason,
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
    database, clock = resources.database, resources.clock

    @api.get("/contests/{contest_id}/certificates")
    async def list_certificates(contest_id: ContestPath, account: Staff) -> list[CertificateView]:
        """Every certificate of the contest."""
        async with database.transaction() as session:
            rows = await repository.certificates.certificates(session, contest_id)
            return [certificate_view(row) for row in rows]

    @api.get("/contests/{contest_id}/certificates-print.pdf", response_class=Response, responses=PDF_RESPONSE)
    async def print_sheets(contest_id: ContestPath, account: Staff) -> Response:
        """All issued certificates for the printing house, with crop marks and bleed."""
        return pdf_response(await certificate_sheets(resources, contest_id), "certificates-print")

    @api.post("/certificates/confirmations")
    async def confirm(body: NameConfirmed) -> CertificateView:
        """The winner confirms the name by the token of the one-time link, or corrects it."""
        async with database.transaction() as session:
            return certificate_view(
                await certificate_names.confirm_name(session, clock, body.token, body.name)
            )

    @api.post("/contests/{contest_id}/certificates/{serial}/name")
    async def settle(
        contest_id: ContestPath, serial: IdPath, body: NameSettled, account: Staff
    ) -> CertificateView:
        """Staff accept the winner's correction, or write down what they were told by telephone."""
        by, texts = account.contact_id, {"typed": body.name, "reason": body.reason}
        async with database.transaction() as session:
            return certificate_view(
                await certificate_names.settle_name(session, clock, serial, contest_id, by, **texts)
            )

    @api.post("/contests/{contest_id}/certificates/{serial}/revocation")
    async def revoke(
        contest_id: ContestPath, serial: IdPath, body: Reason, account: Signatory
    ) -> CertificateView:
        """Revoke it; whoever verifies its code is told so."""
        by = account.contact_id
        async with database.transaction() as session:
            return certificate_view(
                await certificate_names.revoke_certificate(
                    session, clock, serial, contest_id, by, body.reason
                )
            )

    @api.post("/contests/{contest_id}/certificates/{serial}/reissue", status_code=201)
    async def reissue(
        contest_id: ContestPath, serial: IdPath, body: NameSettled, account: Signatory
    ) -> CertificateView:
        """Another in place of a revoked one, with its own serial and code."""
        by = account.contact_id
        async with database.transaction() as session:
            return certificate_view(
                await certificate_names.reissue_certificate(session, clock, serial, contest_id, by, body.name)
            )

    @api.get(
        "/certificates/{serial}.pdf", tags=["certificates"], response_class=Response, responses=PDF_RESPONSE
    )
    async def certificate_pdf(
        serial: IdPath, account: Staff, contest: Annotated[str, Query(max_length=100)] = ""
    ) -> Response:
        """A certificate as PDF."""
        async with database.transaction() as session:
            row = await repository.certificates.certificate_by_serial(session, serial, contest)
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


async def certificate_sheets(resources: Resources, contest_id: str) -> bytes:
    """All issued certificates of a contest for the printing house. Raises NotFound where there is none."""
    async with resources.database.transaction() as session:
        rulebook = await known.rulebook(session, contest_id)
        rows = await repository.certificates.standing(session, contest_id)
        now = await resources.clock.now(session, contest_id)
    issued = [row for row in rows if row.sha256]
    title = f"ใบประกาศนียบัตร {rulebook.name.th}"
    return await certificates.print_sheets(issued, resources.settings, title=title, at=now)


async def verification(resources: Resources, code: str) -> Verification:
    """What anyone may know of the certificate that bears ``code``.

    Raises:
        NotFound: no certificate bears it.
    """
    async with resources.database.transaction() as session:
        row = await repository.certificates.certificate_by_code(session, normal_code(code))
        if row is None or not row.sha256:
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
