"""Errors at the HTTP edge: RFC 9457 problem documents for programs, a friendly page for people."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as SQLAlchemyTimeout
from starlette.exceptions import HTTPException

from shared.errors import DomainError, Invalid, Unauthenticated
from shared.observability.context import current_correlation_id

MEDIA_TYPE = "application/problem+json"
_NONE: Mapping[str, str] = MappingProxyType({})
log = logging.getLogger(__name__)


class ProblemError(BaseModel):
    """One thing that is wrong in the request."""

    field: str = Field(description="JSON Pointer of a body member, or the name of a parameter or form field")
    detail: str
    detail_th: str


class Problem(BaseModel):
    """A problem document (RFC 9457). ``detail`` says what to do."""

    type: str = Field(description="URI reference that names the kind of problem")
    title: str
    status: int
    detail: str
    detail_th: str = Field(default="", description="the detail in Thai")
    instance: str = Field(default="", description="correlation id: quote it when you ask for help")
    errors: list[ProblemError] = Field(default_factory=list)


def components() -> dict[str, Any]:
    """The OpenAPI component schemas that :data:`PROBLEMS` refers to."""
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs"), "Problem": schema}


def _documented(status: int, description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: _documented(400, "The request cannot be read"),
    401: _documented(401, "Nobody is signed in"),
    403: _documented(403, "This account may not do this"),
    404: _documented(404, "There is no such thing"),
    409: _documented(409, "The state does not allow it"),
    410: _documented(410, "It is over"),
    413: _documented(413, "The request is too large"),
    415: _documented(415, "The media type is not understood"),
    422: _documented(422, "The input breaks a rule; every field is listed"),
    429: _documented(429, "Too many requests; see Retry-After"),
    503: _documented(503, "Not now; see Retry-After"),
}
"""Give this as ``responses=`` to a router, so that its OpenAPI is true."""

_TITLES: dict[int, tuple[str, str]] = {
    400: ("อ่านคำขอไม่ได้", "The request cannot be read"),
    401: ("ต้องเข้าสู่ระบบก่อน", "Sign in first"),
    403: ("ไม่มีสิทธิ์เข้าถึง", "You may not do this"),
    404: ("ไม่พบหน้านี้", "Page not found"),
    405: ("ใช้วิธีเรียกนี้ไม่ได้", "Method not allowed"),
    409: ("ทำรายการนี้ในขณะนี้ไม่ได้", "Not possible in the present state"),
    410: ("รายการนี้สิ้นสุดแล้ว", "This is over"),
    413: ("ข้อมูลใหญ่เกินไป", "Too large"),
    415: ("ไม่รองรับข้อมูลชนิดนี้", "Media type not understood"),
    422: ("ข้อมูลยังไม่ถูกต้อง", "Something is not right yet"),
    429: ("ส่งคำขอถี่เกินไป", "Too many requests"),
    500: ("ระบบขัดข้อง", "Something went wrong here"),
    503: ("ระบบไม่ว่างชั่วคราว", "Too busy just now"),
}
_DETAILS: dict[int, tuple[str, str]] = {
    400: (
        "มีอักขระที่ระบบเก็บไม่ได้ โปรดพิมพ์ที่อยู่หรือข้อความใหม่",
        "There is a character that cannot be kept. Type it again.",
    ),
    404: (
        "ตรวจตัวสะกดของที่อยู่ หรือเริ่มใหม่จากหน้าแรก",
        "Check the address, or start again from the home page.",
    ),
    405: ("ที่อยู่นี้มีอยู่ แต่ใช้วิธีเรียกแบบนี้ไม่ได้", "The address exists, but not for this method."),
    503: (
        "ระบบไม่ว่างชั่วคราว ข้อมูลไม่เสียหาย โปรดลองอีกครั้งในอีกสักครู่",
        "The system is not available for a moment. Nothing was half-done; try again shortly.",
    ),
    500: (
        "ไม่ใช่ความผิดของคุณ ลองอีกครั้งภายหลัง หากยังเป็นอยู่โปรดแจ้งรหัสอ้างอิงด้านล่าง",
        "This is not your fault. Try again later; if it stays, tell us the reference below.",
    ),
}


def title(status: int) -> tuple[str, str]:
    """What a status means, in Thai and English."""
    phrase = HTTPStatus(status).phrase
    return _TITLES.get(status, (phrase, phrase))


def prefers_html(request: Request) -> bool:
    """Whether to answer with a page: outside of ``/api/``, unless only JSON is asked for."""
    if request.url.path.startswith("/api/"):
        return False
    accept = request.headers.get("accept", "*/*")
    return "html" in accept or "*/*" in accept


def safe_path(target: str, default: str = "/") -> str:
    """``target`` if it is a path of this origin, else ``default``: no open redirects."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or not target.startswith("/") or target.startswith(("//", "/\\")):
        return default
    if any(character < " " or character == "\\" for character in target):
        return default
    return target


