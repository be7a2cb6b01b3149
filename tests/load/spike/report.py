"""What a run of Vote Spike came to, as JSON, Markdown and a picture."""

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from tests.load.spike.turns import Line

_PARTS = ("app", "tally", "others", "queue", "broker", "database")
_COLOURS = {
    "app": "#1d4f91", "tally": "#2a9d8f", "others": "#8ab17d", "queue": "#b5179e",
    "broker": "#f4a261", "database": "#e76f51",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Run:
    """A run and the circumstances that its figures hang on."""

    lines: list[Line]
    promises: list[tuple[str, str, str]]
    """Of each contender its name, what its yes means, and how it was run."""
    durability: str
    seconds: float
    load_before: float
    load_after: float
    client: str
    failed: list[str] = field(default_factory=list)

    def stated(self) -> dict[str, Any]:
        """The closed-loop lines in the shape that programs rely on."""
        return {
            "lines": [
                {
                    "contender": line.contender,
                    "processes": line.processes,
                    "connections": line.connections,
                    "accepted_per_s": round(line.accepted_per_s, 1),
                    "p50_ms": round(line.p50_ms, 2),
                    "p99_ms": round(line.p99_ms, 2),
                    "cpu_s_per_million": round(line.cpu_s_per_million, 1),
                    "pss_mb": round(line.pss_mb, 1),
                    "exact": line.exact,
                }
                for line in self.lines
                if line.loop == "closed"
            ]
        }


def groups(lines: Sequence[Line]) -> dict[tuple[str, int, int, str], list[Line]]:
    """Turns of the same kind together."""
    found: dict[tuple[str, int, int, str], list[Line]] = {}
    for line in lines:
        found.setdefault((line.contender, line.processes, line.connections, line.loop), []).append(line)
    return found


def middle(lines: Sequence[Line], name: str) -> float:
    """The median of a figure over turns."""
    return statistics.median(getattr(line, name) for line in lines)


def middle_part(lines: Sequence[Line], part: str) -> float:
    """The median CPU of one part."""
    return statistics.median(line.cpu.get(part, 0.0) for line in lines)


def markdown(run: Run) -> str:
    """The report."""
    turns = groups(run.lines)
    text = [
        "# Vote Spike",
        "",
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} processors, Python "
        f"{platform.python_version()}, client {run.client}; {run.seconds:g} s a turn; load average "
        f"{run.load_before:.1f} before and {run.load_after:.1f} after. Durability `{run.durability}` for "
        "every store: see `tests/load/spike/servers.py`. Medians over turns, with the lowest and the highest "
        "of the rate. CPU is that of all processes but the client's.",
        "",
    ]
    for loop in dict.fromkeys(line.loop for line in run.lines):
        text += _table(loop, {key: lines for key, lines in turns.items() if key[3] == loop})
    text += _ratios(turns)
    text += ["## What an accepted vote means", "", "| contender | promise | run as |", "|---|---|---|"]
    text += [f"| {name} | {promise} | {settings} |" for name, promise, settings in run.promises]
    complaints = [
        f"- {line.contender} ×{line.processes}, {line.loop}, {line.connections} connections, turn "
        f"{line.turn}: {complaint}"
        for line in run.lines
        for complaint in line.complaints
    ]
    if complaints or run.failed:
        text += ["", "## Void", "", *complaints, *(f"- {failure}" for failure in run.failed)]
    return "\n".join(text) + "\n"


_HEADINGS = {"closed": "## Closed loop", "whole": "## The whole crowd, closed loop"}


