"""A process that sends notices is killed with SIGKILL, again and again: nothing is skipped, nothing counted twice, and
nobody is told more often than the template's policy allows."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis

from app import db
from app.clock import now
from app.embedded import database_url
from app.ids import new_id
from notify import notices_repository
from notify.notices_repository import NewNotice
from notify.templates import import_templates
from tests.contract.simulators.simulator_process import Simulators
from tests.fakes.notify_house import TEMPLATES

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[3]
NOTICES, KILLS, PEOPLE, TEMPLATE = 300, 3, ("zhang-wei", "li-na"), "k" * 43


async def _written(books: asyncpg.Connection, identities: list[Any], policy: str) -> Any:
    await books.execute(
        "TRUNCATE notice, notice_attempt, subscription, notice_template, pgqueuer, inbox_event, campaign_count"
    )
    await import_templates(TEMPLATES)
    binding = {"template_id": TEMPLATE, "fields": {"character_string1": "{no}"}, "kind": "ONE_TIME"}
    bindings = json.dumps({"WECHAT": binding})
    await books.execute(
        "UPDATE notice_template SET channels = '[\"WECHAT\"]', bindings = $1::jsonb, on_unknown = $2"
        " WHERE code = 'application.accepted'",
        bindings,
        policy,
    )
    campaign_id, at = new_id(), now()
    new = [
        NewNotice(
            dedupe_key=f"campaign:{campaign_id.hex}:{number}",
            occurred_at=at,
            citizen_id=_somebody(number),
            code="application.accepted",
            version=1,
            title="标题",
            text="内容",
            variables={"no": f"N{number:04}"},
            campaign_id=campaign_id,
        )
        for number in range(NOTICES)
    ]
    async with db.transaction() as tx:
        await notices_repository.record_many(tx, new)
        await tx.execute(
            "INSERT INTO campaign_count (id, created_at, campaign_id, shard, status, channel, reason, notices)"
            " VALUES ($1, now(), $1, 0, 'QUEUED', '', '', $2)",
            campaign_id,
            NOTICES,
        )
        await tx.execute_many(
            "INSERT INTO subscription (id, created_at, citizen_id, identity_id, channel, template_id, kind, status)"
            " VALUES ($1, now(), $1, $2, 'WECHAT', $3, 'ONE_TIME', 'IN_STOCK')",
            [(new_id(), identities[number % len(PEOPLE)], TEMPLATE) for number in range(NOTICES)],
        )
    return campaign_id


@pytest.mark.parametrize("policy", ["REPEAT", "STOP"])
async def test_killed_while_sending(
    platforms: Simulators, books: asyncpg.Connection, redis: Redis, redis_url: str, policy: str
) -> None:
    platforms.control("POST", "/reset")
    identities = [new_id() for _ in PEOPLE]
    campaign_id = await _written(books, identities, policy)
    # The platform has spare permissions, so that it would not stop a second copy.
    body = {"template_id": TEMPLATE, "result": "accept", "push": False, "count": NOTICES}
    openids = [
        platforms.control("POST", "/wechat/subscriptions", body | {"person": person})["openid"] for person in PEOPLE
    ]
    link = await books.fetchval("SELECT current_database()")
    server = os.environ["SJT_TEST_SERVER_URL"]
    environment = os.environ | {
        "KILL_DATABASE": database_url(server, link),
        "KILL_REDIS": redis_url,
        "KILL_IDENTITIES": " ".join(each.hex for each in identities),
        "KILL_OPENIDS": " ".join(openids),
        "KILL_CAMPAIGN": campaign_id.hex,
        "KILL_WECHAT": platforms.url("wechat"),
    }
    command = [sys.executable, "-m", "tests.contract.faults.notice_worker"]
    for kill in range(KILLS):
        worker = subprocess.Popen(command, cwd=ROOT, env=environment)
        await _until_sent(platforms, (kill + 1) * 60, worker)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        await books.execute("UPDATE notice SET next_try_at = now() WHERE status = 'QUEUED'")
        assert await _counted(books, campaign_id) == await _real(books, campaign_id)
    for _ in range(3):
        subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=120)
        await books.execute("UPDATE notice SET next_try_at = now() WHERE status = 'QUEUED'")
    real = await _real(books, campaign_id)
    assert await _counted(books, campaign_id) == real
    assert sum(real.values()) == NOTICES
    told = Counter(_told(platforms))
    if policy == "REPEAT":
        assert real == {("SENT", "WECHAT", ""): NOTICES}
        assert len(told) == NOTICES
        assert max(told.values()) <= 1 + KILLS
    else:
        unknown = real.get(("FAILED", "INBOX", "unknown"), 0)
        assert real.get(("SENT", "WECHAT", ""), 0) + unknown == NOTICES
        assert 0 < unknown <= KILLS * 100
        assert set(told.values()) == {1}, "nobody is told twice"
    stock = {
        row["status"]: row["n"]
        for row in await books.fetch("SELECT status, count(*) AS n FROM subscription GROUP BY 1")
    }
    assert stock == {"CONSUMED": NOTICES}


async def _until_sent(platforms: Simulators, count: int, worker: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 90
    while len(_told(platforms)) < count:
        assert worker.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _told(platforms: Simulators) -> list[str]:
    return [
        message["data"]["character_string1"]
        for person in PEOPLE
        for message in platforms.control("GET", f"/messages?person={person}&channel=wechat&limit=1000")
    ]


def _somebody(number: int) -> uuid.UUID:
    """Return a new citizen whose notices go to this person's phone."""
    return uuid.UUID(int=new_id().int // len(PEOPLE) * len(PEOPLE) + number % len(PEOPLE))


async def _counted(books: asyncpg.Connection, campaign_id: Any) -> dict[tuple[str, str, str], int]:
    rows = await books.fetch(
        "SELECT status, channel, reason, sum(notices)::int AS n FROM campaign_count WHERE campaign_id = $1"
        " GROUP BY 1, 2, 3 HAVING sum(notices) <> 0",
        campaign_id,
    )
    return {(row["status"], row["channel"], row["reason"]): row["n"] for row in rows}


async def _real(books: asyncpg.Connection, campaign_id: Any) -> dict[tuple[str, str, str], int]:
    rows = await books.fetch(
        "SELECT status, sent_channel, reason, count(*)::int AS n FROM notice WHERE campaign_id = $1 GROUP BY 1, 2, 3",
        campaign_id,
    )
    return {(row["status"], row["sent_channel"], row["reason"]): row["n"] for row in rows}
