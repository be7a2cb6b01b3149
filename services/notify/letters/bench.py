"""``showcase bench letters``: what a letter and a certificate cost on this machine."""

import resource
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Annotated, Any

import psutil
import typer

from services.notify.contest_files import contest_files
from services.notify.letters.compose import Numbered, Typesetting, compose
from services.notify.letters.render import render_pdf

CONTEST = "smart-city-2022"
TEMPLATE = "cover-narathiwat"
INSTANT = datetime(2022, 6, 30, 3, tzinfo=UTC)


class _Named(dict[str, str]):
    """Every fact is its own name: a letter without a database."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return "๓๐ มิถุนายน ๒๕๖๕" if name.endswith(("day", "date")) else "ตัวอย่าง"


def main(
    letters: Annotated[int, typer.Option(min=10, help="Letters, one after the other.")] = 100,
    certificates: Annotated[int, typer.Option(min=10, help="Certificates, on two threads.")] = 1_000,
) -> None:
    """Render letters and certificates, and print times, CPU seconds and memory."""
    files = contest_files(CONTEST)
    typesetting = Typesetting(files)
    template = files.template(TEMPLATE)
    content = compose(template, _Named(), {}, {})
    times, cpus = [], []
    for number in range(letters):
        begun, busy = time.perf_counter(), time.process_time()
        inputs = typesetting.letter(template, content, Numbered(f"นธ {number}", INSTANT))
        render_pdf(template.layout, inputs, INSTANT)
        times.append(time.perf_counter() - begun)
        cpus.append(time.process_time() - busy)
    wall, busy = (statistics.median(values) * 1000 for values in (times, cpus))
    slowest = max(times[1:]) * 1000
    typer.echo(f"letter: p50 {wall:.0f} ms, of CPU {busy:.0f} ms; slowest {slowest:.0f} ms")

    def one(number: int) -> None:
        facts: dict[str, Any] = {
            "recipient": f"เทศบาลตัวอย่าง {number}",
            "award": "รางวัลดีเด่นด้านการบริการอย่างชาญฉลาด",
            "title": "ระบบติดตามคุณภาพอากาศและแจ้งเตือนประชาชน",
            "contest": "The Smart City Showcase Awards 2022",
            "serial": f"SCSA-2565-{number:04}",
            "code": f"7KQ2-M9XD-{number:04}",
        }
        inputs = typesetting.certificate(
            files.certificate(), facts, INSTANT, "https://showcase.example/verify"
        )
        render_pdf("certificate", inputs, INSTANT)

    process = psutil.Process()
    begun, cpu = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    with ThreadPoolExecutor(2) as threads:
        half = certificates // 2
        list(threads.map(one, range(half)))
        middle = process.memory_info().rss
        list(threads.map(one, range(half, certificates)))
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = used.ru_utime + used.ru_stime - cpu.ru_utime - cpu.ru_stime
    took, last = time.perf_counter() - begun, process.memory_info().rss
    typer.echo(f"{certificates} certificates: {took:.1f} s on two threads, {spent:.1f} s of CPU")
    typer.echo(f"resident: {middle / 2**20:.0f} MB half-way, {last / 2**20:.0f} MB at the end")
