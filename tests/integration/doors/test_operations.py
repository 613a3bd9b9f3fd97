"""The operations' own doors: /docs as strict as every page, /readyz that tells the truth about its parts."""

from __future__ import annotations

import asyncio
import re

import pytest

from app import clock, db
from handlers.rendering import CONTENT_SECURITY_POLICY
from tests.integration.doors.conftest import WholeHouse
from tests.knocking import Knocker

pytestmark = pytest.mark.anyio


async def test_docs_hold_nothing_inline_and_load_nothing_from_elsewhere(whole_house: WholeHouse) -> None:
    knocker = Knocker(whole_house.base)
    heard = await asyncio.to_thread(knocker.knock, "GET", "/docs")
    assert heard.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert heard.headers["x-content-type-options"] == "nosniff"
    page = heard.body.decode()
    assert not re.search(r"<style|\sstyle=|<script|\son\w+=", page)
    loaded = re.findall(r'<link[^>]*href="([^"]+)"', page)
    assert loaded
    for address in loaded:
        assert (await asyncio.to_thread(knocker.knock, "GET", address)).status == 200, address


async def _readiness(house: WholeHouse) -> tuple[int, dict[str, str]]:
    heard = await asyncio.to_thread(Knocker(house.base).knock, "GET", "/readyz")
    return heard.status, heard.value


async def test_job_runner_is_away_until_it_has_shown_itself_lately(whole_house: WholeHouse) -> None:
    await db.execute("DELETE FROM runner_beat")
    assert await _readiness(whole_house) == (
        200,
        {"status": "degraded", "database": "ok", "redis": "ok", "job_runner": "away"},
    )
    for age, shown in (("31 seconds", "away"), ("1 second", "ok")):
        await db.execute(
            "INSERT INTO runner_beat (runner, beat_at) VALUES ('here:1', $1::timestamptz - $2::text::interval)"
            " ON CONFLICT (runner) DO UPDATE SET beat_at = excluded.beat_at",
            clock.now(),
            age,
        )
        assert (await _readiness(whole_house))[1]["job_runner"] == shown
