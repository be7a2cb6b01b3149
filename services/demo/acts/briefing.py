"""Sixty people sign up for the briefing, some through a representative, and most of them come."""

from datetime import timedelta

from services.demo.api import all_of
from services.demo.plan import BRIEFING, BRIEFING_CANCELLED
from services.demo.stage import Stage, bangkok


async def sign_up(stage: Stage) -> None:
    """Applicants sign in first; the others leave an address."""
    await stage.set_clock(bangkok(6, 28, 10))
    guests = _guests(stage)
    with stage.progress.act("Briefing: sign-ups", BRIEFING) as progress:

        async def register(place: int) -> None:
            email, organisation, province = guests[place]
            represented = place in stage.plan.representatives
            body = {
                "organisation": organisation,
                "province_code": province,
                "attends_as": "representative" if represented else "self",
                "representative": f"สมมติ ผู้แทน{place + 1}" if represented else "",
            }
            api = stage.api
            if email in {entry.email for entry in stage.plan.entries}:
                api = await stage.sign_in(email)
            else:
                body |= {"email": email, "name": f"สมมติ ผู้เข้าร่วม{place + 1}"}
            row = await api.post(stage.path("intake", "/briefing-registrations"), body)
            stage.noted.setdefault("registrations", {})[place] = row["registration_id"]
            progress.advance()

        await all_of(register(place) for place in range(BRIEFING))


async def attend(stage: Stage) -> None:
    """Three cancel the day before; the others come."""
    registrations: dict[int, str] = stage.noted["registrations"]
    with stage.progress.act("Briefing: attendance", BRIEFING) as progress:
        await stage.set_clock(bangkok(6, 30, 15))
        leaving = sorted(set(range(BRIEFING)) - stage.plan.representatives)[:BRIEFING_CANCELLED]
        address = stage.path("intake", "/briefing-registrations")
        for place in leaving:
            email, _, _ = _guests(stage)[place]
            await stage.accounts[email].post(f"{address}/{registrations[place]}/cancellation")
            progress.advance()
        await stage.set_clock(bangkok(7, 1, 13, 30) + timedelta(minutes=10))

        async def come(place: int) -> None:
            await stage.staff.post(f"{address}/{registrations[place]}/attendance")
            progress.advance()

        await all_of(come(place) for place in sorted(set(registrations) - set(leaving)))


def _guests(stage: Stage) -> list[tuple[str, str, str]]:
    """E-mail, organisation and province: the applicants first, then others from their provinces."""
    applicants = [(e.email, e.applicant.name, e.applicant.province) for e in stage.plan.entries]
    others = [
        (f"guest-{number:02d}@demo.example.org", f"หน่วยงานผู้สังเกตการณ์ที่ {number}", province)
        for number, (_, _, province) in enumerate(applicants, start=1)
    ]
    return [*applicants, *others][:BRIEFING]
