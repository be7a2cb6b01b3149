"""Winners by two people, then all results, published by a second person."""

from services.demo.api import until
from services.demo.stage import Stage, bangkok


async def certify_winners(stage: Stage) -> None:
    """On the evening of the presentations."""
    with stage.progress.act("Winners certified by two people", 3) as progress:
        await stage.set_clock(bangkok(8, 11, 17))
        await stage.staff.post(stage.path("scoring", "/winners"), {"note": ""})
        progress.advance()
        address = stage.path("scoring", "/winners/certification")
        await stage.staff.post(address)
        progress.advance()
        await stage.approver.post(address)
        progress.advance()


async def publish(stage: Stage) -> None:
    """On the day of the results."""
    with stage.progress.act("Results published", 2) as progress:
        await stage.set_clock(bangkok(8, 15, 9))
        address = stage.path("scoring", "/results")

        async def propose() -> object:
            return await stage.staff.post(address, {"note": ""})

        await until(propose, "scoring to know the certified vote")
        progress.advance()
        await stage.set_clock(bangkok(8, 15, 10))
        await stage.approver.post(f"{address}/approval")
        progress.advance()
