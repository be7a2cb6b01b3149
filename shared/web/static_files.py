"""Own files under ``/static``: small, kept in memory, named by their hash and cached for ever."""

import hashlib
import mimetypes
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from fastapi import Request, Response
from starlette.routing import Route

FOLDER = Path(__file__).parent / "static"
FOR_EVER = "public, max-age=31536000, immutable"
_HASHED = re.compile(r"^(?P<stem>.+)\.(?P<hash>[0-9a-f]{10})(?P<suffix>\.[a-z0-9]+)$")
_URL = re.compile(rb"url\((?P<name>[a-z0-9/._-]+)\)", re.IGNORECASE)
_TYPES = {
    ".woff2": "font/woff2",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file as it is served."""

    name: str
    body: bytes
    digest: str
    media_type: str

    @property
    def url(self) -> str:
        """The address that changes when the file does."""
        path = PurePosixPath(self.name)
        return f"/static/{path.with_suffix('')}.{self.digest}{path.suffix}"


@cache
def static_file(name: str) -> StaticFile | None:
    """The file of that name under ``static/``; None where there is none."""
    path = (FOLDER / name).resolve()
    if not path.is_relative_to(FOLDER) or not path.is_file():
        return None
    body = path.read_bytes()
    if path.suffix == ".css":
        body = _URL.sub(_hashed_url, body)
    media_type = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return StaticFile(name, body, hashlib.sha256(body).hexdigest()[:10], media_type)


def _hashed_url(match: re.Match[bytes]) -> bytes:
    found = static_file(match["name"].decode())
    return f"url({found.url})".encode() if found else match[0]


def static_url(name: str) -> str:
    """The address of ``name``, with its hash.

    Raises:
        LookupError: there is no such file.
    """
    found = static_file(name)
    if found is None:
        raise LookupError(f"no static file {name}")
    return found.url


async def serve(request: Request) -> Response:
    """Answer ``/static/{name}``, by its hashed name for ever, by its plain name with revalidation."""
    name: str = request.path_params["name"]
    hashed = _HASHED.match(name)
    found = static_file(hashed["stem"] + hashed["suffix"]) if hashed else static_file(name)
    if found is None:
        return Response("Not found", 404, media_type="text/plain")
    current = hashed is not None and hashed["hash"] == found.digest
    headers = {"Cache-Control": FOR_EVER if current else "no-cache", "ETag": f'"{found.digest}"'}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(None, 304, headers)
    return Response(found.body, 200, headers, media_type=found.media_type)


STATIC = Route("/static/{name:path}", serve, methods=["GET", "HEAD"], name="static")
