"""What the staff board says of letters and circulars."""

from datetime import datetime

import pytest

from services.notify.domain.letters import LetterState
from services.notify.handlers.todos import CircularRow, circular_todos, letter_todos
from services.notify.tables import Letter
from shared.clock import BANGKOK
from shared.testing.rulebooks import CONTEST_ID


def _letter(state: LetterState) -> Letter:
    return Letter(
        contest_id=CONTEST_ID,
        letter_id="letter-1",
        template="circular-governors",
        kind="circular",
        agency="depa",
        series="circular",
        state=state,
        overrides={},
        facts={},
        subject="เรื่อง",
        addressee="ผู้ว่าราชการจังหวัด",
        recipients=[{"code": "96"}],
        drafted_by="drafter",
        drafted_at=datetime(2022, 6, 1, tzinfo=BANGKOK),
    )


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (LetterState.DRAFT, "ร่างรอส่งตรวจ"),
        (LetterState.REVIEW, "รออนุมัติร่าง"),
        (LetterState.APPROVED, "รอลงนาม"),
        (LetterState.SIGNED, "รอส่งออก"),
        (LetterState.DISPATCHED, None),
    ],
)
def test_a_letter_says_what_it_waits_for_in_its_state(state: LetterState, says: str | None) -> None:
    ends = [todo.title.th.rpartition(" ")[2] for todo in letter_todos([_letter(state)])]
    assert ends == ([says] if says else [])


def test_a_letter_number_has_thai_digits_as_in_the_lists() -> None:
    row = CircularRow("letter-1", "เรื่อง", "นธ 0017.2/ว 2565", 1, 3, 1, 0, 0, 0, asleep=2)
    assert [todo.hint.th for todo in circular_todos([row])] == ["ที่ นธ ๐๐๑๗.๒/ว ๒๕๖๕ · เกิน 3 วันทำการ"]
