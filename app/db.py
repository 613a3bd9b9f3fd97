"""PostgreSQL through tortoise-orm on asyncpg: start and stop, transactions, and plain SQL for the hot statements.

Repositories use the models for ordinary reads and writes and `fetch_*`/`execute` where one exact statement matters
(compare-and-set, hot reads). Nothing here keeps session state, so a pooler in transaction mode may stand between.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
import msgspec
from tortoise import Tortoise
from tortoise.connection import get_connection
from tortoise.exceptions import DBConnectionError
from tortoise.transactions import in_transaction

from app import jobs
from app.errors import ServiceUnavailable
from app.events import DomainEvent
from app.links import Links

MODELS = (
    "models.citizens",
    "models.catalogue",
    "models.applications",
    "models.casework",
    "models.packages",
    "models.representation",
    "models.ratings",
    "models.exchange",
    "models.payments",
    "models.reconciliation",
    "models.notify",
    "models.campaigns",
    "models.consultations",
    "models.custody",
    "models.delivery",
    "models.dispatch",
    "models.licences",
    "models.staff",
    "models.platform",
)
QUERIED = ("models.delivery",)
"""Modules of MODELS whose classes are asked through the ORM; the others say how tables are made, and a running process
does without them: loaded, they take nine MiB and a third of a second of its start."""
_GATHER_SECONDS = 0.01
Row: TypeAlias = Mapping[str, Any]
"""One row of an answer: its columns by name."""
AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    asyncpg.ReadOnlySQLTransactionError,
    DBConnectionError,
    ConnectionError,
    FileNotFoundError,
    TimeoutError,
)
"""What a database that is away raises; rendered as 503 with Retry-After."""


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg ships no types
    """A pooled connection without the reset statement: no session state is ever set, so the round trip is saved."""

    def get_reset_query(self) -> str:
        return ""


def tortoise_config(url: str, pool_max: int = 20, models: Sequence[str] = MODELS) -> dict[str, Any]:
    """Build the configuration that Tortoise, its migrations and the tests share."""
    parts = urlsplit(url)
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    credentials: dict[str, Any] = {
        "host": query.get("host") or parts.hostname or "localhost",
        "port": parts.port or 5432,
        "user": unquote(parts.username or "postgres"),
        "password": unquote(parts.password or "") or None,
        "database": parts.path.lstrip("/"),
        "minsize": 1,
        "maxsize": pool_max,
        "connection_class": _Connection,
        "command_timeout": 30,
        "timeout": 5,
    }
    return {
        "connections": {"default": {"engine": "tortoise.backends.asyncpg", "credentials": credentials}},
        "apps": {
            "models": {"models": list(models), "migrations": "models.migrations", "default_connection": "default"}
        },
        "use_tz": True,
        "timezone": "UTC",
    }


async def start(url: str, pool_max: int = 20, models: Sequence[str] = QUERIED) -> None:
    """Open the pool of this process. Idempotent after `stop`.

    Args:
        models: modules whose tables can be asked through the ORM.
    """
    await Tortoise.init(config=tortoise_config(url, pool_max, models), _enable_global_fallback=True)
    _clients.append(get_connection("default"))


async def stop() -> None:
    """Close the pool."""
    calls = [*_calls]
    for task in calls:
        task.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    _waking.clear()
    _questions.clear()
    _clients.clear()
    while _opened:
        await _opened.pop().close()
    await Tortoise.close_connections()


_waking: list[asyncio.Task[None]] = []
"""The call to the runners that still gathers commits, if any."""
_calls: set[asyncio.Task[None]] = set()
"""All calls to the runners that have not ended."""
_clients: list[Any] = []
"""The ORM's client; within a transaction the ORM would name that one in its place, which has no pool to open."""
_opened: list[Links] = []
"""The pool and its links once they are open: finding them through the ORM costs a hot read more than its encoding."""


