"""The vote's lane and uvicorn's way answer alike, whatever arrives and in whatever pieces."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.responses import PlainTextResponse

from services.voting.domain.ballots import MailClass, issue_ballot
from services.voting.domain.disclosure import VoteState
from services.voting.domain.errors import TooBusy
from services.voting.domain.keys import derive_keys
from services.voting.door import Door
from services.voting.fast import PATH, FastVotes
from services.voting.lane import lane_for
from services.voting.sender import Unconfirmed
from services.voting.window import OpenVote
from shared.contracts.rulebook import VoteScope
from shared.runtime.serve import HttpServer, listen

KEYS = derive_keys(b"r" * 32, "c", b"p" * 32)
VOTE = OpenVote("c", VoteState.OPEN, {"e1": "", "e2": ""}, frozenset({"e2"}), VoteScope.CONTEST, timedelta())
TOKEN = issue_ballot(KEYS, b"s" * 15, int(datetime.now(UTC).timestamp()), MailClass.OTHER)


@dataclass
class Log:
    """A sender that confirms, keeps waiting, or refuses."""

    how: str = "confirm"
    taken: list[dict[str, Any]] = field(default_factory=list)
    waiting: list[Callable[[bool], None]] = field(default_factory=list)
    through_the_app: int = 0

    def overfull(self) -> bool:
        return self.how == "crowd"

    def submit(self, key: bytes, value: bytes, headers: Any, done: Callable[[bool], None]) -> None:
        if self.how in ("busy", "crowd"):
            raise TooBusy
        self.taken.append({**json.loads(value), "headers": dict(headers)})
        if self.how == "wait":
            self.waiting.append(done)
        else:
            asyncio.get_running_loop().call_soon(done, self.how == "confirm")

    async def send(self, key: bytes, value: bytes, headers: Any) -> None:
        self.through_the_app += 1
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.submit(key, value, headers, answer.set_result)
        if not await answer:
            raise Unconfirmed


class Served:
    """The same application on two ports: with the lane, and without."""

    def __init__(self, log: Log) -> None:
        window: Any = SimpleNamespace(keys={"c": KEYS}.get, vote={"c": VOTE}.get)
        sender: Any = log
        self.log = log
        self.door = Door(window, sender)

        async def inner(scope: Any, receive: Any, send: Any) -> None:
            await PlainTextResponse(f"{scope['method']} {scope['path']}", 404)(scope, receive, send)

        app = FastVotes(inner, door=self.door)
        self.lane = HttpServer(app, listen("127.0.0.1", 0), behind_proxy=True, protocol=lane_for(self.door))
        self.plain = HttpServer(app, listen("127.0.0.1", 0), behind_proxy=True)


@asynccontextmanager
async def serving(log: Log | None = None) -> AsyncIterator[Served]:
    served = Served(log or Log())
    await served.lane.start()
    await served.plain.start()
    try:
        yield served
    finally:
        await served.lane.stop()
        await served.plain.stop()


def a_request(
    body: bytes | None = None,
    *,
    head: str = "",
    entry: str = "e1",
    key: str = "attempt-1",
    length: bool = True,
    line: str = f"POST {PATH} HTTP/1.1",
) -> bytes:
    if body is None:
        body = json.dumps({"ballot": TOKEN, "entry_id": entry, "key": key}).encode()
    counted = f"Content-Length: {len(body)}\r\n" if length else ""
    return f"{line}\r\nHost: x\r\nContent-Type: application/json\r\n{counted}{head}\r\n".encode() + body


async def talk(port: int, *pieces: bytes, answers: int = 1) -> bytes:
    """Everything that is answered to ``pieces``, sent apart, until ``answers`` came or the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(20):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            if len(pieces) > 1:
                await asyncio.sleep(0.002)
        said = b""
        for _ in range(answers):
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            said += head + (await reader.readexactly(int(length[1])) if length else b"")
        writer.close()
    return re.sub(rb"date: [^\r]+\r\n", b"", said)


CHUNKED = b'5\r\n{"bal\r\n0\r\n\r\n'
REQUESTS = {
    "a vote": a_request(),
    "names in small letters": a_request().lower().replace(PATH.lower().encode(), PATH.encode()).replace(
        b"post", b"POST").replace(b"http/1.1", b"HTTP/1.1"),
    "an entry that left": a_request(entry="e2"),
    "an entry that is not there": a_request(entry="e9"),
    "a ballot of somebody else": a_request(b'{"ballot":"c.AAAA","entry_id":"e1","key":"attempt-1"}'),
    "a contest that is not there": a_request(b'{"ballot":"x.AAAA","entry_id":"e1","key":"attempt-1"}'),
    "no JSON": a_request(b"{ballot"),
    "not UTF-8": a_request(b'{"ballot":"\xff"}'),
    "an empty body": a_request(b""),
    "a field too many": a_request(b'{"ballot":"a","entry_id":"b","key":"12345678","more":1}'),
    "a field too few": a_request(b'{"ballot":"a","entry_id":"b"}'),
    "a body that is too large": a_request(b"[" + b" " * 3_000 + b"]"),
    "no length": a_request(b"", length=False),
    "a length twice": a_request(head="Content-Length: 1\r\n"),
    "a length that is none": a_request(length=False, head="Content-Length: +5\r\n"),
    "a chunked body": a_request(CHUNKED, length=False, head="Transfer-Encoding: chunked\r\n"),
    "a folded header": a_request(head="X-Long: a\r\n b\r\n"),
    "a bare line feed": a_request(head="X-A: b\nX-B: c\r\n"),
    "a NUL": a_request(head="X-A: \0\r\n"),
    "a space before the colon": a_request(head="Content-Encoding : x\r\n"),
    "the end of the connection": a_request(head="Connection: close\r\n"),
    "an old version": a_request(line=f"POST {PATH} HTTP/1.0"),
    "a query": a_request(line=f"POST {PATH}?a=b HTTP/1.1"),
    "another method": a_request(line=f"PUT {PATH} HTTP/1.1"),
    "another path": a_request(line="POST /api/voting/v1/others HTTP/1.1"),
    "a forged address": a_request(head="X-Forwarded-For: 192.0.2.7, 198.51.100.9\r\n"),
}  # fmt: skip


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Served]:
    async with serving() as both:
        yield both


