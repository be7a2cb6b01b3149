"""The small parts of the demo: codes in mail, the attached PDF, figures, and what stops it."""

import asyncio
import gc
import io
import sys
import warnings
from datetime import date
from pathlib import Path

import httpx
import pytest
from pypdf import PdfReader
from rich.console import Console
from typer.testing import CliRunner

from services.demo import cli, inbox
from services.demo.acts.voting import certify
from services.demo.api import Api, DemoFailed, all_of
from services.demo.asleep import reminders_of_one
from services.demo.figures import Figure
from services.demo.inbox import code_from
from services.demo.paper import report_pdf
from services.demo.plan import make_plan
from services.demo.show import Show
from services.demo.stage import APPROVER, STAFF, Stage
from services.demo.story import entries
from services.demo.system import System, own_system, program


class FakeInbox:
    def __init__(self, *texts: str) -> None:
        self._texts = list(texts)

    async def texts(self, address: str) -> list[str]:
        return self._texts

    async def total(self) -> int:
        return len(self._texts)


@pytest.mark.parametrize("text", ["รหัสคือ 123 456", "123456 is your code", "Code\n\n    123 456\n"])
async def test_a_code_is_read_as_a_person_reads_it(text: str) -> None:
    assert await code_from(FakeInbox("ไม่มีรหัส 1234567 หรือ 12 345 6789", text), "a@example.org") == "123456"


async def test_a_mail_that_does_not_come_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "_MAIL_SECONDS", 0.2)
    with pytest.raises(DemoFailed, match="no mail with a code came"):
        await code_from(FakeInbox(), "a@example.org")


def test_the_attachment_is_a_real_pdf() -> None:
    page = PdfReader(io.BytesIO(report_pdf(7)), strict=True).pages[0]
    assert page.extract_text() == "Annual report of entry 07"


@pytest.mark.parametrize(
    ("api", "log", "agrees"),
    [(5, 5, True), (5, None, True), (None, 5, True), (4, 5, False), (5, 4, False), (None, None, False)],
)
def test_a_figure_agrees_where_everyone_who_knows_it_found_it(
    api: int | None, log: int | None, agrees: bool
) -> None:
    assert Figure("votes", 5, api, log).agrees is agrees


async def test_a_folder_that_no_demo_made_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DemoFailed, match="holds something that no demo made"):
        async with own_system(tmp_path, admin="a@example.org", port=None):
            pass
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


JUNE_20, JUNE_30 = date(2022, 6, 20), date(2022, 6, 30)


@pytest.mark.parametrize(
    ("sent", "days", "reminders"),
    [
        (JUNE_20, [], 0),
        (JUNE_20, [date(2022, 6, 22)], 0),  # two working days
        (JUNE_20, [date(2022, 6, 23)], 1),
        (JUNE_20, [date(2022, 6, 23), date(2022, 6, 23), date(2022, 6, 24)], 1),  # two days apart
        (JUNE_20, [date(2022, 6, 23), date(2022, 6, 26)], 1),  # a Sunday
        (JUNE_20, [date(2022, 6, day) for day in range(21, 31)] + [date(2022, 7, 20)], 3),  # three at most
        (JUNE_30, [date(2022, 7, 1), date(2022, 7, 4), date(2022, 7, 20), date(2022, 8, 1)], 2),
    ],
)
def test_sleeping_offices_are_reminded_as_the_contest_s_file_says(
    sent: date, days: list[date], reminders: int
) -> None:
    assert reminders_of_one(sent, days) == reminders


@pytest.mark.parametrize(
    ("started", "said"),
    [(".venv/bin/showcase", ".venv/bin/showcase"), ("/usr/lib/pytest/__main__.py", "showcase")],
)
def test_commands_are_named_as_the_program_was_started(
    monkeypatch: pytest.MonkeyPatch, started: str, said: str
) -> None:
    monkeypatch.setattr(sys, "argv", [started, "demo"])
    assert program() == said


@pytest.mark.parametrize("port", ["0", "70000", "http"])
def test_a_port_that_is_none_is_refused_before_anything_starts(port: str, tmp_path: Path) -> None:
    answer = CliRunner().invoke(cli.app, ["demo", "--port", port, "--var", str(tmp_path / "var")])
    assert (answer.exit_code, (tmp_path / "var").exists()) == (2, False)
    assert "--port" in answer.output


