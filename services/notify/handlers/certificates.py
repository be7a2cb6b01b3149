"""Certificates: issued from the results, rendered once the name is confirmed, verified by anyone."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.certificate_tables import Certificate
from services.notify.contest_files import contest_files
from services.notify.domain.certificates import CertificateAct, new_code, winners
from services.notify.domain.numbering import number_text, register_year
from services.notify.handlers.tell import Happening, tell
from services.notify.letters.compose import NO_CONTEST_PREFIX, Typesetting
from services.notify.letters.render import Rendered, missing_glyphs, render_pdf, render_png
from shared import known
from shared.clock import Clock
from shared.contracts.event import LocalizedText
from shared.contracts.ids import ContestId, LetterId, NoticeId, new_id
from shared.contracts.notify import LetterIssued, LetterKind
from shared.contracts.scoring import ResultsPublished
from shared.db import Database
from shared.errors import NotFound
from shared.messaging import publish
from shared.settings import Settings

Json = dict[str, Any]
FINALIST = "certificate-finalist"


async def issue_certificates(session: AsyncSession, event: ResultsPublished) -> int:
    """A certificate for each award with a winner, and for each other finalist where the rulebook says so.

    Each has its serial and waits until its name is confirmed. One whose award went to another entry is
    revoked.

    Returns:
        How many are new.
    """
    rulebook = await known.rulebook(session, event.contest_id)
    due: dict[tuple[str, str], _Due] = {
        (award.award_id, str(award.entry_id)): _Due(
            "certificate", award.applicant_name, award.name, award.title
        )
        for award in winners(event.awards)
    }
    if rulebook.certificates.finalists.value:
        due |= await _finalists(session, event, {entry_id for _, entry_id in due})
    for held in await repository.certificates.standing(session, event.contest_id):
        if due.pop((held.award_id, held.entry_id), None) is None:
            held.revoked_at = event.published_at
            held.revoked_reason = f"results revision {event.revision}"
            await repository.certificates.add_step(
                session, held, CertificateAct.REVOKE, "system", event.published_at, held.revoked_reason
            )
    await session.flush()
    for (award_id, entry_id), one in due.items():
        session.add(
            await new_certificate(
                session,
                contest_id=event.contest_id,
                template=one.template,
                award_id=award_id,
                entry_id=entry_id,
                recipient=one.recipient,
                award=one.award.model_dump(),
                title=one.title.model_dump() if one.title else {"th": one.recipient},
                issued_at=event.published_at.replace(microsecond=0),
            )
        )
    return len(due)


@dataclass(frozen=True, slots=True)
class _Due:
    """Who should have a certificate, and what for."""

    template: str
    recipient: str
    award: LocalizedText
    title: LocalizedText | None


async def _finalists(
    session: AsyncSession, event: ResultsPublished, won: set[str]
) -> dict[tuple[str, str], _Due]:
    """Finalists that won nothing: a winner's certificate says more than that of the shortlist."""
    template = contest_files(event.contest_id).certificate(FINALIST)
    decision = await repository.progress.decision(session, event.contest_id, "shortlist")
    award = template.award or template.name
    return {
        ("finalist", finalist["entry_id"]): _Due(
            FINALIST, finalist["applicant_name"], award, LocalizedText.model_validate(finalist["title"])
        )
        for finalist in (decision.facts["finalists"] if decision else [])
        if finalist["entry_id"] not in won
    }


async def new_certificate(
    session: AsyncSession, *, contest_id: str, template: str, **values: Any
) -> Certificate:
    """A certificate with the next serial of its year and a code of its own; not yet in the session."""
    profile_name = contest_files(contest_id).certificate(template).profile
    profile = contest_files(contest_id).profile(profile_name)
    series = profile.series[LetterKind.CERTIFICATE.value]
    year = register_year(values["issued_at"])
    number = await repository.letters.take_number(
        session,
        contest_id,
        agency=profile_name,
        series=LetterKind.CERTIFICATE.value,
        year=year,
        first=series.first.get(year, 1),
    )
    return Certificate(
        contest_id=contest_id,
        template=template,
        serial=number_text(series.format, code=profile.code, number=number, year=year),
        certificate_id=new_id(),
        code=new_code(),
        **values,
    )


