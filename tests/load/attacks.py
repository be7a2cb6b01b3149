"""How well the detectors tell attacks from crowds: every scenario through the real code and database.

    .venv/bin/python -m tests.load.attacks [--public 20000] [--scale 1.0] [--seed 2022] [--only NAME]
                                           [--write docs/measurements]

Seeded and bounded: the same seed gives the same votes. Exits 1 where a figure that must hold does not:
at least 95 % of scripted votes held, less than 0.1 % of the honest campus, less than 5 % of an honest
office.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import uvloop

from shared.embedded.postgres import FAST, SMALL, EmbeddedPostgres
from shared.testing.postgres import Templates
from tests.load.fraud.simulation import SCENARIOS, Result, as_json, play

LEAST_SCRIPTED = 95.0
MOST_HONEST = {"campus behind one NAT": 0.1, "company office": 5.0, "municipal lunch hour": 5.0}


async def run(options: argparse.Namespace) -> list[Result]:
    """Play the chosen scenarios one after the other."""
    results = []
    with tempfile.TemporaryDirectory() as folder:
        postgres = EmbeddedPostgres(Path(folder) / "pg", password="attacks", settings=SMALL | FAST)
        templates = Templates(postgres.start())
        try:
            for scenario in SCENARIOS:
                if options.only in scenario.name:
                    async with templates.database("voting") as database:
                        result = await play(
                            database, scenario, options.seed, public=options.public, scale=options.scale
                        )
                    results.append(result)
                    print(line(result), file=sys.stderr, flush=True)
        finally:
            postgres.stop()
    return results


def line(result: Result) -> str:
    """One scenario in one line."""
    names = ", ".join(f"{name} {count}" for name, count in result.detectors.items())
    return (
        f"{result.scenario:24} {result.kind:17} {result.held:5} of {result.votes:5} held "
        f"({result.held_percent:6.2f} %), public {result.public_held_percent:.3f} %  {names}"
    )


def failures(results: Sequence[Result]) -> list[str]:
    """What must hold and does not."""
    found = [
        f"{result.scenario}: only {result.held_percent} % of scripted votes held"
        for result in results
        if result.kind == "scripted" and result.held_percent < LEAST_SCRIPTED
    ]
    return found + [
        f"{result.scenario}: {result.held_percent} % of honest votes held"
        for result in results
        if result.held_percent >= MOST_HONEST.get(result.scenario, 100.1)
    ]


def markdown(results: Sequence[Result], options: argparse.Namespace) -> str:
    """The results as a page."""
    rows = "\n".join(
        f"| {r.scenario} | {r.about} | {r.kind} | {r.votes:,} | {r.held_percent:.2f} % | "
        f"{r.public_held_percent:.3f} % | {r.first_held_after_votes or '–'} | "
        f"{', '.join(r.detectors) or '–'} |"
        for r in results
    )
    return f"""# Attacks on the public vote, and crowds that look like one

    .venv/bin/python -m tests.load.attacks --public {options.public} --scale {options.scale:g} \\
        --seed {options.seed} --write docs/measurements

Each scenario is a fresh contest: {options.public:,} members of the public over five days, and among them the
crowd. Votes go through the door's signals, the tally, the detectors' reader and the detectors on a real
PostgreSQL; the detectors look every twelve hours of the vote and at its end. Thresholds are those of
`contests/smart-city-2022/contest.toml`. "Public" is the false-alarm rate among the {options.public:,}.

| scenario | what it does | kind | votes | held | public held | first held after | detectors that agreed |
|---|---|---|---|---|---|---|---|
{rows}

What the honest background is made of is assumed in `tests/load/fraud/crowds.py`. A held vote is not
lost: two approvers release or strike each case.

The own-domain farm waits 4 to 40 seconds, so its slowest tenth takes 4.8 times as long as its
quickest, just below `people_pace` (5.0). Its pauses are not what gives it away: waiting 4 to 120
seconds it differs in pace as people do, and 100 % is held all the same, because one browser never
differs as people's programs do. The disguised farm varies both, and passes.
"""


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.attacks", description=__doc__)
    parser.add_argument("--public", type=int, default=20_000)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=2022)
    parser.add_argument("--only", default="")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        results = runner.run(run(options))
    if options.write:
        (options.write / "attacks.md").write_text(markdown(results, options))
        text = json.dumps(as_json(results, options.seed), indent=1, ensure_ascii=False)
        (options.write / "attacks.json").write_text(text + "\n")
    for failure in (found := failures(results)):
        print(failure, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
