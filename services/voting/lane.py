"""The vote's own lane through the HTTP server of the api process.

uvicorn serves every route of the port; on each connection this protocol looks first whether what
came is one plain vote, whole, with nothing unusual about it. Then the vote goes from the socket to
the log and its answer back to the socket, without a task, a scope, or a queue in between: ADR 0012 has
what that saves. Anything else (another route, a chunked body, ``Expect``, a strange header) is
handed to uvicorn as it came, and ``FastVotes`` answers the same there.
"""

import re
from contextlib import suppress
from functools import cache, lru_cache
from typing import Any, Final

from starlette.responses import Response
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from services.voting.domain.errors import MayBeRecorded, TooBusy
from services.voting.door import Door, Origin
from services.voting.fast import MAX_BODY, PATH, REFUSED, origin_from, read_vote, refusal, took
from shared.errors import DomainError

_REQUEST: Final = b"POST %b HTTP/1.1\r\n" % PATH.encode()
_FIELDS = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\r\n\0]*\r\n)+\r\n")
"""A head that two parsers cannot read differently: tokens, no folded lines, no bare CR or LF."""
_TOLD = re.compile(
    rb"\n(content-length|x-forwarded-for|x-correlation-id|traceparent|user-agent|transfer-encoding|"
    rb"expect|connection|upgrade|content-encoding):[ \t]*([^\r\n]*)",
    re.IGNORECASE,
)
_UNUSUAL = frozenset({b"transfer-encoding", b"expect", b"upgrade", b"content-encoding"})
_MOST_HELD = 8_192
_ANSWER = (
    b"content-type: application/json\r\ncontent-length: 28\r\nlocation: " + PATH.encode() + b"/%b\r\n"
    b'cache-control: no-store\r\nx-content-type-options: nosniff\r\n\r\n{"receipt":"%b"}'
)


_SHED: Final = REFUSED.labels(TooBusy.code)


class _Heads:
    """How answers begin: the status line and uvicorn's own headers, which it makes anew once a second."""

    def __init__(self) -> None:
        self._headers: list[tuple[bytes, bytes]] | None = None
        self._made: dict[int, bytes] = {}

    def __call__(self, status: int, headers: list[tuple[bytes, bytes]]) -> bytes:
        if headers is not self._headers:
            self._headers, self._made = headers, {}
        head = self._made.get(status)
        if head is None:
            lines = (b"%b: %b\r\n" % pair for pair in headers)
            head = self._made[status] = STATUS_LINE[status] + b"".join(lines)
        return head


_head_of: Final = _Heads()


def _after_head(answer: Response) -> bytes:
    lines = [b"%b: %b\r\n" % (name, value) for name, value in answer.raw_headers]
    return b"".join(lines) + b"\r\n" + bytes(answer.body)


@cache
def _busy() -> bytes:
    return _after_head(refusal(TooBusy()))


