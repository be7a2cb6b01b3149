"""Review before sending, suppressed addresses, webhooks and the table of notices over JSON."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain.keys import NotifyKeys
from services.notify.handlers import review, suppression, webhooks
from services.notify.http.common import PREFIX, ContestPath, IdPath, Someone, Staff
from services.notify.sending_tables import Webhook
from shared.service import Resources
from shared.web.problems import PROBLEMS

HookPath = Annotated[str, Path(max_length=64, description="id of the webhook")]


class BatchView(BaseModel):
    """Notices of one event that wait for a review together."""

    event: str
    event_id: str
    template: str
    waiting_since: datetime
    notice_ids: list[str]


class BatchKey(BaseModel):
    event_id: Annotated[str, Field(max_length=200)]
    template: Annotated[str, Field(max_length=100)]


class Discard(BatchKey):
    reason: Annotated[str, Field(min_length=1, max_length=500)]


class Count(BaseModel):
    count: int


class SuppressionView(BaseModel):
    address: str
    reason: str
    status: str
    detail: str
    since: datetime
    lifted_at: datetime | None


class Address(BaseModel):
    address: Annotated[str, Field(max_length=254)]


class NewWebhook(BaseModel):
    name: Annotated[str, Field(min_length=1, max_length=100)]
    url: Annotated[str, Field(min_length=1, max_length=500)]
    events: Annotated[list[str], Field(max_length=50)] = []


class WebhookView(BaseModel):
    webhook_id: str
    name: str
    url: str
    events: list[str]
    paused_at: datetime | None
    paused_reason: str
    made_at: datetime
    secret: str = ""
    """Only in the answer that makes or changes it."""


class RuleView(BaseModel):
    """A row of the table of notices."""

    line: int
    event: str
    to: str
    channel: str
    template: str
    when: str
    timing: str
    days_before: list[int]
    working_days_before: list[int]
    working_days_after: int
    review: bool
    reminder: bool
    urgent: bool


def _hook(row: Webhook, secret: str = "") -> WebhookView:
    shown = row.model_dump(include=set(WebhookView.model_fields) - {"secret"})
    return WebhookView(**shown, secret=secret)


def router(resources: Resources) -> APIRouter:
    """What staff decide about sending."""
    api = APIRouter(prefix=PREFIX, responses=PROBLEMS)
    database, clock, settings = resources.database, resources.clock, resources.settings
    keys = NotifyKeys.of(settings.notify_secret.get_secret_value())

    @api.get("/notices/unread", tags=["notices"])
    async def count_unread(account: Someone) -> Count:
        """How many notices the person who asks has not opened."""
        async with database.transaction() as session:
            return Count(count=await repository.notices.unread(session, account.contact_id))

    @api.get("/contests/{contest_id}/notice-table", tags=["notices"])
    async def get_table(contest_id: ContestPath, account: Staff) -> list[RuleView]:
        """Who is told what, when: the table as the contest's data has it."""
        return [
            RuleView(
                line=rule.line,
                event=rule.event,
                to=rule.audience,
                channel=rule.channel,
                template=rule.template,
                when=rule.condition,
                timing=rule.timing,
                days_before=list(rule.days_before),
                working_days_before=list(rule.working_days_before),
                working_days_after=rule.working_days_after,
                review=rule.review,
                reminder=rule.reminder,
                urgent=rule.urgent,
            )
            for rule in contest_files(contest_id).rules()
        ]

    @api.get("/contests/{contest_id}/notice-reviews", tags=["notices"])
    async def list_reviews(contest_id: ContestPath, account: Staff) -> list[BatchView]:
        """What waits for a review, the oldest first."""
        async with database.transaction() as session:
            return [
                BatchView(
                    event=one.event,
                    event_id=one.event_id,
                    template=one.template,
                    waiting_since=one.waiting_since,
                    notice_ids=[notice.notice_id for notice in one.notices],
                )
                for one in await review.batches(session, contest_id)
            ]

    @api.post("/contests/{contest_id}/notice-reviews/approval", tags=["notices"])
    async def approve_batch(contest_id: ContestPath, body: BatchKey, account: Staff) -> Count:
        """Let every notice of a batch leave as it was built."""
        async with database.transaction() as session:
            found = await review.batch(session, contest_id, body.event_id, body.template)
        async with database.transaction() as session:
            return Count(count=await review.approve(session, clock, found.notices, account.contact_id))

    @api.post("/contests/{contest_id}/notice-reviews/discard", tags=["notices"])
    async def discard_batch(contest_id: ContestPath, body: Discard, account: Staff) -> Count:
        """Send none of a batch."""
        async with database.transaction() as session:
            found = await review.batch(session, contest_id, body.event_id, body.template)
        async with database.transaction() as session:
            count = await review.discard(session, clock, found.notices, account.contact_id, body.reason)
            return Count(count=count)

    @api.post("/contests/{contest_id}/notices/{notice_id}/retry", tags=["notices"], status_code=204)
    async def retry_notice(contest_id: ContestPath, notice_id: IdPath, account: Staff) -> None:
        """Send again what failed or came back; a webhook also what has arrived."""
        async with database.transaction() as session:
            notice = await repository.notices.notice(session, contest_id, notice_id, lock=True)
            await review.retry(session, clock, notice, account.contact_id)

    @api.get("/contests/{contest_id}/suppressions", tags=["notices"])
    async def list_suppressions(contest_id: ContestPath, account: Staff) -> list[SuppressionView]:
        """Addresses that are or were suppressed, the newest first."""
        async with database.transaction() as session:
            rows = await repository.sending.suppressions(session, contest_id)
        return [SuppressionView.model_validate(row.model_dump()) for row in rows]

    @api.post("/contests/{contest_id}/suppressions/lift", tags=["notices"])
    async def lift_suppression(contest_id: ContestPath, body: Address, account: Staff) -> SuppressionView:
        """Send to an address again."""
        async with database.transaction() as session:
            row = await suppression.lift(session, clock, contest_id, body.address, account.contact_id)
        return SuppressionView.model_validate(row.model_dump())

    @api.get("/contests/{contest_id}/webhooks", tags=["webhooks"])
    async def list_webhooks(contest_id: ContestPath, account: Staff) -> list[WebhookView]:
        """The other systems that are told; never their secrets."""
        async with database.transaction() as session:
            return [_hook(row) for row in await repository.sending.webhooks(session, contest_id)]

    @api.post("/contests/{contest_id}/webhooks", tags=["webhooks"], status_code=201)
    async def add_webhook(contest_id: ContestPath, body: NewWebhook, account: Staff) -> WebhookView:
        """Tell another system; its secret is in this answer and nowhere else."""
        async with database.transaction() as session:
            row, secret = await webhooks.add_webhook(
                session,
                clock,
                settings,
                keys,
                contest_id=contest_id,
                name=body.name,
                url=body.url,
                events=body.events,
                by=account.contact_id,
            )
            return _hook(row, secret)

    @api.post("/contests/{contest_id}/webhooks/{webhook_id}/secret", tags=["webhooks"])
    async def change_secret(contest_id: ContestPath, webhook_id: HookPath, account: Staff) -> WebhookView:
        """A new secret; the old one signs beside it for a day."""
        async with database.transaction() as session:
            row = await repository.sending.webhook(session, contest_id, webhook_id, lock=True)
            return _hook(row, await webhooks.change_secret(session, keys, row))

    @api.post("/contests/{contest_id}/webhooks/{webhook_id}/ping", tags=["webhooks"], status_code=204)
    async def ping(contest_id: ContestPath, webhook_id: HookPath, account: Staff) -> None:
        """Send a signed ``Ping``."""
        async with database.transaction() as session:
            row = await repository.sending.webhook(session, contest_id, webhook_id)
            await webhooks.try_out(session, clock, row)

    @api.post("/contests/{contest_id}/webhooks/{webhook_id}/replay", tags=["webhooks"])
    async def replay(contest_id: ContestPath, webhook_id: HookPath, account: Staff) -> Count:
        """Send everything again that did not arrive, under the same ids."""
        async with database.transaction() as session:
            row = await repository.sending.webhook(session, contest_id, webhook_id)
            count = await webhooks.replay(session, clock, contest_id, row.webhook_id, account.contact_id)
            return Count(count=count)

    @api.delete("/contests/{contest_id}/webhooks/{webhook_id}", tags=["webhooks"], status_code=204)
    async def remove_webhook(contest_id: ContestPath, webhook_id: HookPath, account: Staff) -> None:
        """Tell it nothing any more."""
        async with database.transaction() as session:
            row = await repository.sending.webhook(session, contest_id, webhook_id, lock=True)
            await webhooks.remove_webhook(session, row)

    return api
