"""What the doors do with errors that nobody expected: a bare answer, and a log that repeats nobody's data."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from app import db
from handlers.doors import Auth, Call, Reply, Route
from tests.doorway import served
from tests.knocking import Knocker, check_problem

pytestmark = pytest.mark.anyio
PRIVATE = "张伟 140105199003070012\x00"


async def _unstorable(call: Call[None]) -> Reply:
    await db.execute("INSERT INTO runner_beat (runner, beat_at) VALUES ($1, now())", PRIVATE)
    return Reply()


async def _broken(call: Call[None]) -> Reply:
    raise KeyError("nobody thought of it")


async def _deadlocked(call: Call[None]) -> Reply:
    await db.execute("DO $$ BEGIN RAISE EXCEPTION 'in the way' USING ERRCODE = 'deadlock_detected'; END $$")
    return Reply()


ROUTES = (
    Route("POST", "/unstorable", _unstorable, Auth.PUBLIC, "存", "试"),
    Route("POST", "/deadlocked", _deadlocked, Auth.PUBLIC, "等", "试"),
    Route("GET", "/broken", _broken, Auth.PUBLIC, "坏", "试"),
)


async def test_a_value_that_only_the_database_refuses_is_a_bad_request_and_not_repeated_in_the_log(
    database: str,
) -> None:
    async with served(SimpleNamespace(), ROUTES) as base:
        with capture_logs() as written:
            heard = await asyncio.to_thread(Knocker(base).knock, "POST", "/unstorable")
    assert check_problem(heard, 400)["code"] == "invalid_request"
    entry = next(line for line in written if line["event"] == "value_refused_by_database")
    assert entry["error"] == "CharacterNotInRepertoireError"
    assert "_unstorable" in entry["trace"]
    assert "张伟" not in str(written)


async def test_who_had_to_give_way_in_the_database_is_asked_to_come_again(database: str) -> None:
    async with served(SimpleNamespace(), ROUTES) as base:
        with capture_logs() as written:
            heard = await asyncio.to_thread(Knocker(base).knock, "POST", "/deadlocked")
    assert check_problem(heard, 503)["code"] == "service_unavailable"
    assert heard.headers["retry-after"] == "1"
    entry = next(line for line in written if line["event"] == "request_failed")
    assert entry["details"]["cause"] == "DeadlockDetectedError"


async def test_an_unforeseen_error_is_a_bare_500_with_its_trace_in_the_log() -> None:
    async with served(SimpleNamespace(), ROUTES) as base:
        with capture_logs() as written:
            heard = await asyncio.to_thread(Knocker(base).knock, "GET", "/broken")
    problem = check_problem(heard, 500)
    assert problem["code"] == "internal_error"
    assert "nobody thought of it" not in heard.body.decode()
    entry = next(line for line in written if line["event"] == "unhandled_error")
    assert entry["request_id"] == problem["request_id"]