def _table(loop: str, turns: dict[tuple[str, int, int, str], list[Line]]) -> list[str]:
    if not turns:
        return []
    text = [
        _HEADINGS.get(loop) or f"## Open loop at {loop.removeprefix('open ')}",
        "",
        "| contender | conns | accepted/s (min–max) | p50 | p99 | p99.9 ms | CPU-s per million | "
        "app / tally / others / queue / broker / database | PSS MB | B/vote | settled s | shed | exact |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for (name, processes, connections, _loop), lines in turns.items():
        rates = [line.accepted_per_s for line in lines]
        parts = " / ".join(f"{middle_part(lines, part):.0f}" for part in _PARTS)
        exact = sum(line.exact for line in lines)
        text.append(
            f"| {name} ×{processes} | {connections} | {statistics.median(rates):,.0f} "
            f"({min(rates):,.0f}–{max(rates):,.0f}) | {middle(lines, 'p50_ms'):.1f} | "
            f"{middle(lines, 'p99_ms'):.1f} | {middle(lines, 'p999_ms'):.1f} | "
            f"{middle(lines, 'cpu_s_per_million'):,.0f} | {parts} | {middle(lines, 'pss_mb'):.0f} | "
            f"{middle(lines, 'bytes_per_vote'):.0f} | {middle(lines, 'settled_after_s'):.2f} | "
            f"{sum(line.shed for line in lines)} | {exact} of {len(lines)} |"
        )
    more = [
        (line, name, value) for lines in turns.values() for line in lines for name, value in line.more.items()
    ]
    if more:
        text += ["", ", ".join(f"{line.contender} {name} {value:.1f}" for line, name, value in more)]
    return [*text, ""]


def _ratios(turns: dict[tuple[str, int, int, str], list[Line]]) -> list[str]:
    """This project against each peer's best number of processes, at 64 connections."""
    closed = {key: lines for key, lines in turns.items() if key[2:] == (64, "closed")}
    ours = [lines for key, lines in closed.items() if key[0] == "showcase"]
    if not ours:
        return []
    best = max(ours, key=lambda lines: middle(lines, "accepted_per_s"))
    without = sum(middle_part(best, part) for part in _PARTS if part != "others")
    text = [
        "## Against the peers, 64 connections",
        "",
        f"This project's best: {best[0].processes} api process(es). Its CPU without trees, detectors and "
        f"relay (`others`): {without:,.0f} s per million.",
        "",
        "| peer, its best | accepted/s | CPU per vote | without `others` | p99 |",
        "|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(key[0] for key in closed if key[0] != "showcase"):
        peers = [lines for key, lines in closed.items() if key[0] == name]
        fast = max(peers, key=lambda lines: middle(lines, "accepted_per_s"))
        cheap = min(peers, key=lambda lines: middle(lines, "cpu_s_per_million"))
        cost = middle(cheap, "cpu_s_per_million")
        text.append(
            f"| {name} | × {_over(middle(best, 'accepted_per_s'), middle(fast, 'accepted_per_s'))} | "
            f"1/{_over(cost, middle(best, 'cpu_s_per_million'))} | 1/{_over(cost, without)} | "
            f"1/{_over(min(middle(lines, 'p99_ms') for lines in peers), middle(best, 'p99_ms'))} |"
        )
    return [*text, ""]


def _over(more: float, less: float) -> str:
    return f"{more / less:.1f}" if less else "?"


def picture(run: Run) -> str:
    """Two charts: accepted votes a second, and where the CPU goes."""
    closed = {key: lines for key, lines in groups(run.lines).items() if key[3] == "closed"}
    rows = [(key, lines) for key, lines in closed.items() if any(line.accepted for line in lines)]
    if not rows:
        return '<svg xmlns="http://www.w3.org/2000/svg"/>'
    rows.sort(key=lambda row: -middle(row[1], "accepted_per_s"))
    height = 28 * len(rows)
    most = max(middle(lines, "accepted_per_s") for _, lines in rows)
    dearest = max(middle(lines, "cpu_s_per_million") for _, lines in rows)
    svg = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 {height + 110}" '
        'font-family="Sarabun, sans-serif" font-size="13" role="img" '
        'aria-label="Accepted votes a second and CPU seconds per million, by contender">',
        f'<rect width="960" height="{height + 110}" fill="#fff"/>',
        '<text x="16" y="26" font-size="17" font-weight="600" fill="#12263f">Vote Spike</text>',
        '<text x="230" y="52" fill="#44546a">accepted votes a second</text>',
        '<text x="600" y="52" fill="#44546a">CPU seconds per million votes</text>',
    ]
    for number, ((name, processes, connections, _), lines) in enumerate(rows):
        y = 64 + 28 * number
        rate, cost = middle(lines, "accepted_per_s"), middle(lines, "cpu_s_per_million")
        weight = ' font-weight="600"' if name == "showcase" else ""
        svg.append(
            f'<text x="16" y="{y + 15}" fill="#12263f"{weight}>'
            f"{escape(name)} ×{processes}, {connections}</text>"
        )
        width = max(1.0, 260 * rate / most)
        fill = "#1d4f91" if name == "showcase" else "#9db4d3"
        svg.append(f'<rect x="230" y="{y + 3}" width="{width:.1f}" height="17" rx="3" fill="{fill}"/>')
        svg.append(f'<text x="{236 + width:.1f}" y="{y + 16}" fill="#12263f">{rate:,.0f}</text>')
        x = 600.0
        for part in _PARTS:
            wide = 280 * middle_part(lines, part) / dearest
            svg.append(
                f'<rect x="{x:.1f}" y="{y + 3}" width="{wide:.1f}" height="17" fill="{_COLOURS[part]}"/>'
            )
            x += wide
        svg.append(f'<text x="{x + 6:.1f}" y="{y + 16}" fill="#12263f">{cost:,.0f}</text>')
    for number, part in enumerate(_PARTS):
        x = 230 + 115 * number
        svg.append(f'<rect x="{x}" y="{height + 80}" width="12" height="12" fill="{_COLOURS[part]}"/>')
        svg.append(f'<text x="{x + 18}" y="{height + 91}" fill="#44546a">{part}</text>')
    return "\n".join([*svg, "</svg>"]) + "\n"


def write(run: Run, folder: Path, name: str) -> list[Path]:
    """Write ``<name>.json``, ``.md`` and ``.svg``; where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    everything = {
        **run.stated(),
        "turns": [asdict(line) | {"cpu_s_per_million": line.cpu_s_per_million} for line in run.lines],
        "durability": run.durability,
        "load_average": [run.load_before, run.load_after],
        "processors": os.cpu_count(),
        "failed": run.failed,
    }
    files = {
        folder / f"{name}.json": json.dumps(everything, indent=1) + "\n",
        folder / f"{name}.md": markdown(run) + f"\n![accepted votes a second and CPU]({name}.svg)\n",
        folder / f"{name}.svg": picture(run),
    }
    for path, content in files.items():
        path.write_text(content)
    return list(files)
