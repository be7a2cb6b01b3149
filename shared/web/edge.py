"""What happens to every request: origin check, security headers, faults.

Around it lies ``shared.observability.middleware``: correlation id, trace and metrics.
"""

from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.web.problems import problem_response, unhandled
from shared.web.sessions import COOKIE

CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-src 'self'",
        "object-src 'self'",
        "manifest-src 'self'",
        "frame-ancestors 'self'",
        "base-uri 'none'",
    )
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_FOREIGN = (
    "คำขอนี้มาจากเว็บไซต์อื่น จึงไม่รับ",
    "This request came from another site and was refused.",
)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Edge:
    """ASGI middleware around everything that a service answers, inside of its observation."""

    def __init__(self, app: ASGIApp, *, public_url: str, secure: bool) -> None:
        self.app = app
        self.origin = _origin(public_url)
        self.headers = dict(SECURITY_HEADERS)
        if secure:
            self.headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                response = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    response.setdefault(name, value)
                response.setdefault("Cache-Control", "no-store")
            await send(message)

        if self._foreign(scope["method"], Headers(scope=scope)):
            refusal = problem_response(403, _FOREIGN, code="/problems/foreign-origin")
            await refusal(scope, receive, send_with_headers)
            return
        try:
            await self.app(scope, receive, send_with_headers)
        except Exception as error:
            if started:
                raise
            answer: ASGIApp = await unhandled(Request(scope, receive), error)
            await answer(scope, receive, send_with_headers)

    def _foreign(self, method: str, headers: Headers) -> bool:
        """Whether another site's page sends this with the person's cookie.

        Browsers send ``Sec-Fetch-Site`` or ``Origin`` with every request that writes; a program that
        sends neither has no cookie that it was not given.
        """
        if method in _SAFE or f"{COOKIE}=" not in headers.get("cookie", ""):
            return False
        if "authorization" in headers:
            return False
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site not in ("same-origin", "none")
        origin = headers.get("origin")
        if origin is None:
            return False
        return _origin(origin) != self.origin and urlsplit(origin).netloc != headers.get("host")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".casefold()
