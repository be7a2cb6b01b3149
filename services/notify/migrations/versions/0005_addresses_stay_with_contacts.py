"""A letter to a contact names the contact, who has the address, in place of the address itself.

What was written before is moved: rows, addressees and dispatches get the contact's id, and what still holds
the address of a person who was erased is destroyed. Addresses of offices stay.

Revision ID: 0005
Revises: 0004
"""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

JUDGE = "กรรมการตัดสิน"
"""What stands for the post of a judge who gave none; before, that was the person's name."""
LETTER = sa.table(
    "letter",
    sa.column("contest_id", sa.String()),
    sa.column("letter_id", sa.String()),
    sa.column("addressee", sa.String()),
    sa.column("number_text", sa.String()),
    sa.column("facts", JSONB()),
    sa.column("recipients", JSONB()),
)
OWNERS = """
    SELECT contest_id, entry_id AS about, contact_id FROM entry
    UNION ALL SELECT contest_id, judge_id, contact_id FROM judge
"""
MOVE_DISPATCH = """
    UPDATE dispatch SET contact_id = :contact_id, email = ''
    WHERE contest_id = :contest_id AND letter_id = :letter_id AND parent_id = '' AND code = :code
      AND email = :email
"""
FORGET = (
    """
    UPDATE notice SET contact_id = dispatch.contact_id FROM dispatch
    WHERE notice.recipient = 'dispatch:' || dispatch.dispatch_id
      AND notice.contest_id = dispatch.contest_id AND dispatch.contact_id <> ''
    """,
    """
    CREATE TEMPORARY TABLE gone ON COMMIT DROP AS
    SELECT notice.contest_id, notice.notice_id FROM notice
    WHERE notice.recipient LIKE 'dispatch:%' AND notice.contact_id <> ''
      AND NOT EXISTS (SELECT FROM contact WHERE contact.contact_id = notice.contact_id)
    """,
    "DELETE FROM suppression USING gone WHERE suppression.notice_id = gone.notice_id",
    "DELETE FROM mail USING gone WHERE mail.contest_id = gone.contest_id AND mail.notice_id = gone.notice_id",
    """
    UPDATE notice SET state = 'cancelled' FROM gone
    WHERE notice.contest_id = gone.contest_id AND notice.notice_id = gone.notice_id
      AND notice.state IN ('planned', 'built', 'review', 'failed', 'bounced')
    """,
    """
    UPDATE dispatch SET state = 'print'
    WHERE state = 'ready' AND contact_id <> ''
      AND NOT EXISTS (SELECT FROM contact WHERE contact.contact_id = dispatch.contact_id)
    """,
    r"""
    UPDATE notice SET last_error = regexp_replace(last_error, '\S*@\S*', '…', 'g')
    WHERE last_error LIKE '%@%'
    """,
    r"""
    UPDATE letter_step SET note = regexp_replace(note, '\S*@\S*', '…', 'g')
    WHERE step = 'bounce' AND note LIKE '%@%'
    """,
)


def upgrade() -> None:
    op.add_column("dispatch", sa.Column("contact_id", sa.String(), nullable=False, server_default=""))
    op.alter_column("dispatch", "contact_id", server_default=None)
    connection = op.get_bind()
    owners = {(row.contest_id, row.about): row.contact_id for row in connection.execute(sa.text(OWNERS))}
    for letter in connection.execute(sa.select(LETTER)).all():
        moved: dict[str, dict[str, Any]] = {}
        facts = {name: _moved(value, letter, owners, moved) for name, value in letter.facts.items()}
        recipients = [_addressee(one, moved.get(one["code"])) for one in letter.recipients]
        names = {row["name"] for row in moved.values() if row["post"] == JUDGE and not letter.number_text}
        addressee = JUDGE if letter.addressee in names else letter.addressee
        connection.execute(
            sa.update(LETTER)
            .where(LETTER.c.contest_id == letter.contest_id, LETTER.c.letter_id == letter.letter_id)
            .values(facts=facts, recipients=recipients, addressee=addressee)
        )
        for code, row in moved.items():
            place = {"contest_id": letter.contest_id, "letter_id": letter.letter_id, "code": code}
            if row["email"]:
                given = {**place, "email": row["email"], "contact_id": row["contact_id"]}
                connection.execute(sa.text(MOVE_DISPATCH), given)
    for statement in FORGET:
        connection.execute(sa.text(statement))


def _moved(value: Any, letter: Any, owners: Mapping[tuple[str, str], str], moved: dict[str, Any]) -> Any:
    """The rows of a letter's facts without addresses; ``moved`` keeps, by code, what they had."""
    if isinstance(value, list):
        return [_moved(each, letter, owners, moved) for each in value]
    if not isinstance(value, dict) or "email" not in value:
        return value
    row = {name: text for name, text in value.items() if name != "email"}
    row["contact_id"] = owners.get((letter.contest_id, row.get("about", "")), "")
    if row.get("name") and row["post"] == row["name"] and not letter.number_text:
        row["post"] = JUDGE
    moved[row["code"]] = {**row, "email": value["email"]}
    return row


def _addressee(one: dict[str, Any], row: dict[str, Any] | None) -> dict[str, Any]:
    """An addressee that came from a row has its contact; one that came from a list has its own address."""
    if row is None or one.get("email", "") != row["email"]:
        return {**one, "contact_id": ""}
    post = row["post"] if one["post"] == row.get("name") else one["post"]
    return {**one, "email": "", "contact_id": row["contact_id"], "post": post}


def downgrade() -> None:
    op.drop_column("dispatch", "contact_id")
