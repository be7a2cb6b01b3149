"""The vote route in front of everything else.

``POST /api/voting/v1/votes`` is answered here, as plain ASGI: no routing table, no validation library
but msgspec, no middleware. What it decides is decided in ``door.py``; the same operation is described
in the service's OpenAPI document.
"""

import re
import time
from bisect import bisect_left
from collections.abc import Iterator
from functools import cache
from itertools import accumulate
from typing import Final

import msgspec
from prometheus_client import REGISTRY, Counter, Gauge
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services.voting.domain.errors import TooBusy
from services.voting.door import CastVote, Door, Origin
from shared.errors import DomainError, Invalid
from shared.observability.context import is_correlation_id
from shared.web.problems import ProblemError, problem_response

PATH: Final = "/api/voting/v1/votes"
MAX_BODY = 2_048
_JSON: Final = (b"content-type", b"application/json")
_PLAIN: Final = (b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

UNCONFIRMED = Gauge(
    "showcase_votes_unconfirmed", "Votes that were sent to the log and are not confirmed by it yet"
)
REFUSED = Counter("showcase_votes_refused_total", "Votes that were not taken, by reason", ["reason"])
_BOUNDS: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)


class _Accepted(Collector):
    """Accepted votes and how long each took, as plain numbers: a prometheus_client metric takes a lock
    at every change, which a million votes would feel."""

    def __init__(self) -> None:
        self.buckets = [0] * (len(_BOUNDS) + 1)
        self.seconds = 0.0

    def collect(self) -> Iterator[Metric]:
        counted = list(accumulate(self.buckets))
        yield CounterMetricFamily(
            "showcase_votes_accepted", "Votes that the log confirmed", value=counted[-1]
        )
        bounds = [*(str(bound) for bound in _BOUNDS), "+Inf"]
        yield HistogramMetricFamily(
            "showcase_vote_seconds",
            "From the request to the log's confirmation",
            buckets=list(zip(bounds, counted, strict=True)),
            sum_value=self.seconds,
        )


_accepted = _Accepted()
REGISTRY.register(_accepted)


def took(seconds: float) -> None:
    """Count one accepted vote, answered ``seconds`` after its request."""
    _accepted.buckets[bisect_left(_BOUNDS, seconds)] += 1
    _accepted.seconds += seconds


_decode = msgspec.json.Decoder(CastVote).decode


class FastVotes:
    """ASGI middleware that answers votes itself and passes everything else on."""

    def __init__(self, app: ASGIApp, *, door: Door) -> None:
        self.app = app
        self.door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        body = await _body(receive)
        origin = origin_of(scope)
        try:
            started = time.perf_counter()
            receipt = await self.door.cast(read_vote(body), origin)
        except DomainError as error:
            REFUSED.labels(error.code).inc()
            await refusal(error)(scope, receive, send)
            return
        took(time.perf_counter() - started)
        answer = b'{"receipt":"%b"}' % receipt.encode()
        length = (b"content-length", str(len(answer)).encode())
        location = (b"location", b"%b/%b" % (PATH.encode(), receipt.encode()))
        await send(
            {"type": "http.response.start", "status": 202, "headers": [_JSON, length, location, *_PLAIN]}
        )
        await send({"type": "http.response.body", "body": answer})


def refused(reason: str) -> int:
    """Votes that this process refused for ``reason``, the code of an error, since it began."""
    return int(REFUSED.labels(reason)._value.get())


class UnreadableVote(DomainError):
    """The body is not JSON."""

    status = 400
    code = "unreadable"


class TooLarge(DomainError):
    status = 413
    code = "too-large"


def read_vote(body: bytes | None) -> CastVote:
    """The vote in a request's body.

    Raises:
        TooLarge, UnreadableVote, Invalid: what is wrong with it.
    """
    if body is None:
        raise TooLarge(
            "ข้อมูลใหญ่เกินไป คำขอโหวตมีเพียง ballot, entry_id และ key",
            "The body is too large: a vote has a ballot, an entry_id and a key.",
        )
    try:
        return _decode(body)
    except msgspec.ValidationError as error:
        text = str(error)
        field = text.rpartition("$.")[2].rstrip("`") if "$." in text else ""
        raise Invalid(f"ข้อมูลไม่ถูกต้อง: {text}", f"{text}.", field=field) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableVote("อ่าน JSON ไม่ได้", "The body is not JSON.") from error


def origin_of(scope: Scope) -> Origin:
    """What a vote's request says of where it comes from."""
    client = scope.get("client")
    correlation_id = traceparent = agent = b""
    for name, value in scope["headers"]:
        if name == b"x-correlation-id":
            correlation_id = value
        elif name == b"traceparent":
            traceparent = value
        elif name == b"user-agent":
            agent = value
    return origin_from(client[0] if client else "", correlation_id, traceparent, agent)


def origin_from(address: str, correlation_id: bytes, traceparent: bytes, agent: bytes) -> Origin:
    """An origin from what headers say; what is not of the expected form is left out."""
    return Origin(
        address,
        given if (given := correlation_id.decode("latin-1")) and is_correlation_id(given) else "",
        traceparent.decode() if traceparent and _TRACEPARENT.fullmatch(traceparent) else "",
        agent.decode("latin-1"),
    )


def refusal(error: DomainError) -> Response:
    """A refused vote as a problem document."""
    if isinstance(error, TooBusy):
        return _busy()
    about = ProblemError(field=f"/{error.field}", detail=error.en, detail_th=error.th)
    retry_after = getattr(error, "retry_after", None)
    return problem_response(
        error.status,
        (error.th, error.en),
        code=f"/problems/{error.code}",
        errors=[about] if error.field else [],
        headers={"Retry-After": str(retry_after)} if retry_after is not None else None,
        members=error.members,
    )


@cache
def _busy_body() -> bytes:
    """Rendered once: the answer that is given when there is no time must cost nothing."""
    error = TooBusy()
    return bytes(problem_response(error.status, (error.th, error.en), code=f"/problems/{error.code}").body)


def _busy() -> Response:
    return Response(_busy_body(), 503, {"Retry-After": "1"}, media_type="application/problem+json")


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None where it is larger than a vote can be."""
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        if len(body) <= MAX_BODY:
            body += message.get("body", b"")
    return body if len(body) <= MAX_BODY else None