class VoteLane(HttpToolsProtocol):
    """One connection. Subclasses made by :func:`lane_for` have the door."""

    door: Door

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._midway = False
        self._held = b""
        self._receipt = ""
        self._started = 0.0
        self._last = False
        self._active = 0.0
        self._idle: Any = None

    # What uvicorn is in the middle of is uvicorn's.

    def on_message_begin(self) -> None:
        self._midway = True
        super().on_message_begin()

    def on_message_complete(self) -> None:
        self._midway = False
        super().on_message_complete()

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._active = self.loop.time()
        self._idle = self.loop.call_later(self.timeout_keep_alive, self._close_if_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        self._held = b""
        if self._idle is not None:
            self._idle.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._held:
            data = self._held + data
            self._held = b""
        if self._receipt:  # the next request, sent before the answer to this one
            self._hold(data)
            return
        busy = self._midway or self.pipeline or (self.cycle is not None and not self.cycle.response_complete)
        if busy or not data.startswith(_REQUEST) or not self._take(data):
            super().data_received(data)

    def shutdown(self) -> None:
        """Finish the vote in hand, then close."""
        if self._receipt:
            self._last = True
        else:
            super().shutdown()

    def _take(self, data: bytes) -> bool:
        """Take the vote that ``data`` begins with; False where it is not plain enough for that."""
        fields = _FIELDS.match(data, len(_REQUEST))
        if fields is None:
            return b"\r\n\r\n" not in data and self._wait_for_more(data)
        head_ends = fields.end()
        told = {}
        for name, value in _TOLD.findall(data, len(_REQUEST) - 1, head_ends):
            name = name.lower()
            if name in told or name in _UNUSUAL:
                return False
            told[name] = value
        length = told.get(b"content-length", b"")
        if not length.isdigit() or len(length) > 4 or int(length) > MAX_BODY:
            return False
        connection = told.get(b"connection", b"keep-alive").strip().lower()
        if connection not in (b"keep-alive", b"close"):
            return False
        body_ends = head_ends + int(length)
        if len(data) < body_ends:
            return self._wait_for_more(data)
        self._unset_keepalive_if_required()
        self._last = connection == b"close"
        self._active = self._started = self.loop.time()
        if len(data) > body_ends:
            self._hold(data[body_ends:])
        if self.door.sender.overfull():  # before the vote is read: a crowd's refusals must cost nothing
            _SHED.inc()
            self._write(503, _busy())
            return True
        try:
            taken = self.door.take(read_vote(data[head_ends:body_ends]), self._origin(told))
            self._receipt = taken.receipt
            self.door.sender.submit(taken.key, taken.value, taken.headers, self._done)
        except DomainError as error:
            self._receipt = ""
            self._refuse(error)
        return True

    def _origin(self, told: dict[bytes, bytes]) -> Origin:
        address = self.client[0] if self.client else ""
        forwarded = told.get(b"x-forwarded-for", b"")
        if forwarded and self.config.proxy_headers:
            address = _client_behind(address, forwarded, _listed(self.config.forwarded_allow_ips))
        return origin_from(
            address,
            told.get(b"x-correlation-id", b""),
            told.get(b"traceparent", b""),
            told.get(b"user-agent", b""),
        )

    def _done(self, confirmed: bool) -> None:
        receipt, self._receipt = self._receipt, ""
        if self.transport.is_closing():
            return
        if not confirmed:
            self._refuse(MayBeRecorded(receipt))
            return
        took(self.loop.time() - self._started)
        code = receipt.encode()
        self._write(202, _ANSWER % (code, code))

    def _refuse(self, error: DomainError) -> None:
        REFUSED.labels(error.code).inc()
        answer: Response = refusal(error)
        self._write(answer.status_code, _after_head(answer))

    def _write(self, status: int, rest: bytes) -> None:
        self.transport.write(self._head(status) + rest)
        self._next()

    def _head(self, status: int) -> bytes:
        head = _head_of(status, self.server_state.default_headers)
        return head + b"connection: close\r\n" if self._last else head

    def _next(self) -> None:
        """Go on with what came meanwhile."""
        self._active = self.loop.time()
        self.server_state.total_requests += 1
        if self._last:
            self.transport.close()
        elif self._held:
            data, self._held = self._held, b""
            self.loop.call_soon(self._resume, data)

    def _resume(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.flow.resume_reading()
            self.data_received(data)

    def _hold(self, data: bytes) -> None:
        self._held = data
        self.flow.pause_reading()

    def _wait_for_more(self, data: bytes) -> bool:
        if len(data) > _MOST_HELD:
            return False
        self._held = data
        return True

    def _close_if_idle(self) -> None:
        """A connection that has said nothing for as long as uvicorn allows; one timer, not one a vote."""
        busy = self._receipt or self._midway or (self.cycle is not None and not self.cycle.response_complete)
        left = self._active + self.timeout_keep_alive - self.loop.time()
        if not busy and self.timeout_keep_alive_task is None and left <= 0:
            self.transport.close()
            return
        self._idle = self.loop.call_later(max(left, 1.0), self._close_if_idle)


def lane_for(door: Door) -> type[HttpToolsProtocol]:
    """The protocol of an api process whose votes go through ``door``."""
    return type("VoteLane", (VoteLane,), {"door": door})


def _listed(hosts: Any) -> Any:
    return hosts if isinstance(hosts, str) else tuple(hosts)


@lru_cache(maxsize=8_192)
def _client_behind(peer: str, forwarded: bytes, trusted: Any) -> str:
    """Who asks, where a proxy says so: uvicorn's own middleware decides whether it is to be believed."""
    headers = [(b"x-forwarded-for", forwarded)]
    scope: dict[str, Any] = {"type": "http", "client": (peer, 0), "headers": headers}

    async def nothing(*_: Any) -> None:
        return None

    asked: Any = ProxyHeadersMiddleware(nothing, trusted if isinstance(trusted, str) else list(trusted))
    with suppress(StopIteration):
        asked(scope, nothing, nothing).send(None)  # it waits for nothing
    return str(scope["client"][0])
