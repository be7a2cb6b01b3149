"""The vote route in front of everything else.

``POST /api/voting/v1/votes`` is answered here, as plain ASGI: no routing table, no validation library
but msgspec, no middleware. What it decides is decided in ``door.py``; the same operation is described
in the service's OpenAPI document.
"""

import re
from functools import cache
from typing import Final

import msgspec
from prometheus_client import Counter, Gauge, Histogram
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

ACCEPTED = Counter("showcase_votes_accepted_total", "Votes that the log confirmed")
UNCONFIRMED = Gauge(
    "showcase_votes_unconfirmed", "Votes that were sent to the log and are not confirmed by it yet"
)
REFUSED = Counter("showcase_votes_refused_total", "Votes that were not taken, by reason", ["reason"])
ACK_SECONDS = Histogram(
    "showcase_vote_seconds",
    "From the request to the log's confirmation",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0),
)
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
            with ACK_SECONDS.time():
                receipt = await self.door.cast(read_vote(body), origin)
        except DomainError as error:
            REFUSED.labels(error.code).inc()
            await refusal(error)(scope, receive, send)
            return
        ACCEPTED.inc()
        answer = b'{"receipt":"%b"}' % receipt.encode()
        length = (b"content-length", str(len(answer)).encode())
        location = (b"location", b"%b/%b" % (PATH.encode(), receipt.encode()))
        await send(
            {"type": "http.response.start", "status": 202, "headers": [_JSON, length, location, *_PLAIN]}
        )
        await send({"type": "http.response.body", "body": answer})


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
        if name == b"x-correlation-id" and is_correlation_id(value.decode("latin-1")):
            correlation_id = value
        elif name == b"traceparent" and _TRACEPARENT.fullmatch(value):
            traceparent = value
        elif name == b"user-agent":
            agent = value
    return Origin(
        client[0] if client else "", correlation_id.decode(), traceparent.decode(), agent.decode("latin-1")
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
