"""The public vote: opened, cast from codes by e-mail and from the rehearsal's ballots, closed, certified."""

import asyncio
from typing import Any

import altcha

from services.demo.api import DemoFailed, Refused, all_of, until
from services.demo.ballots import Ballot, Cast, cast_all
from services.demo.inbox import code_from
from services.demo.plan import PlannedVote
from services.demo.stage import Stage, bangkok

NOT_BY_WAITING = frozenset({"/problems/recount-differs", "/problems/votes-held"})
"""Reasons not to certify that only a person can remove."""
_SERIES = 10_000
"""Rehearsal ballots that are asked for at once."""
_TOWNS = 25
"""Mail domains of the voters: all from this machine's network and one domain would rightly be held."""


async def open_vote(stage: Stage) -> None:
    """At the calendar's instant the vote opens by itself."""
    with stage.progress.act("Public vote opens", 1) as progress:
        await stage.set_clock(bangkok(8, 5, 18, 1))

        async def is_open() -> bool:
            ballot = await stage.api.get(stage.path("voting", "/ballot"))
            return bool(ballot["state"] == "open" and len(ballot["entries"]) == len(stage.plan.finalists))

        await until(is_open, "the vote to open at its instant")
        progress.advance()


async def vote(stage: Stage) -> None:
    """Every planned ballot; a voter's second one goes after the first."""
    plan = stage.plan
    total = len(plan.votes) + plan.duplicates
    with stage.progress.act("Public vote", total) as progress:
        mailed = [place for place, vote in enumerate(plan.votes) if vote.by_mail]
        tokens = await _tokens(stage, len(plan.votes) - len(mailed))
        voters = dict(zip(mailed, await _voters_by_mail(stage, len(mailed)), strict=True))
        rest = iter(tokens)
        ballots = [
            _ballot(stage, place, vote, voters[place] if vote.by_mail else next(rest))
            for place, vote in enumerate(plan.votes)
        ]
        casts = await cast_all(stage.system.url, ballots, advance=progress.advance)
        _check_receipts(plan.votes, casts)
        stage.noted["receipts"] = [cast.receipts for cast in casts]


def _ballot(stage: Stage, place: int, vote: PlannedVote, token: str) -> Ballot:
    key = f"demo-{stage.plan.seed}-{place:06d}"
    casts = [(stage.entry_ids[vote.choice], key)]
    if vote.again is not None:
        casts.append((stage.entry_ids[vote.again], key if vote.same_key else f"{key}-again"))
    return Ballot(token, tuple(casts))


async def _tokens(stage: Stage, count: int) -> list[str]:
    tokens: list[str] = []
    while len(tokens) < count:
        wanted = min(_SERIES, count - len(tokens))
        issued = await stage.admin.post(stage.path("voting", "/rehearsal-ballots"), {"count": wanted})
        tokens += issued["ballots"]
    return tokens


async def _voters_by_mail(stage: Stage, count: int) -> list[str]:
    """Ballots got as a citizen gets one: an address, a solved puzzle, a code in the mail, a ballot."""

    async def one(number: int) -> str:
        who = {"contest_id": stage.contest, "email": voter_address(number)}
        puzzle = await stage.api.get(stage.path("voting", "/puzzle"))
        proof = await asyncio.to_thread(_solve, puzzle)
        await stage.api.post("/api/voting/v1/ballot-codes", who | {"proof": proof})
        code = await code_from(stage.inbox, who["email"])
        issued = await stage.api.post("/api/voting/v1/ballots", who | {"code": code})
        return str(issued["ballot"])

    return list(await all_of(one(number) for number in range(count)))


def voter_address(number: int) -> str:
    """The address of the ``number``-th voter who asks for a code, in one of many towns."""
    return f"voter-{number:04d}@town-{number % _TOWNS:02d}.example.org"


def _solve(puzzle: Any) -> str:
    challenge = altcha.Challenge.from_dict(puzzle)
    solution = altcha.solve_challenge(challenge)
    if solution is None:
        raise DemoFailed("a puzzle could not be solved in time")
    return altcha.Payload(challenge, solution).to_base64()


def _check_receipts(votes: tuple[PlannedVote, ...], casts: list[Cast]) -> None:
    """A retry under the same key gets the same receipt, another ballot another one."""
    for planned, cast in zip(votes, casts, strict=True):
        if len(cast.receipts) == 2 and (cast.receipts[0] == cast.receipts[1]) != planned.same_key:
            raise DemoFailed("a retry got another receipt, or a second ballot the same one")


async def close(stage: Stage) -> None:
    """The calendar closes the vote; the tally drains to the seals."""
    with stage.progress.act("Public vote closes", 2) as progress:
        await stage.set_clock(bangkok(8, 10, 18, 1))

        async def state() -> bool:
            found = await stage.staff.get(stage.path("voting", "/tally"))
            return bool(found["state"] == "closed")

        await until(state, "the vote to be sealed at its closing instant")
        progress.advance()
        expected = len(stage.plan.votes) + stage.plan.duplicates

        async def folded() -> bool:
            found = await stage.staff.get(stage.path("voting", "/tally"))
            return bool(found["totals"]["received"] >= expected)

        await until(folded, "the tally to reach the seals")
        progress.advance()


async def certify(stage: Stage) -> None:
    """Two people certify; everybody can look up a receipt."""
    with stage.progress.act("Popular Vote certified by two people", 3) as progress:
        await stage.set_clock(bangkok(8, 10, 20))
        address = stage.path("voting", "/certification")

        async def first() -> Any:
            try:
                return await stage.staff.post(address)
            except Refused as refused:
                if refused.problem.get("type") in NOT_BY_WAITING:
                    raise DemoFailed(str(refused)) from refused
                raise

        await until(first, "the recount to agree")
        progress.advance()
        certified = await stage.approver.post(address)
        if not certified["certified_by"]:
            raise DemoFailed("the second signature did not certify the vote")
        progress.advance()
        stage.noted["receipts_found"] = await _look_up(stage)
        progress.advance()


async def _look_up(stage: Stage) -> dict[str, int]:
    """What becomes of a few receipts: first ballots count, second ones read duplicate."""
    found: dict[str, int] = {}
    pairs = list(zip(stage.plan.votes, stage.noted["receipts"], strict=True))
    firsts = [receipts[0] for _, receipts in pairs[:: max(1, len(pairs) // 20)]]
    seconds = [r[1] for vote, r in pairs if vote.again is not None and not vote.same_key][:10]
    for receipt in [*firsts, *seconds]:
        status = (await stage.api.get(f"/api/voting/v1/votes/{receipt}"))["status"]
        wanted = "duplicate" if receipt in seconds else "counted"
        if status != wanted:
            raise DemoFailed(f"receipt {receipt} reads {status}, not {wanted}")
        found[status] = found.get(status, 0) + 1
    return found
