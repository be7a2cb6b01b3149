"""Every part of the design system on one page, for eyes and for the browser tests."""

from datetime import timedelta
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response

from shared.contracts.ids import ContactId
from shared.contracts.intake import Role
from shared.testing.rulebooks import SHORTLIST, VOTE_CLOSES, a_rulebook
from shared.testing.web import settings_for_tests
from shared.web import problems
from shared.web.edge import Edge
from shared.web.pages import Pages
from shared.web.sessions import Account
from shared.web.static_files import STATIC
from shared.web.tables import Column, Filter, table_view

NOW = SHORTLIST - timedelta(hours=2, minutes=48)
_COLUMNS = (
    Column("name", "ผลงาน", "Entry"),
    Column("category", "ประเภท", "Category"),
    Column("state", "สถานะ", "State"),
    Column("total", "คะแนน", "Total", numeric=True),
    Column("at", "ยื่นเมื่อ", "Submitted"),
)


def style_guide() -> FastAPI:
    """``/guide`` shows the parts, ``/guide/phone`` a page of a voter."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    settings = settings_for_tests()
    app.state.settings = settings
    problems.install(app)
    app.add_middleware(Edge, public_url=settings.public_url, secure=False)
    app.router.routes.append(STATIC)
    pages = Pages("shared.testing")

    def shown(request: Request) -> dict[str, Any]:
        rows = [
            {
                "name": f"คลองใส เมืองเย็น {number}",
                "_href": f"/guide?entry={number}",
                "category": "สิ่งแวดล้อมอัจฉริยะ" if number % 2 else "พลังงานอัจฉริยะ",
                "state": {"badge": "ผ่าน", "kind": "good"}
                if number % 3
                else {"badge": "รอตรวจ", "kind": "now"},
                "total": 100 - number * 1.5 if number % 4 else None,
                "at": NOW - timedelta(hours=7 * number),
            }
            for number in range(1, 13)
        ]
        choices = [(name, name) for name in ("สิ่งแวดล้อมอัจฉริยะ", "พลังงานอัจฉริยะ")]
        return {
            "view": table_view(
                request,
                _COLUMNS,
                rows,
                filters=(Filter("category", "ประเภท", "Category", choices),),
                search=("name",),
                sort="-total",
                page_size=5,
            ),
            "rulebook": a_rulebook(),
            "now": NOW,
            "until": VOTE_CLOSES,
            "account": Account(ContactId("someone"), frozenset({Role.STAFF})),
            "errors": {"email": "กรอกอีเมลให้ครบ เช่น somchai@example.org", "kind": "เลือกประเภทหน่วยงาน"},
        }

    @app.get("/guide", response_class=HTMLResponse)
    async def guide(request: Request) -> Response:
        return await pages.render(request, "style_guide.html", shown(request))

    @app.get("/guide/phone", response_class=HTMLResponse)
    async def phone(request: Request) -> Response:
        context = {**shown(request), "account": None, "errors": {}}
        return await pages.render(request, "style_guide_phone.html", context)

    return app