def inputs_of(certificate: Certificate, content: Json, verify_url: str) -> Json:
    """The inputs of the certificate's Typst template."""
    files = contest_files(certificate.contest_id)
    if unprintable := missing_glyphs(content.values()):
        # An emoji of an entry's title must not keep a certificate from being made.
        content |= {
            name: "".join(c for c in value if c not in unprintable) for name, value in content.items()
        }
    template = files.certificate(certificate.template)
    return Typesetting(files).certificate(template, content, certificate.issued_at, verify_url)


def _render(certificate: Certificate, content: Json, verify_url: str) -> Rendered:
    return render_pdf("certificate", inputs_of(certificate, content, verify_url), certificate.issued_at)


async def picture(certificate: Certificate, settings: Settings) -> bytes:
    """An issued certificate as PNG, for sharing: 1,754 × 1,240 points."""
    content, address = dict(certificate.content or {}), f"{settings.public_url}/verify"
    pages = await asyncio.to_thread(
        lambda: render_png("certificate", inputs_of(certificate, content, address), ppi=150)
    )
    return pages[0]


async def print_sheets(
    certificates: Sequence[Certificate], settings: Settings, *, title: str, at: datetime
) -> bytes:
    """Issued certificates as one PDF for the printing house: crop marks, 3 mm of bleed, serial in the slug.

    Raises:
        NotFound: there is none.
    """
    if not certificates:
        raise NotFound(
            "ยังไม่มีใบประกาศนียบัตรที่ออกแล้วให้พิมพ์", "No certificate is issued yet; there is nothing to print."
        )
    address = f"{settings.public_url}/verify"

    def make() -> bytes:
        faces = [inputs_of(one, dict(one.content or {}), address) for one in certificates]
        data = {
            "title": title,
            "letterhead": faces[0]["letterhead"],
            "draft": any(face["draft"] for face in faces),
            "certificates": faces,
        }
        return render_pdf("certificates-print", data, at).pdf

    return await asyncio.to_thread(make)


async def finish_certificates(database: Database, clock: Clock, settings: Settings) -> None:
    """Render the certificates that have no PDF yet, say that they are issued, and tell the winners."""
    while True:
        async with database.transaction() as session:
            waiting = await repository.certificates.unfinished(session, limit=1)
            if not waiting:
                return
            try:
                rulebook = await known.rulebook(session, waiting[0].contest_id)
            except NotFound:
                return
        certificate = waiting[0]
        content = certificate.content or {
            "recipient": certificate.recipient,
            "award": certificate.award["th"],
            "title": certificate.title["th"],
            "contest": rulebook.name.th.removeprefix(NO_CONTEST_PREFIX),
            "serial": certificate.serial,
            "code": certificate.code,
        }
        rendered = await asyncio.to_thread(_render, certificate, content, f"{settings.public_url}/verify")
        async with database.transaction() as session:
            kept = await repository.certificates.certificate_by_serial(
                session, certificate.serial, certificate.contest_id
            )
            if not kept.sha256:
                kept.content, kept.pdf, kept.sha256 = content, rendered.pdf, rendered.sha256
                now = await clock.now(session, kept.contest_id)
                await repository.certificates.add_step(
                    session, kept, CertificateAct.ISSUE, "system", now, kept.serial
                )
                await _announce(session, clock, kept, settings)


async def _announce(
    session: AsyncSession, clock: Clock, certificate: Certificate, settings: Settings
) -> None:
    event_id = await publish(
        session,
        LetterIssued(
            contest_id=ContestId(certificate.contest_id),
            notice_id=NoticeId(certificate.certificate_id),
            letter_id=LetterId(certificate.certificate_id),
            kind=LetterKind.CERTIFICATE,
            number=certificate.serial,
            template=certificate.template,
            addressee=certificate.recipient,
            sha256=certificate.sha256,
            dispatches=1,
            issued_at=certificate.issued_at,
        ),
    )
    happening = Happening(
        contest_id=certificate.contest_id,
        event="CertificateIssued",
        event_id=event_id,
        entry_id=certificate.entry_id,
        facts={
            "certificate.serial": certificate.serial,
            "certificate.award": certificate.award,
            "certificate.url": f"{settings.public_url}/verify/{certificate.code}",
        },
    )
    await tell(session, clock, happening)
