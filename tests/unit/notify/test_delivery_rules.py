"""The table's faults by line and field, paces, quiet hours, reports, return paths, and words that attack."""

from datetime import UTC, datetime, timedelta
from email import message_from_string
from email.message import EmailMessage
from email.policy import default as modern
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notify.channels.webhook import check_url
from services.notify.domain.bounces import Verdict, reports_in
from services.notify.domain.delivery import Pace, QuietHours
from services.notify.domain.keys import NotifyKeys, notice_of, return_path
from services.notify.handlers.reminders import before
from services.notify.mail.build import Envelope, build, words_of
from services.notify.mail.look import Frame
from services.notify.mail.transport import Postponed, Refused, answer
from services.notify.notice_files import NoticeText, rules_in
from shared.contracts.ids import new_id
from shared.errors import Invalid
from shared.thai.working_days import is_working_day, working_days_between
from tests.component.notify.test_delivery import REPORT

KEYS = NotifyKeys.of("1e" * 32)
NOON = datetime(2022, 7, 5, 5, tzinfo=UTC)
ROW = '[[notice]]\nevent = "EntrySubmitted"\nto = "entrant"\ntemplate = "here"\n'
TEXT = '[th]\nsubject = "{entry.reference}"\nheading = "h"\nparagraphs = ["p"]\n'


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('[[notice]]\nevent = "Nothing"\nto = "staff"\n', "line 2, event: Nothing is none of"),
        (ROW + ROW.replace("entrant", "winners"), "line 7, to: EntrySubmitted can tell"),
        (ROW + "colour = 1\n", "line 5, colour: Extra inputs"),
        (ROW.replace("here", "away"), "line 4, template: there is no away.toml"),
        (ROW + ROW, "line 6, event: repeats line 1"),
        (ROW + 'when = "maybe"\n', "line 5, when: the conditions of EntrySubmitted are: first, again"),
        (ROW + "days_before = [3]\n", "line 5, days_before: EntrySubmitted is no date"),
        (ROW + "reminder = true\n", "line 5, reminder: only what the calendar brings"),
        (ROW + 'channel = "letter"\n', "line 5, channel: letters come from"),
        (ROW + 'channel = "webhook"\n', "line 5, channel: subscribers and webhook"),
        ("[[notice]\n", "cannot be read"),
    ],
)
def test_a_fault_in_the_table_is_named_by_line_and_field(tmp_path: Path, table: str, says: str) -> None:
    (tmp_path / "here.toml").write_text(TEXT, encoding="utf-8")
    (tmp_path / "notices.toml").write_text(table, encoding="utf-8")
    with pytest.raises(Invalid, match=r".") as found:
        rules_in(tmp_path / "notices.toml")
    assert says in found.value.en


def test_a_place_that_the_event_does_not_offer_is_named(tmp_path: Path) -> None:
    (tmp_path / "here.toml").write_text(TEXT.replace("entry.reference", "votes.held"), encoding="utf-8")
    (tmp_path / "notices.toml").write_text(ROW, encoding="utf-8")
    with pytest.raises(Invalid, match=r"line 4, template: here.toml \[th\] names \{votes.held\}"):
        rules_in(tmp_path / "notices.toml")


@given(
    rate=st.floats(0.1, 500),
    burst=st.integers(1, 100),
    wants=st.lists(st.tuples(st.integers(0, 300), st.floats(0, 5)), min_size=1, max_size=20),
)
def test_a_queue_never_goes_faster_than_its_pace(
    rate: float, burst: int, wants: list[tuple[int, float]]
) -> None:
    pace, end, now, sent = Pace(rate, burst), NOON, NOON, 0
    for wanted, pause in wants:
        now += timedelta(seconds=pause)
        count, end, times = pace.allot(end, now, wanted)
        sent += count
        assert count + len(times) == wanted
        assert all(at > now for at in times)
        assert sent <= burst + rate * (now - NOON).total_seconds() + 1


@given(st.integers(0, 23), st.integers(0, 23), st.integers(0, 23))
def test_quiet_hours_reach_over_midnight(first: int, last: int, hour: int) -> None:
    hours = QuietHours.parse(f"{first:02}:00-{last:02}:00")
    inside = {(first + step) % 24 for step in range((last - first) % 24)}
    assert hours.quiet(NOON.replace(hour=hour) - timedelta(hours=7)) == (hour in inside)


def test_quiet_hours_that_cannot_be_read_say_how_they_are_written() -> None:
    with pytest.raises(Invalid, match="21:00-07:00"):
        QuietHours.parse("night")


