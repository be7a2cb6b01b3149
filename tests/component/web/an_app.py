"""An application with a route of each kind."""

from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy import text

from shared.contracts.intake import Role
from shared.errors import Conflict, Forbidden, Gone, Invalid, NotFound, TooMany, Unavailable
from shared.service import Resources
from shared.web.app import create_app
from shared.web.clock_routes import clock_routes
from shared.web.pages import Pages, redirect
from shared.web.problems import PROBLEMS
from shared.web.sessions import Account, current_account, require

ERRORS = {
    "not-found": NotFound("ไม่พบ", "Not there."),
    "forbidden": Forbidden("ห้าม", "No."),
    "conflict": Conflict("ชนกัน", "Taken.", field="title"),
    "gone": Gone("จบแล้ว", "Over."),
    "too-many": TooMany("ช้าลง", "Slow down.", retry_after=7),
    "unavailable": Unavailable("ไม่ว่าง", "Busy."),
    "invalid": Invalid(
        "ไม่ถูกต้อง",
        "Wrong.",
        errors=(Invalid("ก", "A.", field="a"), Invalid("ข", "B.", field="b")),
    ),
}


class Body(BaseModel):
    number: int = Field(ge=1)


def an_app(resources: Resources) -> FastAPI:
    app = create_app("intake", resources)
    pages = Pages("shared.testing")

    @app.get("/api/intake/v1/errors/{name}", responses=PROBLEMS)
    @app.get("/errors/{name}")
    async def fail(name: str) -> None:
        if name == "fault":
            raise RuntimeError("secret detail")
        if name == "nul":
            async with resources.database.transaction() as session:
                await session.execute(text("SELECT CAST(:given AS text)"), {"given": "\x00"})
        raise ERRORS[name]

    @app.post("/api/intake/v1/things", responses=PROBLEMS)
    async def thing(body: Body, account: Annotated[Account, Depends(require(Role.STAFF))]) -> Body:
        return body

    @app.get("/api/intake/v1/me", responses=PROBLEMS)
    async def me(account: Annotated[Account, Depends(current_account)]) -> list[str]:
        return [account.contact_id, *sorted(account.roles)]

    @app.get("/staff/thing")
    async def staff_page(
        request: Request, account: Annotated[Account, Depends(require(Role.STAFF))]
    ) -> Response:
        return await pages.render(request, "form.html")

    @app.post("/staff/thing")
    async def staff_post(
        request: Request, account: Annotated[Account, Depends(require(Role.STAFF))]
    ) -> Response:
        form = await pages.form(request)
        return redirect("/staff/thing", th=f"บันทึก {form['name']}", en="Saved")

    app.include_router(clock_routes("intake", resources))
    return app
