"""Steps of tests of queues: what a client sees in them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from app import db
from tests.integration.applications.test_doors import Phone

Acts = Callable[[], Awaitable[list[str]]]
ELSEWHERE = ("140702", "11140702MB0001329F")
COUNTER = "/api/staff/v1"


async def row_of(number: str) -> dict[str, Any]:
    row = await db.fetch_row("SELECT * FROM application WHERE application_no = $1", number)
    return dict(row or {})


async def counts(phone: Phone) -> dict[str, int]:
    status, answer, _ = await phone("GET", f"{COUNTER}/queues")
    assert status == 200, answer
    return {queue["name"]: queue["count"] for queue in answer["data"]}


async def numbers(phone: Phone, queue: str, **query: str) -> list[str]:
    status, answer, _ = await phone("GET", f"{COUNTER}/queues/{queue}", params=query)
    assert status == 200, answer
    return [case["application_no"] for case in answer["data"]]