@pytest.mark.parametrize("what", REQUESTS)
async def test_lane_answers_as_uvicorn_does(served: Served, what: str) -> None:
    request = REQUESTS[what]
    served.log.taken.clear()
    lane = await talk(served.lane.port, request)
    plain = await talk(served.plain.port, request)
    assert _without_times(lane) == _without_times(plain)
    records = [_lasting(record) for record in served.log.taken]
    assert records[: len(records) // 2] == records[len(records) // 2 :]


def _without_times(answer: bytes) -> tuple[bytes, list[bytes], bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *fields = head.split(b"\r\n")
    return status, sorted(fields), body


def _lasting(record: dict[str, Any]) -> dict[str, Any]:
    headers = {
        k: v for k, v in record["headers"].items() if k not in ("ce_id", "ce_time", "ce_correlationid")
    }
    return {**record, "headers": headers, "cast_at": ""}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_pieces_and_pipelines_change_no_answer(served: Served, data: st.DataObject) -> None:
    """Three requests one behind the other, cut anywhere: three answers in their order."""
    chosen = [
        data.draw(st.sampled_from(["a vote", "an entry that left", "another path", "no JSON", "a query"]))
        for _ in range(3)
    ]
    whole = b"".join(REQUESTS[what] for what in chosen)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(whole) - 1), max_size=5)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    said = await talk(served.lane.port, *pieces, answers=3)
    assert said == await talk(served.plain.port, whole, answers=3)


async def test_address_is_believed_from_a_proxy_only_and_what_the_log_learns_is_the_same(
    served: Served,
) -> None:
    served.log.taken.clear()
    traced = "Traceparent: 00-" + "a" * 32 + "-" + "b" * 16 + "-01\r\nX-Correlation-ID: seen-before\r\n"
    asked = a_request(head=f"X-Forwarded-For: 203.0.113.5\r\nUser-Agent: curl/8\r\n{traced}")
    for port in (served.lane.port, served.plain.port):
        await talk(port, asked)
    await talk(served.lane.port, a_request(head="User-Agent: curl/8\r\n"))
    first, second, third = served.log.taken
    assert _lasting(first) == _lasting(second)
    assert first["signals"]["subnet24"] != third["signals"]["subnet24"]
    assert first["signals"]["agent_class"] == "script"
    assert first["headers"]["ce_correlationid"] == second["headers"]["ce_correlationid"] == b"seen-before"
    assert first["headers"]["traceparent"] == second["headers"]["traceparent"]


async def test_plain_vote_takes_the_lane_and_a_strange_one_does_not() -> None:
    async with serving() as served:
        await talk(served.lane.port, REQUESTS["a vote"])
        assert served.log.through_the_app == 0
        await talk(served.lane.port, REQUESTS["a folded header"].replace(b"\r\n b", b"\r\nX-B: b"))
        assert served.log.through_the_app == 0
        await talk(served.lane.port, REQUESTS["a query"])
        assert served.log.through_the_app == 1


async def test_unconfirmed_and_refused_votes_are_503_with_retry_after() -> None:
    for how, told in (("lose", b"may-be-recorded"), ("busy", b"too-busy"), ("crowd", b"too-busy")):
        async with serving(Log(how)) as served:
            lane = await talk(served.lane.port, a_request())
            assert lane == await talk(served.plain.port, a_request())
            assert lane.startswith(b"HTTP/1.1 503")
            assert b"retry-after: " in lane
            assert told in lane
            if how == "lose":
                served.log.how = "confirm"
                again = await talk(served.lane.port, a_request())
                assert json.loads(lane.rpartition(b"\r\n")[2])["receipt"] == receipt_in(again)
            else:
                assert b"receipt" not in lane, "nothing was sent: there is nothing to find"


def receipt_in(answer: bytes) -> str:
    """The receipt of a vote that was taken."""
    assert answer.startswith(b"HTTP/1.1 202")
    return str(json.loads(answer.rpartition(b"\r\n")[2])["receipt"])


async def test_stopping_finishes_the_vote_in_hand() -> None:
    async with serving(Log("wait")) as served:
        talking = asyncio.create_task(talk(served.lane.port, a_request()))
        while not served.log.waiting:  # noqa: ASYNC110 - the request is on its way
            await asyncio.sleep(0.01)
        stopping = asyncio.create_task(served.lane.stop())
        await asyncio.sleep(0.3)
        served.log.waiting.pop()(True)
        answer = await talking
        assert answer.startswith(b"HTTP/1.1 202")
        assert b"connection: close" in answer
        await stopping


async def test_voter_who_left_is_no_trouble() -> None:
    async with serving(Log("wait")) as served:
        _reader, writer = await asyncio.open_connection("127.0.0.1", served.lane.port)
        writer.write(a_request())
        while not served.log.waiting:  # noqa: ASYNC110 - the request is on its way
            await asyncio.sleep(0.01)
        writer.close()
        await writer.wait_closed()
        await asyncio.sleep(0.05)
        served.log.waiting.pop()(True)
        assert (await talk(served.plain.port, REQUESTS["another path"])).startswith(b"HTTP/1.1 404")
