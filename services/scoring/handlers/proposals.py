"""What shortlist, winners and results have in common: propose, sign, publish."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from services.scoring.domain.signing import NeedsAnotherPerson, Signer, check_second_signature
from services.scoring.repository import decisions
from services.scoring.tables import Decision, DecisionKind, DecisionState, Json, Signature
from shared.contracts.ids import ContactId, ContestId
from shared.contracts.scoring import ApprovalAwaited, DecisionName
from shared.errors import Conflict
from shared.messaging import publish

Content = Callable[[], Awaitable[Json]]
"""Computes what would be published now."""


class Outdated(Conflict):
    """The basis changed after the proposal, so nobody signs what is no longer so."""

    code = "proposal-outdated"

    def __init__(self) -> None:
        super().__init__(
            "ข้อมูลเปลี่ยนไปหลังเสนอ จึงลงนามข้อเสนอนี้ไม่ได้ โปรดเสนอใหม่แล้วตรวจอีกครั้ง",
            "The basis changed after this was proposed, so it cannot be signed. Propose and review it again.",
        )


async def published(session: AsyncSession, contest_id: ContestId, kind: DecisionKind) -> Decision | None:
    """The published decision of that kind."""
    return await decisions.decision(session, contest_id, kind, DecisionState.PUBLISHED)


async def propose(
    session: AsyncSession,
    now: datetime,
    contest_id: ContestId,
    kind: DecisionKind,
    content: Json,
    *,
    by: ContactId,
    note: str = "",
) -> Decision:
    """Put ``content`` forward; an open proposal of that kind is replaced. The caller has the turn.

    Raises:
        Conflict: it is published already.
    """
    if await published(session, contest_id, kind):
        raise Conflict(
            "ประกาศเรื่องนี้แล้ว จึงเสนอใหม่ไม่ได้",
            "This is published already and cannot be proposed again.",
        )
    earlier = await decisions.decision(session, contest_id, kind, DecisionState.PROPOSED)
    if earlier is not None:
        earlier.state = DecisionState.REPLACED.value
        await session.flush()
    proposal = Decision(
        contest_id=contest_id,
        kind=kind.value,
        number=await decisions.next_number(session, contest_id, kind),
        state=DecisionState.PROPOSED.value,
        content=content,
        note=note,
        proposed_by=by,
        proposed_at=now,
    )
    session.add(proposal)
    await _await_another(session, now, proposal, 0, (by,))
    return proposal


async def approve(
    session: AsyncSession,
    now: datetime,
    contest_id: ContestId,
    kind: DecisionKind,
    signer: Signer,
    content: Content,
) -> tuple[Decision, tuple[ContactId, ...]]:
    """An approver other than the proposer signs, and it is published.

    Returns:
        The decision and both people.
    """
    proposal = await _open_proposal(session, contest_id, kind, content)
    check_second_signature([proposal.proposed_by], signer)
    await _sign(session, now, proposal, signer)
    return proposal, (ContactId(proposal.proposed_by), signer.contact_id)


async def certify(
    session: AsyncSession,
    now: datetime,
    contest_id: ContestId,
    kind: DecisionKind,
    signer: Signer,
    content: Content,
) -> tuple[Decision, tuple[ContactId, ...]]:
    """One of two people certifies; with the second, an approver, it is published.

    Returns:
        The decision, and who certified; it is published once these are two.
    """
    proposal = await _open_proposal(session, contest_id, kind, content)
    earlier = await decisions.signatures(session, contest_id, kind, proposal.number)
    before = tuple(ContactId(signature.contact_id) for signature in earlier)
    if before:
        check_second_signature(before, signer)
        await _sign(session, now, proposal, signer)
    else:
        session.add(_signature(now, proposal, signer))
        await _await_another(session, now, proposal, 1, (signer.contact_id,))
    return proposal, (*before, signer.contact_id)


async def _await_another(
    session: AsyncSession, now: datetime, proposal: Decision, signatures: int, people: tuple[ContactId, ...]
) -> None:
    """Tell that somebody else has to sign."""
    await publish(
        session,
        ApprovalAwaited(
            contest_id=ContestId(proposal.contest_id),
            decision=DecisionName(proposal.kind),
            proposal=proposal.number,
            signatures=signatures,
            waits_on_others_than=people,
            awaited_at=now,
        ),
    )


async def _open_proposal(
    session: AsyncSession, contest_id: ContestId, kind: DecisionKind, content: Content
) -> Decision:
    proposal = await decisions.decision(session, contest_id, kind, DecisionState.PROPOSED)
    if proposal is None:
        if await published(session, contest_id, kind):
            raise Conflict("เรื่องนี้ประกาศแล้ว", "This is published already.")
        raise Conflict(
            "ยังไม่มีข้อเสนอให้ลงนาม ให้เจ้าหน้าที่เสนอก่อน",
            "There is nothing to sign yet; staff propose it first.",
        )
    if proposal.content != await content():
        raise Outdated
    return proposal


async def _sign(session: AsyncSession, now: datetime, proposal: Decision, signer: Signer) -> None:
    session.add(_signature(now, proposal, signer))
    proposal.state = DecisionState.PUBLISHED.value
    proposal.published_at = now


def _signature(now: datetime, proposal: Decision, signer: Signer) -> Signature:
    return Signature(
        contest_id=proposal.contest_id,
        kind=proposal.kind,
        number=proposal.number,
        contact_id=signer.contact_id,
        signed_at=now,
    )


__all__ = ["NeedsAnotherPerson", "Outdated", "approve", "certify", "propose", "published"]
