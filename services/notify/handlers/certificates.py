"""Certificates: issued from the results, rendered once, verified by anyone."""

import asyncio
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain.certificates import new_code, winners
from services.notify.domain.numbering import number_text, register_year
from services.notify.handlers.tell import Happening, tell
from services.notify.letters.compose import NO_CONTEST_PREFIX, Typesetting
from services.notify.letters.render import Rendered, missing_glyphs, render_pdf
from services.notify.tables import Certificate
from shared import known
from shared.clock import Clock
from shared.contracts.ids import ContestId, LetterId, NoticeId, new_id
from shared.contracts.notify import LetterIssued, LetterKind
from shared.contracts.scoring import ResultsPublished
from shared.db import Database
from shared.errors import NotFound
from shared.messaging import publish
from shared.settings import Settings

Json = dict[str, Any]


async def issue_certificates(session: AsyncSession, event: ResultsPublished) -> int:
    """A certificate for each award with a winner; one whose award went to another entry is revoked.

    Returns:
        How many are new.
    """
    files = contest_files(event.contest_id)
    template = files.certificate()
    profile = files.profile(template.profile)
    series = profile.series[LetterKind.CERTIFICATE.value]
    year = register_year(event.published_at)
    query = select(Certificate).where(
        Certificate.contest_id == event.contest_id, col(Certificate.revoked_at).is_(None)
    )
    existing = {row.award_id: row for row in (await session.exec(query)).all()}
    new = 0
    for award in winners(event.awards):
        held = existing.pop(award.award_id, None)
        if held is not None and held.entry_id == award.entry_id:
            continue
        if held is not None:
            held.revoked_at = event.published_at
            held.revoked_reason = f"results revision {event.revision}"
        number = await repository.letters.take_number(
            session,
            event.contest_id,
            agency=template.profile,
            series=LetterKind.CERTIFICATE.value,
            year=year,
            first=series.first.get(year, 1),
        )
        session.add(
            Certificate(
                contest_id=event.contest_id,
                serial=number_text(series.format, code=profile.code, number=number, year=year),
                certificate_id=new_id(),
                code=new_code(),
                award_id=award.award_id,
                entry_id=str(award.entry_id),
                recipient=award.applicant_name,
                award=award.name.model_dump(),
                title=award.title.model_dump() if award.title else {"th": award.applicant_name},
                issued_at=event.published_at.replace(microsecond=0),
            )
        )
        new += 1
    for gone in existing.values():
        gone.revoked_at = event.published_at
        gone.revoked_reason = f"results revision {event.revision}"
    return new


def _render(certificate: Certificate, content: Json, verify_url: str) -> Rendered:
    files = contest_files(certificate.contest_id)
    if unprintable := missing_glyphs(content.values()):
        # An emoji of an entry's title must not keep a certificate from being made.
        content |= {
            name: "".join(c for c in value if c not in unprintable) for name, value in content.items()
        }
    inputs = Typesetting(files).certificate(files.certificate(), content, certificate.issued_at, verify_url)
    return render_pdf("certificate", inputs, certificate.issued_at)


async def finish_certificates(database: Database, clock: Clock, settings: Settings) -> None:
    """Render the certificates that have no PDF yet, say that they are issued, and tell the winners."""
    while True:
        async with database.transaction() as session:
            waiting = await repository.letters.unfinished_certificates(session, limit=1)
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
            kept = await repository.letters.certificate_by_serial(
                session, certificate.serial, certificate.contest_id
            )
            if not kept.sha256:
                kept.content, kept.pdf, kept.sha256 = content, rendered.pdf, rendered.sha256
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
            template="certificate",
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