async def test_keep_keeps_the_system_of_a_demo_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def fail(*_: object) -> None:
        raise DemoFailed("the vote was not certified")

    async def wait(*_: object, played: bool = True) -> None:
        asked.append("stays" if not played else "stays as after a whole demo")

    monkeypatch.setattr(cli, "play", fail)
    monkeypatch.setattr(cli, "_stay", wait)
    said = Console(file=io.StringIO(), width=200)
    system = System("http://127.0.0.1:1", "", "", mailpit=False, admin="admin@example.org")
    plan = make_plan(entries(), seed=7, votes=300)
    for keep, stays in ((False, []), (True, ["stays"])):
        with pytest.raises(DemoFailed):
            await cli._demo(said, plan, system, tmp_path, None, system.admin, keep=keep, json_only=False)
        assert asked == stays
    assert "the vote was not certified" in said.file.getvalue()  # type: ignore[attr-defined]


async def test_keep_says_who_can_sign_in_and_how_to_stop_and_ends_with_its_system(tmp_path: Path) -> None:
    said = io.StringIO()
    ended = asyncio.Event()
    system = System(
        "http://127.0.0.1:1",
        "",
        "http://127.0.0.1:1",
        mailpit=False,
        admin="admin@example.org",
        var=tmp_path,
        ended=ended.wait,
    )
    staying = asyncio.create_task(cli._stay(Console(file=said, width=60), system))
    await asyncio.sleep(0)
    ended.set()
    await asyncio.wait_for(staying, 5)
    lines = said.getvalue().splitlines()
    assert lines[0].endswith("http://127.0.0.1:1/mail")
    assert [line.split() for line in lines[1:4]] == [
        ["administrator", "admin@example.org"],
        ["officer", STAFF],
        ["approver", APPROVER],
    ]
    assert lines[-4].startswith("This contest is over")
    assert f"showcase admin you@example.org --var {tmp_path}" in lines[-3]
    assert f"showcase down --var {tmp_path}" in lines[-2]
    assert lines[-1] == "The system was stopped."


@pytest.mark.parametrize(
    ("method", "error", "sent"),
    [
        ("GET", httpx.ReadError(""), 2),
        ("PUT", httpx.RemoteProtocolError("disconnected"), 2),
        ("POST", httpx.ReadError(""), 1),
        ("POST", httpx.ConnectError("refused"), 2),
    ],
)
async def test_a_broken_connection_is_tried_once_more_where_that_is_safe(
    method: str, error: httpx.TransportError, sent: int
) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        raise error

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://demo") as http:
        with pytest.raises(type(error)) as raised:
            await Api(http).send(method, "/api/intake/v1/contests", params={"limit": 1})
    assert asked == [method] * sent
    assert cli._reasons(raised.value)[0].startswith(
        f"{method} http://demo/api/intake/v1/contests got no answer"
    )


async def test_what_an_error_keeps_from_beginning_is_put_away_in_silence() -> None:
    async def work(number: int) -> int:
        if number == 1:
            raise DemoFailed("no")
        await asyncio.sleep(0)
        return number

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert await all_of([work(number) for number in (2, 3)]) == [2, 3]
        with pytest.raises(ExceptionGroup):
            await all_of([work(number) for number in range(6)], at_once=1)
        gc.collect()
    assert not [warning for warning in seen if "never awaited" in str(warning.message)]


async def test_a_mail_that_mailpit_got_twice_counts_once() -> None:
    mails = [
        {"ID": str(number), "MessageID": f"m{number % 600}", "To": [{"Address": "a@example.org"}]}
        for number in range(601)
    ]

    def answer(request: httpx.Request) -> httpx.Response:
        start, limit = (int(request.url.params[name]) for name in ("start", "limit"))
        return httpx.Response(200, json={"messages": mails[start : start + limit]})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://mailpit") as http:
        assert await inbox.MailpitInbox(http).total() == 600


@pytest.mark.parametrize("reason", ["recount-differs", "votes-held"])
async def test_a_vote_that_no_waiting_certifies_ends_the_demo_at_once(reason: str) -> None:
    stage = _stage_that_refuses(reason)
    with pytest.raises(DemoFailed, match=reason):
        await asyncio.wait_for(certify(stage), 30)


def _stage_that_refuses(reason: str) -> Stage:
    """A stage whose vote cannot be certified; its clock does nothing."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/certification"):
            return httpx.Response(409, json={"type": f"/problems/{reason}", "detail": reason})
        return httpx.Response(200, json={"done": True})

    api = Api(httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://demo"), "token")
    system = System("http://demo", "", "", mailpit=False, admin="admin@example.org")
    return Stage(
        system=system,
        plan=make_plan(entries(), seed=7, votes=300),
        api=api,
        inbox=FakeInbox(),
        progress=Show(Console(file=io.StringIO())),
        contest_toml="",
        accounts={system.admin: api, STAFF: api},
    )
