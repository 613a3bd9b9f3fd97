"""Starts the two servers that are compared, keeps both on one core, and the load on another; reads what they use."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.engines import ROOT

_PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Server:
    """One running server; `ready_seconds` went by from its start to its first answer."""

    port: int
    process: psutil.Process
    ready_seconds: float

    @property
    def memory_mib(self) -> float:
        """Resident memory in MiB."""
        return float(self.process.memory_info().rss) / 2**20


def cores() -> tuple[int, int] | None:
    """Return the core of the servers and that of the load; None where there are not two or none can be chosen."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    usable = sorted(os.sched_getaffinity(0))
    return (usable[0], usable[1]) if len(usable) > 1 else None


@contextmanager
def running(module: str, port: int, path: str, log: Path, *, beside: bool = False) -> Iterator[Server]:
    """Run `python -m module port` for as long as the block lasts; `path` answers 200 when it is ready.

    What runs `beside` the servers shares the core of the load.
    """
    started = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", module, str(port)], cwd=ROOT, stdout=output, stderr=output, stdin=subprocess.DEVNULL
        )
        try:
            if (chosen := cores()) is not None:
                os.sched_setaffinity(process.pid, {chosen[beside]})
            _wait(f"http://127.0.0.1:{port}{path}", process, started, log)
            yield Server(port, psutil.Process(process.pid), time.monotonic() - started)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait(url: str, process: subprocess.Popen[bytes], started: float, log: Path) -> None:
    while True:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            if process.poll() is not None or time.monotonic() - started > _PATIENCE_SECONDS:
                sys.exit(f"the server did not start:\n{log.read_text(errors='replace')[-4000:]}")
            time.sleep(0.02)
