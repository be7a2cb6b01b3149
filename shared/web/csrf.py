"""Forms that only our own pages can send.

A random secret lies in a cookie that scripts cannot read; each form carries the HMAC of the session
under that secret. Another site can neither read the cookie nor the form, and who plants a cookie of
his own does not know the session. No key is shared between services, so the form of one service may
be sent to another (sign out).
"""

import hashlib
import hmac
import secrets

from fastapi import Request, Response

from shared.errors import Forbidden
from shared.settings import Settings
from shared.web.sessions import token_of

COOKIE = "showcase_form"
FIELD = "_csrf"


def secret_of(request: Request) -> str:
    """The secret of this browser, made on first use; :func:`remember` sends it."""
    if not hasattr(request.state, "csrf_secret"):
        request.state.csrf_secret = request.cookies.get(COOKIE) or secrets.token_urlsafe(32)
    secret: str = request.state.csrf_secret
    return secret


def token(request: Request) -> str:
    """What a form of this browser and session carries."""
    return _sign(secret_of(request), token_of(request))


def remember(request: Request, response: Response, settings: Settings) -> None:
    """Send the secret to a browser that has none."""
    if hasattr(request.state, "csrf_secret") and COOKIE not in request.cookies:
        response.set_cookie(
            COOKIE,
            request.state.csrf_secret,
            httponly=True,
            secure=settings.secure_cookies,
            samesite="lax",
            path="/",
        )


def check(request: Request, given: str) -> None:
    """Pass if ``given`` is the token of this browser and session.

    Raises:
        Forbidden: it is not.
    """
    secret = request.cookies.get(COOKIE, "")
    if not secret or not hmac.compare_digest(given.encode(), _sign(secret, token_of(request)).encode()):
        raise Forbidden(
            "แบบฟอร์มนี้หมดอายุหรือเปิดไว้ก่อนเข้าสู่ระบบ โปรดย้อนกลับ โหลดหน้าใหม่ แล้วส่งอีกครั้ง",
            "This form is out of date, or was opened before you signed in. "
            "Go back, reload the page and send it again.",
        )


def _sign(secret: str, session: str) -> str:
    return hmac.new(secret.encode(), session.encode(), hashlib.sha256).hexdigest()
