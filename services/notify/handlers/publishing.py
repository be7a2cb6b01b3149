"""Letters that anyone may download, and short addresses of our own in place of a link shortener."""

import re
import secrets
from datetime import datetime
from urllib.parse import urlsplit

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.domain.letters import LetterState
from services.notify.register_rules import register_rules
from services.notify.register_tables import PublicLetter, ShortLink
from services.notify.tables import Letter
from shared.clock import Clock
from shared.errors import Conflict, Gone, Invalid, NotFound

_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
_CODE_LENGTH = 7
_OWN = re.compile(r"/(?![/\\])[^\s\\]{0,400}")


def new_code() -> str:
    """Seven characters that are not confused in print, 34 bits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH))


async def publish_letter(session: AsyncSession, clock: Clock, letter_id: str, by: str) -> PublicLetter:
    """Let anyone download a letter; the one page that there is, where it has been published before.

    Raises:
        Conflict: it has no number or no PDF yet, or is void.
    """
    letter = await repository.letters.letter(session, letter_id, lock=True)
    if letter.state == LetterState.VOID or not letter.sha256:
        raise Conflict(
            "เผยแพร่ได้เฉพาะหนังสือที่ออกเลขแล้วและไม่ถูกยกเลิก",
            "Only a numbered letter that is not void is published.",
        )
    return await _public(session, letter, by, await clock.now(session, letter.contest_id))


async def publish_by_rule(session: AsyncSession, letter: Letter, now: datetime) -> None:
    """Publish a letter whose kind the contest publishes by itself."""
    if letter.kind in register_rules(letter.contest_id).public_kinds:
        await _public(session, letter, letter.signed_by, now)


async def _public(session: AsyncSession, letter: Letter, by: str, now: datetime) -> PublicLetter:
    found = await repository.links.public_letter(session, letter)
    if found is None:
        found = PublicLetter(
            contest_id=letter.contest_id,
            letter_id=letter.letter_id,
            code=new_code(),
            published_by=by,
            published_at=now,
        )
        session.add(found)
    found.withdrawn_at = None
    return found


async def withdraw_letter(session: AsyncSession, clock: Clock, letter_id: str) -> None:
    """Take a letter off the public page. Raises NotFound where it is not on it."""
    letter = await repository.letters.letter(session, letter_id, lock=True)
    found = await repository.links.public_letter(session, letter)
    if found is None:
        raise NotFound("หนังสือนี้ไม่ได้เผยแพร่", "This letter is not published.")
    found.withdrawn_at = await clock.now(session, letter.contest_id)


async def public_letter(session: AsyncSession, code: str) -> tuple[PublicLetter, Letter]:
    """The public letter of that code.

    Raises:
        NotFound: there is none.
        Gone: it was withdrawn or voided.
    """
    found = await repository.links.by_code(session, code)
    if found is None:
        raise NotFound("ไม่พบหนังสือนี้", "There is no such letter.")
    letter = await repository.letters.letter(session, found.letter_id)
    if found.withdrawn_at is not None or letter.state == LetterState.VOID:
        raise Gone("หนังสือฉบับนี้ถูกถอนหรือยกเลิกแล้ว", "This letter was withdrawn or is void.")
    return found, letter


def check_target(contest_id: str, target: str, own_origin: str) -> str:
    """Where a short link may lead: a path of ours, or an https address of an allowed host.

    Raises:
        Invalid: anything else; a redirect to just anywhere would lend our name to others.
    """
    wanted = target.strip().removeprefix(own_origin) or "/"
    if _OWN.fullmatch(wanted):
        return wanted
    parts = urlsplit(wanted)
    allowed = register_rules(contest_id).link_hosts
    plain = parts.scheme == "https" and parts.netloc in allowed and not re.search(r"[\s\\]", wanted)
    if plain and len(wanted) <= 500:
        return wanted
    raise Invalid(
        f"ลิงก์สั้นไปได้เฉพาะหน้าในระบบนี้ หรือ https ของ {', '.join(allowed)}",
        f"A short link leads to pages of this system, or to https addresses of {', '.join(allowed)}.",
        field="target",
    )


async def make_link(
    session: AsyncSession, clock: Clock, contest_id: str, target: str, label: str, *, by: str, own_origin: str
) -> ShortLink:
    """A short address for ``target``.

    Raises:
        Invalid: see :func:`check_target`; or no label.
    """
    name = " ".join(label.split())
    if not name or len(name) > 120:
        raise Invalid("โปรดตั้งชื่อลิงก์ ไม่เกิน 120 ตัวอักษร", "Name the link, at most 120 characters.", field="label")
    link = ShortLink(
        contest_id=contest_id,
        code=new_code(),
        target=check_target(contest_id, target, own_origin),
        label=name,
        made_by=by,
        made_at=await clock.now(session, contest_id),
    )
    session.add(link)
    return link


async def follow(session: AsyncSession, clock: Clock, code: str) -> str:
    """Where a short address leads; the day's count goes up, and nothing about the reader is kept.

    Raises:
        NotFound: no such address.
        Gone: it was switched off.
    """
    link = await repository.links.short_link(session, code)
    if link is None:
        raise NotFound("ไม่มีลิงก์นี้", "There is no such link.")
    if link.disabled_at is not None:
        raise Gone("ลิงก์นี้ปิดแล้ว", "This link was switched off.")
    await repository.links.count(session, link, await clock.now(session, link.contest_id))
    return link.target
