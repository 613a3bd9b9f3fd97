"""The job runner process: jobs, reactions and sweeps. Sanic's manager starts it beside the API processes.

It outlives its database: when the connection is lost it tries again until the database is back.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
from contextlib import suppress

import asyncpg
import structlog
import uvloop

from app import clock, db, logs, wiring
from app.job_runner import JobRunner
from app.settings import Settings

COLLECTED_AFTER = (20_000, 20, 20)
"""Garbage is looked for after so many new objects: a batch makes thousands, none of which is garbage before its end."""
_BEAT_SECONDS = 5
_AGAIN_SECONDS = 1.0
log = structlog.get_logger()


def run_worker(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; entry point of the process."""
    logs.configure(settings.log_level)
    uvloop.run(_work(settings))


async def _work(settings: Settings) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await db.start(settings.database_url)
    house = await wiring.build(settings)
    gc.freeze()  # what was loaded stays for good: looking through it again and again took a fifth of a notice's time
    gc.set_threshold(*COLLECTED_AFTER)
    house.watch_merchants()
    house.watch_calendar()
    house.watch_providers()
    try:
        while not stopping.is_set():
            await _run_once(settings, house, stopping)
    finally:
        await house.close()
        await db.stop()


async def _run_once(settings: Settings, house: wiring.Container, stopping: asyncio.Event) -> None:
    """Run jobs over one connection until it breaks or the process is asked to stop."""
    try:
        connection = await asyncpg.connect(settings.database_url, timeout=5)
    except db.AWAY as error:
        log.warning("database_away", error=type(error).__name__)
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), _AGAIN_SECONDS)
        return
    runner = JobRunner(house.job_table, connection)
    running = asyncio.create_task(runner.run())
    asked = asyncio.create_task(stopping.wait())
    beating = asyncio.create_task(_beat())
    await asyncio.wait((running, asked), return_when=asyncio.FIRST_COMPLETED)
    runner.stop()
    beating.cancel()
    await asyncio.wait([beating])
    try:
        async with asyncio.timeout(8):
            await running
    except Exception as error:  # the worker loop: a broken runner is replaced, never the end
        log.warning("runner_ended", error=type(error).__name__, exc_info=error)
        await asyncio.sleep(_AGAIN_SECONDS if not stopping.is_set() else 0)
    finally:
        asked.cancel()
        connection.terminate()
        await _take_beat_back()


def _name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


async def _take_beat_back() -> None:
    """Say at once that this runner works no more, rather than let its last beat grow old."""
    try:
        await db.execute("DELETE FROM runner_beat WHERE runner = $1", _name())
    except db.AWAY as error:
        log.warning("beat_not_taken_back", error=type(error).__name__)


async def _beat() -> None:
    """Show in the database that this runner is at work; /readyz looks at it."""
    while True:
        try:
            await db.execute(
                "INSERT INTO runner_beat (runner, beat_at) VALUES ($1, $2)"
                " ON CONFLICT (runner) DO UPDATE SET beat_at = excluded.beat_at",
                _name(),
                clock.now(),
            )
            await db.execute("DELETE FROM runner_beat WHERE beat_at < now() - interval '1 day'")
        except db.AWAY as error:
            log.warning("beat_missed", error=type(error).__name__)
        await asyncio.sleep(_BEAT_SECONDS)
