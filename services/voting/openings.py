"""Openings: the salts by which an auditor opens commitments, as a permission of their own.

Reading the log needs the topics' ACL; opening the choices needs this besides. An approver lets one auditor
have the salts of one contest, and that they were taken is kept. The salt key itself is given to nobody.
"""

import json
from collections.abc import AsyncIterator

from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting import repository
from services.voting.audit.log import opened, records
from services.voting.domain.disclosure import VoteState
from services.voting.domain.errors import OpeningsRefused
from services.voting.domain.keys import keyed_hash
from services.voting.tables import OpeningsGrant
from shared.clock import Clock
from shared.contracts.voting import VoteCast
from shared.errors import Conflict
from shared.settings import Settings


async def grant(
    session: AsyncSession, clock: Clock, contest_id: str, contact_id: str, *, granted_by: str
) -> OpeningsGrant:
    """Let an auditor have the openings. Granting again changes nothing."""
    found = await session.get(OpeningsGrant, (contest_id, contact_id), with_for_update=True)
    if found is None:
        found = OpeningsGrant(
            contest_id=contest_id,
            contact_id=contact_id,
            granted_by=granted_by,
            granted_at=await clock.now(session, contest_id),
        )
        session.add(found)
        await session.flush()
    return found


async def take(session: AsyncSession, clock: Clock, contest_id: str, contact_id: str) -> None:
    """Note that the auditor takes the openings.

    Raises:
        OpeningsRefused: no approver let them.
        Conflict: the vote is not closed.
    """
    found = await session.get(OpeningsGrant, (contest_id, contact_id), with_for_update=True)
    if found is None:
        raise OpeningsRefused
    window = await repository.window(session, contest_id)
    if window is None or window.state not in (VoteState.CLOSED, VoteState.CERTIFIED):
        raise Conflict("เปิดข้อผูกมัดได้หลังปิดโหวตแล้วเท่านั้น", "Commitments are opened once the vote is closed.")
    found.taken_at = found.taken_at or await clock.now(session, contest_id)


async def lines(settings: Settings, salt_key: bytes, contest_id: str) -> AsyncIterator[bytes]:
    """One opening for each VoteCast of the contest, as lines of JSON. What nobody can read has none."""
    async for record in records(settings, VoteCast.TOPIC):
        kind, vote = opened(record)
        if kind != VoteCast.event_type() or vote.get("contest_id") != contest_id:
            continue
        if not all(isinstance(vote.get(name), str) for name in ("voter_id", "receipt_id")):
            continue
        salt = keyed_hash(salt_key, contest_id, vote["voter_id"], vote["receipt_id"])
        opening = {"partition": record.partition, "offset": record.offset, "salt": salt.hex()}
        yield json.dumps(opening).encode() + b"\n"
