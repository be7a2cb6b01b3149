"""Who waits for a row decides on the row as it is then, not as it was read before."""

import asyncio

from sqlalchemy import text

from services.notify import repository
from shared.contracts.intake import Role
from shared.db import Database
from shared.testing.web import client_for, csrf_of, sign_in, submit
from shared.web import csrf
from tests.component.notify.notify_kit import Notify, a_contact
from tests.component.notify.test_cascade import dispatched, link_in, mail_to
from tests.component.notify.test_register import approved

NAME = "สมมติ นามสกุลเดียว"
_BLOCKED = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")


async def _until_it_waits(database: Database, task: asyncio.Task[object]) -> None:
    """Until ``task`` waits for a row that another transaction holds."""
    for _ in range(200):
        async with database.transaction() as session:
            if (await session.execute(_BLOCKED)).scalar_one():
                return
        assert not task.done(), "it waited for nothing"
        await asyncio.sleep(0.02)
    raise AssertionError("it never waited")


async def test_a_letter_that_is_numbered_meanwhile_is_voided_by_an_approver_only(notify: Notify) -> None:
    async with client_for(notify.service()) as client:
        letter_id = await approved(client)
        sign_in(client, [Role.STAFF], contact_id="drafter")
        form = {csrf.FIELD: csrf_of(await client.get(f"/letters/{letter_id}"))}
        form |= {"confirm": "VOID", "reason": "ร่างใหม่"}
        async with notify.database.transaction() as signing:
            await signing.execute(text("UPDATE letter SET state = 'signed', number_text = 'สศด. 1'"))
            voiding = asyncio.create_task(client.post(f"/letters/{letter_id}/void", data=form))
            await _until_it_waits(notify.database, voiding)
        assert (await voiding).status_code == 403
    async with notify.database.transaction() as session:
        assert (await repository.letters.letter(session, letter_id)).state == "signed"


async def test_a_row_that_was_read_is_read_again_when_it_is_held(notify: Notify) -> None:
    async with client_for(notify.service()) as client:
        letter_id = await dispatched(notify, client)
    (one, *_) = await notify.notices()
    async with notify.database.transaction() as session:
        letter = await repository.letters.letter(session, letter_id)
        notice = await repository.notices.notice(session, one.contest_id, one.notice_id)
        async with notify.database.transaction() as other:
            await other.execute(text("UPDATE letter SET subject = 'changed'"))
            await other.execute(text("UPDATE notice SET handled_by = 'somebody'"))
        await repository.letters.letter(session, letter_id, lock=True)
        await repository.notices.notice(session, one.contest_id, one.notice_id, lock=True)
        assert (letter.subject, notice.handled_by) == ("changed", "somebody")


async def test_a_cover_letter_that_is_passed_on_meanwhile_is_not_erased_from(notify: Notify) -> None:
    async with client_for(notify.service()) as client:
        await dispatched(notify, client)
        here = link_in(mail_to(notify, "saraban@n.example"))
        await submit(client, here, {"receive_number": "1"})
        words = {"cover_subject": f"เชิญ {NAME}", "cover_text": f"ด้วย {NAME} แจ้งว่า"}
        assert (await submit(client, f"{here}/cover", words, form_page=here)).status_code == 303
    await notify.consume(a_contact("guest-1", name=NAME))
    async with notify.database.transaction() as office:
        await office.execute(text("UPDATE passing SET sent_at = now(), number = '1'"))
        erasing = asyncio.create_task(notify.erase("guest-1"))
        await _until_it_waits(notify.database, erasing)
    await erasing
    async with notify.database.transaction() as session:
        kept = (await session.execute(text("SELECT subject, paragraphs FROM passing"))).one()
    assert tuple(kept) == (f"เชิญ {NAME}", [f"ด้วย {NAME} แจ้งว่า"])
