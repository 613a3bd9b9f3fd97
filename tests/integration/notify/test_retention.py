"""Retention: whole months of notices and tries go, with real partitions; what is younger stays."""

from __future__ import annotations

from datetime import UTC, datetime

import asyncpg
import pytest

from app import clock, db
from app.ids import new_id
from app.partitions import drop_partitions, make_partitions
from app.upkeep import forget_notices
from tests.fakes.notify_house import NotifyHouse

pytestmark = pytest.mark.anyio


async def _months(link: asyncpg.Connection, table: str) -> list[str]:
    rows = await link.fetch(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = $1::regclass"
        " ORDER BY 1",
        table,
    )
    return [row["relname"] for row in rows]


async def _write(link: asyncpg.Connection, at: datetime) -> None:
    notice_id = new_id()
    await link.execute(
        "INSERT INTO notice (id, occurred_at, created_at, dedupe_key, citizen_id, template_code, template_version,"
        " title, text, variables, subject_kind, subject_no, status, sent_channel, tries)"
        " VALUES ($1, $2, $2, $3, $1, 'x', 1, '', '', '{}', '', '', 'SENT', 'SMS', 1)",
        notice_id,
        at,
        notice_id.hex,
    )
    await link.execute(
        "INSERT INTO notice_attempt (id, created_at, notice_id, channel, number, outcome, provider_code,"
        " provider_message_no) VALUES ($1, $2, $1, 'SMS', 1, 'SENT', '', '')",
        notice_id,
        at,
    )


async def test_months_that_are_over_are_dropped_whole(house: NotifyHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    async with db.connection() as link:
        for month in (4, 5, 6):
            with monkeypatch.context() as then:
                then.setattr(clock, "now", lambda month=month: datetime(2024, month, 15, tzinfo=UTC))
                await make_partitions(link)
            await _write(link, datetime(2024, month, 30, 23, 59, tzinfo=UTC))
        await _write(link, datetime(2020, 1, 1, tzinfo=UTC))
        with monkeypatch.context() as then:
            then.setattr(clock, "now", lambda: datetime(2026, 6, 1, tzinfo=UTC))
            await forget_notices(24)
            left = [name for name in await _months(link, "notice") if name < "notice_202607"]
            assert "notice_202405" not in left
            assert "notice_202406" in left
            assert "notice_attempt_202405" not in await _months(link, "notice_attempt")
            rows = await link.fetch("SELECT occurred_at FROM notice")
            assert [row["occurred_at"].month for row in rows] == [6], "also what lay in the default partition"
            assert len(await link.fetch("SELECT 1 FROM notice_attempt")) == 1
            assert await drop_partitions(link, ("notice", "notice_attempt"), 24) == []
        assert "timeline_entry_202404" in await _months(link, "timeline_entry"), "nothing else goes"


async def test_a_busy_table_is_left_for_the_next_time(house: NotifyHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    async with db.connection() as link, db.connection() as reader:
        with monkeypatch.context() as then:
            then.setattr(clock, "now", lambda: datetime(2024, 4, 15, tzinfo=UTC))
            await make_partitions(link)
        async with reader.transaction():
            await reader.fetch("SELECT 1 FROM notice WHERE occurred_at < '2024-04-01'")
            busy = await drop_partitions(link, ("notice",), 24)
        assert "notice_202404" not in busy
        assert "notice_202404" in await drop_partitions(link, ("notice",), 24)
