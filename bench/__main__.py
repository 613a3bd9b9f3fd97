"""`python -m bench`: start engines, seed, compare floor and product in one run, print the table, or write it down."""

from __future__ import annotations

import asyncio
import os
import platform as machine
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from app import clock
from app.settings import Settings
from bench import bill_day, campaigns, notices, report, seeding
from bench.engines import ROOT, engines
from bench.measures import CONNECTIONS, Bench, Size
from bench.messages import platform
from bench.servers import cores, running

FULL = Size(rounds=5, seconds=2.0, writes=1500, warm_writes=400, bill_lines=1_000_000)
QUICK = Size(rounds=2, seconds=1.0, writes=500, warm_writes=200, bill_lines=50_000)
_FLOOR_PORT, _PRODUCT_PORT = 18_801, 18_802
_LEAST_LINES_A_SECOND = 1_000_000 / 60
console = Console()


def measure(size: Size, progress: Progress) -> list[report.Line]:
    """Run the whole bench; return the lines of its table."""
    task = progress.add_task("", total=size.steps)

    def say(what: str) -> None:
        progress.update(task, description=what)

    with engines(say) as settings:
        say("seeding")
        seeded = asyncio.run(seeding.seed(settings, ROOT / "data", size.supply, size.supply))
        say("servers")
        with (
            running("bench.floor", _FLOOR_PORT, "/hello", settings.var / "floor.log") as floor,
            running("bench.product", _PRODUCT_PORT, "/healthz", settings.var / "product.log") as product,
            running(
                "bench.providers", _port(settings.wechat_pay_base), "/ready", settings.var / "pay.log", beside=True
            ),
            running("bench.providers", _port(settings.fiscal_base), "/ready", settings.var / "fiscal.log", beside=True),
        ):
            step = partial(progress.advance, task)
            lines = _lines(Bench(settings, seeded, platform(settings), floor, product, size, step), say)
        lines += _notices(settings, size, say, step)
        lines += _reconciliation(settings, size.bill_lines, say, step)
        return lines + campaigns.lines(settings, size.bill_lines, say)


def _notices(settings: Settings, size: Size, say: Callable[[str], None], step: Callable[[], None]) -> list[report.Line]:
    say("notices")
    found = notices.pairs(settings, size.rounds)
    step()
    return [report.compared("notices of a campaign : a bare client posting the same bodies", found, 0.5)]


def _reconciliation(
    settings: Settings, bill_lines: int, say: Callable[[str], None], step: Callable[[], None]
) -> list[report.Line]:
    say("seeding a day")
    asyncio.run(bill_day.seed(settings, bill_lines))
    bill_day.write_bill(settings.var / "bill.csv", bill_lines)
    step()
    say("reconciliation")
    taken = bill_day.reconciled(bill_lines, settings.var)
    step()
    what = f"reconciliation of {bill_lines:,} lines"
    return [
        report.reached(f"{what}, three ways", bill_lines / taken.seconds, _LEAST_LINES_A_SECOND, "lines/s"),
        report.bounded(f"{what}, most memory", taken.peak_mib, 300, "MiB"),
    ]


def _lines(bench: Bench, say: Callable[[str], None]) -> list[report.Line]:
    lines = []
    say("item guide, cached")
    lines.append(report.compared("item guide, cached : bare Sanic hello", bench.guide(), 0.7))
    say("own application")
    lines.append(report.compared("own application, signed in : one indexed row", bench.detail(), 0.7))
    say("submission")
    lines.append(report.compared("submission : the same two statements, bare", bench.submit(), 0.6))
    say("WeChat Pay callback")
    first, repeats = bench.callbacks()
    lines.append(report.compared("WeChat Pay callback, first : verify, decrypt, five statements", first, 0.7))
    lines.append(report.compared("WeChat Pay callback, repeated : first delivery", repeats, 1.5))
    say("Alipay callback")
    first, repeats = bench.alipay_callbacks()
    lines.append(report.compared("Alipay callback, first : verify, five statements", first, 0.7))
    lines.append(report.compared("Alipay callback, repeated : first delivery", repeats, 1.5))
    say("courier's push")
    first, repeats = bench.pushes()
    lines.append(report.compared("courier's push, first : compare, read, four statements", first, 0.6))
    lines.append(report.compared("courier's push, repeated : first delivery", repeats, 1.5))
    say("payment creation")
    what = "payment creation, without the providers' time : two calls, three statements"
    lines.append(report.compared(what, bench.openings(), 0.6))
    lines.append(report.bounded("API process, resident after the load", bench.product.memory_mib, 150, "MiB"))
    lines.append(report.bounded("API process, ready", bench.product.ready_seconds, 3, "s"))
    return lines


def main(
    quick: Annotated[bool, typer.Option(help="under a minute, with more noise")] = False,
    write: Annotated[Path | None, typer.Option(help="Markdown file whose marked block is replaced")] = None,
) -> None:
    """Measure the product against floors on this machine, in one run."""
    started = time.monotonic()
    columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        lines = measure(QUICK if quick else FULL, progress)
    said = _said(time.monotonic() - started)
    console.print(report.screen(lines), said)
    if write is not None:
        report.write(write, report.markdown(lines, [said]))
    sys.exit(0 if all(line.ok for line in lines) else 1)


def _port(base: str) -> int:
    port = urlsplit(base).port
    assert port is not None, "the simulators' addresses of demo mode have ports"
    return port


def _said(seconds: float) -> str:
    pinned = "servers on one core, load on another" if cores() else "processes not bound to cores"
    where = f"{os.cpu_count()} cores, {machine.system()} {machine.machine()}, Python {machine.python_version()}"
    return f"{clock.to_beijing(clock.now()):%Y-%m-%d}, {where}; {pinned}; {CONNECTIONS} connections; {seconds:.0f} s."


if __name__ == "__main__":
    typer.run(main)
