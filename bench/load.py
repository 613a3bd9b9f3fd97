"""A load generator in a process of its own: keeps N connections busy with given requests, loopback only.

Reads a job as JSON on standard input, prints the result as JSON. Requests and time are bounded by the job.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import os
import sys
import time
from collections.abc import Iterator

import msgspec
import uvloop


class Job(msgspec.Struct):
    """What to do: `requests` are base64; `repeat` goes round until `seconds` are over; `core` pins this process."""

    port: int
    connections: int
    seconds: float
    repeat: bool
    core: int | None
    requests: list[str]


class Results:
    """Counts answers by status and keeps their times (seconds)."""

    def __init__(self, seconds: float) -> None:
        self._until = time.perf_counter() + seconds
        self.statuses: dict[int, int] = {}
        self.times: list[float] = []

    def is_over(self) -> bool:
        """Tell whether the time is up."""
        return time.perf_counter() >= self._until

    def note(self, status: int, seconds: float) -> None:
        """Note one answer."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.times.append(seconds)


class Connection(asyncio.Protocol):
    """One keep-alive connection: sends the next request when the answer to the last has come whole."""

    def __init__(self, requests: Iterator[bytes], results: Results, done: asyncio.Event) -> None:
        self._requests, self._results, self._done = requests, results, done
        self._buffer = b""
        self._started = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a TCP connection has a writing transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0 or len(self._buffer) < head_end + 4 + _body_length(self._buffer[:head_end].lower()):
            return
        self._results.note(int(self._buffer[9:12]), time.perf_counter() - self._started)
        self._buffer = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._done.set()

    def _next(self) -> None:
        request = next(self._requests, None)
        assert self._transport is not None
        if request is None or self._results.is_over():
            self._transport.close()
            return
        self._started = time.perf_counter()
        self._transport.write(request)


def _body_length(head: bytes) -> int:
    at = head.find(b"content-length:")
    return int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


async def run(job: Job) -> dict[str, object]:
    """Do one job."""
    encoded = [base64.b64decode(request) for request in job.requests]
    requests = itertools.cycle(encoded) if job.repeat else iter(encoded)
    results = Results(job.seconds)
    loop = asyncio.get_running_loop()
    ends = [asyncio.Event() for _ in range(job.connections)]
    started = time.perf_counter()
    for end in ends:
        await loop.create_connection(lambda end=end: Connection(requests, results, end), "127.0.0.1", job.port)  # type: ignore[misc]  # a default binds the loop's variable
    await asyncio.gather(*(end.wait() for end in ends))
    took = time.perf_counter() - started
    times = sorted(results.times) or [0.0]
    return {
        "per_second": len(results.times) / took,
        "p50_ms": times[len(times) // 2] * 1000,
        "p95_ms": times[int(len(times) * 0.95)] * 1000,
        "statuses": results.statuses,
    }


def main() -> None:
    """Read the job, do it, print what was found."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    if job.core is not None:
        os.sched_setaffinity(0, {job.core})
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(run(job))))


if __name__ == "__main__":
    main()
