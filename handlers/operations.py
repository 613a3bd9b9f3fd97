"""Operations: is the process alive, can it serve, what does it measure, what does it offer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import msgspec
from redis.exceptions import RedisError

from app import clock, db, metrics
from app.errors import ServiceUnavailable
from handlers.doors import Auth, Call, Handler, Reply, Route
from handlers.rendering import HTML, PAGE_HEADERS

_LAST_BEAT = "SELECT max(beat_at) AS beat_at FROM runner_beat"
_RUNNER_SILENCE = timedelta(seconds=30)


async def healthz(call: Call[None]) -> Reply:
    """Say that the process answers; asks nobody else."""
    return Reply({"status": "ok"}, headers={"Cache-Control": "no-store"})


async def readyz(call: Call[None]) -> Reply:
    """Tell the truth about database, Redis and job runner; 503 where a request could not be served."""
    (database, runner), redis = await asyncio.gather(_database_and_runner(), _redis(call))
    parts = {"database": database, "redis": redis, "job_runner": runner}
    ready = database == "ok"
    status = "ok" if all(state == "ok" for state in parts.values()) else "degraded" if ready else "unavailable"
    headers = {"Cache-Control": "no-store"} | ({} if ready else {"Retry-After": "5"})
    return Reply({"status": status, **parts}, status=200 if ready else 503, headers=headers)


async def prometheus(call: Call[None]) -> Reply:
    """Answer Prometheus."""
    text = await asyncio.to_thread(metrics.rendered)
    return Reply(text, content_type="text/plain; version=0.0.4; charset=utf-8")


async def _database_and_runner() -> tuple[str, str]:
    """The runner is alive when its beat is recent, whether or not there was work."""
    try:
        row = await db.ping(_LAST_BEAT)
    except ServiceUnavailable:
        return "away", "unknown"
    beat_at = row["beat_at"] if row else None
    return "ok", "ok" if beat_at is not None and clock.now() - beat_at < _RUNNER_SILENCE else "away"


async def _redis(call: Call[None]) -> str:
    try:
        async with asyncio.timeout(1):
            await call.house.redis.ping()
    except (RedisError, OSError, TimeoutError):
        return "away"
    return "ok"


class _Papers:
    """The interface document and its page, written with the first question: 0.2 s and 5 MiB that few processes need."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self.listed: tuple[Route, ...] = ()
        self._writing = asyncio.Lock()
        self._written: tuple[bytes, bytes] | None = None

    async def document(self, call: Call[None]) -> Reply:
        document, _ = await self._both()
        return Reply(document)

    async def page(self, call: Call[None]) -> Reply:
        _, page = await self._both()
        return Reply(page, content_type=HTML, headers=dict(PAGE_HEADERS))

    async def _both(self) -> tuple[bytes, bytes]:
        async with self._writing:
            if self._written is None:
                self._written = await asyncio.to_thread(self._write)
            return self._written

    def _write(self) -> tuple[bytes, bytes]:
        from handlers import openapi  # with its examples and the making of schemas, for this alone

        return msgspec.json.encode(openapi.document(self.listed, self._base_url)), openapi.page(self.listed).encode()


def routes(all_routes: Sequence[Route], base_url: str) -> tuple[Route, ...]:
    """Build the operations' own routes; the document covers `all_routes` and themselves."""
    papers = _Papers(base_url)

    def public(path: str, handler: Handler, summary: str) -> Route:
        return Route("GET", path, handler, Auth.PUBLIC, summary, "运行")

    own = (
        public("/healthz", healthz, "进程存活"),
        public("/readyz", readyz, "能否服务：数据库、Redis、任务进程"),
        public("/metrics", prometheus, "Prometheus 指标"),
        public("/openapi.json", papers.document, "OpenAPI 文档"),
        public("/docs", papers.page, "接口文档页"),
    )
    papers.listed = tuple(route for route in (*all_routes, *own) if not route.page)
    return own