@settings(deadline=None)  # the first look at a year reads its holidays
@given(st.integers(0, 60), st.integers(1, 30))
def test_working_days_before_a_date_are_counted_as_between_it(offset: int, days: int) -> None:
    day = NOON.date() + timedelta(days=offset)
    found = before(day, days)
    assert (working_days_between(found, day), is_working_day(found)) == (days, True)


@pytest.mark.parametrize(
    ("action", "status", "verdict", "dead"),
    [
        ("failed", "5.1.1", Verdict.HARD, True),
        ("failed", "5.2.2", Verdict.HARD, False),
        ("failed", "5.7.1", Verdict.HARD, False),
        ("failed", "4.4.7", Verdict.SOFT, False),
        ("delayed", "4.4.1", Verdict.DELAYED, False),
        ("delivered", "2.0.0", Verdict.ARRIVED, False),
    ],
)
def test_a_report_says_what_follows(action: str, status: str, verdict: Verdict, dead: bool) -> None:
    text = REPORT.format(
        to="x@y.example", recipient="a@b.example", action=action, status=status, words="w", message_id="<1@x>"
    )
    [report] = reports_in(cast("EmailMessage", message_from_string(text, policy=modern)))
    assert (report.verdict, report.address_dead, report.recipient) == (verdict, dead, "a@b.example")
    assert report.message_id == "<1@x>"


def test_an_absence_note_is_no_report() -> None:
    note = cast("EmailMessage", message_from_string("Subject: away\n\nUntil Monday", policy=modern))
    assert reports_in(note) == ()


def test_a_return_path_names_its_notice_and_cannot_be_forged() -> None:
    notice_id = new_id()
    path = return_path(KEYS, "bounces@showcase.invalid", notice_id)
    assert len(path.rpartition("@")[0]) <= 64
    assert notice_of(KEYS, path) == notice_of(KEYS, path.upper()) == notice_id
    local, _, domain = path.rpartition("@")
    assert notice_of(KEYS, f"{local[:-1]}{'a' if local[-1] != 'a' else 'b'}@{domain}") == ""
    assert notice_of(KEYS, "bounces@showcase.invalid") == ""


def test_an_answer_to_the_recipient_tells_whether_the_address_is_dead() -> None:
    dead = answer(550, "5.1.1 unknown", to_recipient=True)
    policy = answer(550, "5.7.1 spam", to_recipient=True)
    later = answer(451, "4.7.1 Greylisted", to_recipient=True)
    assert isinstance(dead, Refused)
    assert isinstance(policy, Refused)
    assert isinstance(later, Postponed)
    assert (dead.address_dead, policy.address_dead) == (True, False)
    assert later.wait >= timedelta(minutes=1)


@given(st.text(max_size=60), st.text(max_size=60))
def test_nothing_in_the_data_becomes_a_header_or_markup(title: str, name: str) -> None:
    attack = f"{title}\r\nBcc: all@example.org\r\n<script>alert(1)</script>zzp0zz{{site}}"
    text = NoticeText(subject="{entry.title}", heading="{entry.title}", paragraphs=("{entry.title}",))
    words = words_of(text, {"entry.title": attack})
    envelope = Envelope("a@b.example", f"{name}\r\nX: y", "c@d.example", "key", "th", NOON)
    raw = build(envelope, words, Frame("c", ("f",), "th"), ())
    parsed = cast("EmailMessage", message_from_string(raw.decode("ascii"), policy=modern))
    assert parsed["Bcc"] is None
    assert parsed["X"] is None
    page = parsed.get_body(("html",))
    assert page is not None
    assert "<script>alert" not in page.get_content()
    assert raw == build(envelope, words, Frame("c", ("f",), "th"), ())


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://a.example/\nx", 'https://a.example/"x'])
def test_a_button_leads_to_the_web_or_nowhere(url: str) -> None:
    words = NoticeText(subject="s", heading="h", paragraphs=("p",), action="go", url=url)
    with pytest.raises(Invalid):
        build(Envelope("a@b.example", "n", "c@d.example", "k", "th", NOON), words, Frame("c", (), "th"), ())


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://10.0.0.8/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[::127.0.0.1]/",
        "https://user:pass@example.org/",
        "https://localhost/",
        "file:///etc/passwd",
    ],
)
async def test_a_webhook_does_not_go_into_this_network(url: str) -> None:
    with pytest.raises(Invalid):
        await check_url(url, this_network=False)
