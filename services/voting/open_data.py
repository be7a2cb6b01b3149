"""Open data of a certified vote: totals, ballots, decisions and signed heads; JSON, and CSV by table."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

from fastapi import Response
from sqlalchemy import select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting import heads, repository
from services.voting.domain.disclosure import VoteState
from services.voting.domain.heads import HeadSigner
from services.voting.domain.open_data import ballot_rows
from services.voting.proof_views import HeadSummary, HeadView
from services.voting.standing import Standing
from services.voting.views import (
    EntryTally,
    OpenData,
    OpenDataRow,
    OpenDecision,
    OpenHeads,
    TotalsView,
)
from shared.contracts.voting import TreeHeadSigned, VotingOpened
from shared.errors import Conflict
from shared.messaging.tables import OUTBOX

_HEADS_AT_ONCE = 1_000
AT = ("opened_at", "decided_at", "closed_at", "certified_at", "destroyed_at")
"""How the events of the decision topic call their instant."""


async def open_data(session: AsyncSession, found: Standing, signer: HeadSigner) -> OpenData:
    """Everything about the vote that the public gets once the result is certified.

    Raises:
        Conflict: it is not.
    """
    if found.state is not VoteState.CERTIFIED or found.totals is None:
        raise Conflict("เปิดข้อมูลหลังรับรองผลแล้วเท่านั้น", "Open data is published once the result is certified.")
    contest_id = found.contest_id
    rows = ballot_rows(await repository.ballots_by_hour(session, contest_id))
    last = await heads.latest(session, contest_id)
    return OpenData(
        contest_id=contest_id,
        rulebook_number=found.rulebook.number,
        rulebook_sha256=found.rulebook.sha256(),
        totals=TotalsView.model_validate(found.totals, from_attributes=True),
        entries=tuple(
            EntryTally(entry_id=entry.entry_id, counted=entry.counted or 0) for entry in found.ranked
        ),
        winner_entry_id=found.winner,
        winner_withdrawn=found.winner_withdrawn,
        rows=tuple(OpenDataRow.model_validate(row, from_attributes=True) for row in rows),
        decisions=tuple(await _decisions(session, contest_id)),
        heads=OpenHeads(
            count=last.revision if last else 0,
            last=HeadView.model_validate(heads.document_of(last)) if last else None,
            list=f"/api/voting/v1/contests/{contest_id}/heads",
            public_key=signer.public_key(contest_id),
        ),
    )


async def _decisions(session: AsyncSession, contest_id: str) -> list[OpenDecision]:
    """The events of the decision topic but the heads, without receipts and without who decided."""
    values = await session.execute(
        select(OUTBOX.c.headers, OUTBOX.c.value)
        .where(
            OUTBOX.c.contest_id == contest_id,
            OUTBOX.c.topic == VotingOpened.TOPIC,
            OUTBOX.c.headers["ce_type"].astext != TreeHeadSigned.event_type(),
        )
        .order_by(OUTBOX.c.sequence)
    )
    return [_decision(headers["ce_type"].split(".")[2], json.loads(value)) for headers, value in values]


def _decision(kind: str, body: dict[str, Any]) -> OpenDecision:
    receipts = body.get("receipt_ids")
    return OpenDecision(
        kind=kind,
        at=next(body[name] for name in AT if name in body),
        receipts=len(receipts) if receipts is not None else None,
        detector=body.get("detector", ""),
        reason=body.get("reason", ""),
        people=len(body.get("approved_by") or body.get("certified_by") or ()),
    )


async def csv_of(session: AsyncSession, data: OpenData, table: str) -> Response:
    """One table for a spreadsheet: UTF-8 with a byte order mark, so that Excel shows Thai."""
    match table:
        case "totals":
            totals = data.totals.model_dump()
            rows: Iterable[Sequence[Any]] = [("", name, number) for name, number in totals.items()]
            rows = [*rows, *((entry.entry_id, "counted", entry.counted) for entry in data.entries)]
            header: tuple[str, ...] = ("entry_id", "outcome", "votes")
        case "decisions":
            header = ("at", "kind", "receipts", "detector", "reason", "people")
            rows = [[getattr(decision, name) for name in header] for decision in data.decisions]
        case "heads":
            header = ("revision", "size", "at_close", "signed_at")
            summaries = await head_summaries(session, data.contest_id)
            rows = [[getattr(summary, name) for name in header] for summary in summaries]
        case _:
            header = ("entry_id", "hour", "until", "votes")
            rows = [(r.entry_id, r.hour.isoformat(), r.until.isoformat(), r.votes) for r in data.rows]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    name = f"popular-vote-{table}.csv" if table != "ballots" else "popular-vote.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response("\ufeff" + text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


async def head_summaries(session: AsyncSession, contest_id: str) -> list[HeadSummary]:
    """Every head, the newest first."""
    found: list[HeadSummary] = []
    revision: int | None = None
    while some := await heads.before(session, contest_id, revision, _HEADS_AT_ONCE):
        found += [
            HeadSummary(
                revision=head.revision,
                size=head.size,
                at_close=head.at_close,
                signed_at=head.signed_at.isoformat(),
            )
            for head in some
        ]
        revision = some[-1].revision
    return found
