"""The contest file is brought in and sealed as a rehearsal; the people of the contest get their roles."""

from collections.abc import Iterator
from typing import Any

from services.demo.api import DemoFailed, all_of, until
from services.demo.plan import JUDGES
from services.demo.stage import APPROVER, AUDITOR, CLERK, STAFF, Stage, bangkok
from services.demo.story import entries

ORDINALS = ("หนึ่ง", "สอง", "สาม", "สี่", "ห้า", "หก", "เจ็ด", "แปด", "เก้า")


def judge_email(number: int) -> str:
    """Of the ``number``-th judge, from 1."""
    return f"judge-{number}@demo.example.org"


def people(admin: str) -> list[tuple[str, str]]:
    """Role and e-mail address of everybody who can sign in once the contest is played."""
    applicants = [entry.email for entry in entries()]
    return [
        ("administrator", admin),
        ("officer", STAFF),
        ("approver", APPROVER),
        ("clerk", CLERK),
        ("auditor", AUDITOR),
        ("judges", f"{judge_email(1)} … {judge_email(JUDGES)}"),
        ("applicants", f"{applicants[0]} … {applicants[-1]}"),
    ]


def _people() -> Iterator[dict[str, Any]]:
    """Everyone with a role. Nobody is real: the names say so."""
    yield {
        "email": STAFF,
        "name": "สมมติ เจ้าหน้าที่",
        "position": "เจ้าหน้าที่โครงการ",
        "organisation": "ฝ่ายส่งเสริมเมืองอัจฉริยะ",
        "phone": "0 2000 0101",
        "roles": ["staff"],
    }
    yield {
        "email": APPROVER,
        "name": "สมมติ ผู้อนุมัติ",
        "position": "ผู้อำนวยการฝ่าย",
        "organisation": "ฝ่ายส่งเสริมเมืองอัจฉริยะ",
        "phone": "0 2000 0102",
        "roles": ["approver"],
    }
    yield {
        "email": CLERK,
        "name": "สมมติ สารบรรณ",
        "position": "เจ้าหน้าที่สารบรรณ",
        "organisation": "สำนักงานจังหวัดนราธิวาส",
        "province_code": "96",
        "roles": ["clerk"],
    }
    yield {
        "email": AUDITOR,
        "name": "สมมติ ผู้ตรวจสอบ",
        "position": "ผู้ตรวจสอบภายนอก",
        "roles": ["auditor"],
    }
    for number in range(1, JUDGES + 1):
        yield {
            "email": judge_email(number),
            "name": f"สมมติ ตัดสิน{ORDINALS[number - 1]}",
            "position": f"กรรมการผู้ทรงคุณวุฒิคนที่ {number}",
            "roles": ["judge"],
        }


async def seal(stage: Stage) -> None:
    """Draft, look at the findings, seal, and set the clock to the day of the invitation."""
    with stage.progress.act("Contest file, sealed as a rehearsal", 4) as progress:
        await stage.sign_in(stage.system.admin)
        progress.advance()
        draft = await stage.admin.post("/api/intake/v1/contests", {"toml": stage.contest_toml})
        if not draft["ready_to_seal"]:
            raise DemoFailed("the contest file leaves something undecided: run `showcase contest check`")
        stage.noted["findings"] = len(draft["findings"])
        stage.contest = draft["contest_id"]
        progress.advance()
        await stage.admin.post(stage.path("intake", "/seal"), {"rehearsal": True})
        progress.advance()
        await stage.set_clock(bangkok(6, 20, 9))
        progress.advance()


async def appoint(stage: Stage) -> None:
    """Give the people their roles and let them sign in."""
    people = list(_people())
    with stage.progress.act("People and roles", 2 * len(people)) as progress:
        for person in people:
            added = await stage.admin.post(stage.path("intake", "/people"), person)
            stage.contact_ids[person["email"]] = added["contact_id"]
            progress.advance()

        async def sign_in(email: str) -> None:
            await stage.sign_in(email)
            progress.advance()

        await all_of(sign_in(person["email"]) for person in people)
        for service in ("scoring", "voting"):

            async def known(service: str = service) -> Any:
                return await stage.staff.get(stage.path(service, "/clock"))

            await until(known, f"{service} to know the staff")