def problem_response(
    status: int,
    detail: tuple[str, str],
    *,
    code: str = "about:blank",
    errors: Sequence[ProblemError] = (),
    headers: dict[str, str] | None = None,
    members: Mapping[str, str] = _NONE,
) -> JSONResponse:
    """A problem document; ``detail`` in Thai and English, ``members`` beside the usual ones."""
    problem = Problem(
        type=code,
        title=title(status)[1],
        status=status,
        detail=detail[1],
        detail_th=detail[0],
        instance=current_correlation_id(),
        errors=list(errors),
    )
    return JSONResponse({**problem.model_dump(), **members}, status, headers, media_type=MEDIA_TYPE)


async def _answer(
    request: Request,
    status: int,
    detail: tuple[str, str],
    *,
    code: str = "about:blank",
    errors: Sequence[ProblemError] = (),
    headers: dict[str, str] | None = None,
    members: Mapping[str, str] = _NONE,
) -> Response:
    if not prefers_html(request):
        return problem_response(status, detail, code=code, errors=errors, headers=headers, members=members)
    from shared.web.pages import error_page  # pages renders problems; problems hands over to pages

    return await error_page(request, status, title(status), detail, errors=errors, headers=headers)


async def _domain_error(request: Request, error: DomainError) -> Response:
    if isinstance(error, Unauthenticated) and prefers_html(request):
        return _to_sign_in(request)
    parts = error.errors if isinstance(error, Invalid) and error.errors else (error,)
    errors = [
        ProblemError(field=part.field, detail=part.en, detail_th=part.th) for part in parts if part.field
    ]
    retry_after = getattr(error, "retry_after", None)
    headers = {"Retry-After": str(retry_after)} if retry_after is not None else {}
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    return await _answer(
        request,
        error.status,
        (error.th, error.en),
        code=f"/problems/{error.code}",
        errors=errors,
        headers=headers,
        members=error.members,
    )


def _to_sign_in(request: Request) -> Response:
    target = request.url.path
    if request.method not in ("GET", "HEAD"):
        target = safe_path(urlsplit(request.headers.get("referer", "")).path)
    elif request.url.query:
        target = f"{target}?{request.url.query}"
    return RedirectResponse(f"/signin?next={quote(target)}", 303)


async def _validation_error(request: Request, error: RequestValidationError) -> Response:
    errors = []
    unreadable = False
    for found in error.errors():
        where, *path = found["loc"] or ("body",)
        unreadable = unreadable or found["type"] == "json_invalid"
        field = "/" + "/".join(str(step) for step in path) if where == "body" else str((path or [where])[-1])
        errors.append(
            ProblemError(field=field, detail=found["msg"], detail_th=f"ข้อมูล {field} ไม่ถูกต้อง: {found['msg']}")
        )
    status = 400 if unreadable else 422
    detail = (
        ("อ่าน JSON ไม่ได้", "The body is not JSON.")
        if unreadable
        else (
            "โปรดแก้ข้อมูลตามรายการแล้วส่งใหม่",
            "Mend what is listed and send it again.",
        )
    )
    return await _answer(request, status, detail, code="/problems/invalid", errors=errors)


async def _http_error(request: Request, error: HTTPException) -> Response:
    text = str(error.detail)
    phrase = HTTPStatus(error.status_code).phrase
    detail = _DETAILS.get(error.status_code, (text, text)) if text == phrase else (text, text)
    headers = dict(error.headers) if error.headers else None
    return await _answer(request, error.status_code, detail, headers=headers)


_NOT_TEXT = "22021"
"""PostgreSQL's ``character_not_in_repertoire``."""


async def unhandled(request: Request, error: Exception) -> Response:
    """The answer to what nobody caught: 503 where the database is away, 400 for text that PostgreSQL cannot
    hold (a NUL in an address, say), else a fault of the program.

    The fault goes to the log under the correlation id that the answer names.
    """
    away = isinstance(error, OSError | SQLAlchemyTimeout) or (
        isinstance(error, DBAPIError) and (error.connection_invalidated or isinstance(error.orig, OSError))
    )
    if away:
        log.warning("not available: %s", type(error).__name__, extra={"path": request.url.path})
        status, code, headers = 503, "/problems/unavailable", {"Retry-After": "5"}
    elif isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", "") == _NOT_TEXT:
        status, code, headers = 400, "/problems/invalid", {}
    else:
        log.error("unhandled error", exc_info=error, extra={"path": request.url.path})
        status, code, headers = 500, "/problems/fault", {}
    try:
        return await _answer(request, status, _DETAILS[status], code=code, headers=headers)
    except Exception:
        log.exception("no page for the error")
        return problem_response(status, _DETAILS[status], code=code, headers=headers)


def install(app: FastAPI) -> None:
    """Let ``app`` answer every error as a problem; :mod:`shared.web.edge` calls :func:`unhandled`."""
    app.exception_handler(DomainError)(_domain_error)
    app.exception_handler(RequestValidationError)(_validation_error)
    app.exception_handler(HTTPException)(_http_error)
