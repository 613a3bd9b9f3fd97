"""`python -m bench.streams`: many idle live streams on one API process, their memory, and how fast events reach all.

The streams are opened by a process of their own over loopback. Measured is the resident memory of the API process
above what it was before the first stream, and the time from one event's publication until the last phone has it.
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from redis.asyncio import Redis
from rich.console import Console

from app.broadcast import Broadcast
from app.crypto import parse_keys
from app.events import DomainEvent
from app.live import LiveEvents
from app.settings import Settings
from app.tokens import AccessTokens
from bench.engines import ROOT, engines
from bench.servers import Server, running
from bench.streams_client import PEOPLE

BOUND_MIB = 250.0
_PORT = 18_803
_ROUNDS = 10
_SETTLE_SECONDS = 5.0
_PATIENCE_SECONDS = 300.0
console = Console()


def main(streams: Annotated[int, typer.Option(help="Streams to open")] = 5_000) -> None:
    """Open the streams, measure, and say whether the bound holds."""
    raise_file_limit()
    with engines(lambda what: console.print(f"[dim]{what}[/dim]")) as settings:
        log = settings.var / "product.log"
        with running("bench.product", _PORT, "/healthz", log) as product:
            mib, seconds = asyncio.run(measured(settings, product, streams))
    console.print(f"{streams:,} idle streams: {mib:.0f} MiB above idle ({mib * 1024 / streams:.1f} KiB each)")
    console.print(f"one event each to {PEOPLE} people on all streams: median {statistics.median(seconds):.3f} s,"
                  f" slowest {max(seconds):.3f} s")  # fmt: skip
    if mib > BOUND_MIB:
        sys.exit(f"above the bound of {BOUND_MIB:.0f} MiB")


async def measured(settings: Settings, product: Server, streams: int) -> tuple[float, list[float]]:
    """Return the memory of the streams in MiB and the seconds of each round of events."""
    people = [uuid.uuid4() for _ in range(PEOPLE)]
    tokens = AccessTokens(parse_keys(settings.token_keys))
    issued = [tokens.issue(person, uuid.uuid4(), uuid.uuid4(), "WECHAT") for person in people]
    orders = settings.var / "streams.json"
    orders.write_bytes(msgspec.json.encode({"port": _PORT, "streams": streams, "tokens": issued}))
    before = product.memory_mib
    phones = _phones(orders)
    try:
        await _said(phones, "open")
        await asyncio.sleep(_SETTLE_SECONDS)
        mib = product.memory_mib - before
        async with Redis.from_url(settings.redis_url) as redis:
            live = LiveEvents(Broadcast(redis))
            return mib, [await _round(live, people, phones) for _ in range(_ROUNDS)]
    finally:
        phones.terminate()
        phones.wait(10)


async def _round(live: LiveEvents, people: list[uuid.UUID], phones: subprocess.Popen[bytes]) -> float:
    started = time.perf_counter()
    for person in people:
        await live.publish(DomainEvent(name="application.accepted", subject_no="BJ1", citizen_id=person.hex))
    await _said(phones, "heard")
    return time.perf_counter() - started


def _phones(orders: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "bench.streams_client", str(orders)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)


async def _said(phones: subprocess.Popen[bytes], word: str) -> None:
    assert phones.stdout is not None
    async with asyncio.timeout(_PATIENCE_SECONDS):
        line = await asyncio.to_thread(phones.stdout.readline)
    if line.decode().strip() != word:
        sys.exit(f"the phones said {line!r} and not {word}")


def raise_file_limit() -> None:
    """Allow as many open files as the machine does; children inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    typer.run(main)