async def _links() -> Links:
    if not _opened:
        client: Any = _clients[-1] if _clients else get_connection("default")
        async with client._pool_init_lock:
            if client._pool is None:  # tortoise opens its pool at the first use
                await client.create_connection(with_db=True)
        if not _opened:
            _opened.append(Links(client._pool, max(1, client.pool_maxsize * 4 // 5)))
    return _opened[0]


async def fetch_row(sql: str, *values: Any) -> Row | None:
    """Run one statement outside a transaction; return its first row."""
    row: Row | None = await (await _links()).run("fetchrow", sql, values)
    return row


async def fetch_all(sql: str, *values: Any) -> Sequence[Row]:
    """Run one statement outside a transaction; return its rows."""
    rows: Sequence[Row] = await (await _links()).run("fetch", sql, values)
    return rows


async def execute(sql: str, *values: Any) -> int:
    """Run one statement outside a transaction; return the number of rows it touched."""
    return _touched(await (await _links()).run("execute", sql, values))


async def write_row(sql: str, *values: Any) -> Row | None:
    """Run one statement that also writes jobs (`jobs.insert_of`), outside a transaction; return its first row."""
    row = await fetch_row(sql, *values)
    _wake_runners()
    return row


@asynccontextmanager
async def connection() -> AsyncIterator[asyncpg.Connection]:
    """Borrow one raw connection, for streaming reads and maintenance."""
    async with (await _links()).pool.acquire() as held:
        yield held


@dataclass(slots=True)
class Transaction:
    """One open transaction: raw statements on its connection, and the jobs that commit with it.

    Model calls inside the block join the same transaction by themselves.
    """

    connection: asyncpg.Connection
    pending: list[jobs.NewJob] = field(default_factory=list)
    wakes: bool = False

    async def fetch_row(self, sql: str, *values: Any) -> Row | None:
        """Run one statement; return its first row."""
        row: Row | None = await self.connection.fetchrow(sql, *values)
        return row

    async def write_row(self, sql: str, *values: Any) -> Row | None:
        """Run one statement that also writes jobs (`jobs.insert_of`); return its first row."""
        self.wakes = True
        return await self.fetch_row(sql, *values)

    async def fetch_all(self, sql: str, *values: Any) -> Sequence[Row]:
        """Run one statement; return its rows."""
        rows: Sequence[Row] = await self.connection.fetch(sql, *values)
        return rows

    async def execute(self, sql: str, *values: Any) -> int:
        """Run one statement; return the number of rows it touched."""
        return _touched(await self.connection.execute(sql, *values))

    async def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run one statement for many rows in one round trip."""
        await self.connection.executemany(sql, rows)

    def emit(self, *events: DomainEvent) -> None:
        """Tell the house what happened: each event becomes one job that commits with this transaction."""
        self.pending += [jobs.NewJob(jobs.EVENT, msgspec.json.encode(event)) for event in events]

    def enqueue(
        self, job: str, payload: Any, *, delay_seconds: int = 0, dedupe_key: str | None = None, priority: int = 0
    ) -> None:
        """Write a job that commits with this transaction.

        Args:
            job: a name of wiring's job table.
            payload: small JSON value; the job gets it decoded.
            delay_seconds: run not before so many seconds from now.
            dedupe_key: a second waiting job of the same key is not written.
            priority: of those that wait, the higher are taken first.
        """
        self.pending.append(jobs.NewJob(job, msgspec.json.encode(payload), delay_seconds, dedupe_key, priority))


class _Begun:
    """The ORM's transaction, which gives its connection back also when it is given up while it begins.

    The ORM alone would keep it for ever: some phones that hang up at that moment would use up the pool.
    """

    def __init__(self, context: Any) -> None:
        self._context = context

    async def __aenter__(self) -> Any:
        try:
            return await self._context.__aenter__()
        except (asyncio.CancelledError, *AWAY):
            # It has a token from the moment on that it has borrowed a connection; there is nothing to roll back.
            if hasattr(self._context, "token"):
                with suppress(*AWAY):
                    await self._context.__aexit__(asyncio.CancelledError, None, None)
            raise

    async def __aexit__(self, *error: Any) -> None:
        await self._context.__aexit__(*error)


@asynccontextmanager
async def transaction() -> AsyncIterator[Transaction]:
    """Open a transaction; commit at the end of the block, with the jobs it caused; roll back on any error."""
    async with _Begun(in_transaction()) as wrapper:
        opened = Transaction(wrapper._connection)  # type: ignore[attr-defined]  # the raw asyncpg connection
        yield opened
        if opened.pending:
            await jobs.write(opened.connection, opened.pending)
    if opened.pending or opened.wakes:
        _wake_runners()


def _wake_runners() -> None:
    """Have the job runners look for work soon; calls that follow at once are one with this."""
    if not _waking:
        task = asyncio.create_task(_wake_soon())
        _waking.append(task)
        _calls.add(task)
        task.add_done_callback(_calls.discard)


async def _wake_soon() -> None:
    await asyncio.sleep(_GATHER_SECONDS)
    # Whoever commits from now on needs a call of their own. A runner that hears none finds the jobs by itself.
    _waking.clear()
    with suppress(*AWAY):
        await execute(jobs.WAKE)


_questions: dict[str, asyncio.Task[Row | None]] = {}


async def ping(sql: str = "SELECT 1", patience_seconds: float = 1.0) -> Row | None:
    """Ask the database for a sign of life; return the answer's row. Raises ServiceUnavailable.

    Waits no longer than the patience whatever becomes of the question, for a database may also hang; all who ask the
    same meanwhile wait for the one question, so that asking again and again does not use up the pool.
    """
    task = _questions.get(sql)
    if task is None:
        task = _questions[sql] = asyncio.create_task(fetch_row(sql))
        task.add_done_callback(partial(_answered, sql))
    try:
        return await asyncio.wait_for(asyncio.shield(task), patience_seconds)
    except AWAY as error:
        raise ServiceUnavailable(retry_after_seconds=5) from error


def _answered(sql: str, task: asyncio.Task[Row | None]) -> None:
    _questions.pop(sql, None)
    if not task.cancelled():
        task.exception()  # told to whoever still waits


def json_text(value: object) -> str:
    """Return a value as the text that a statement reads as JSON (`$1::text::jsonb`)."""
    return msgspec.json.encode(value).decode()


def _touched(status: str) -> int:
    return int(status.rsplit(" ", 1)[-1])
