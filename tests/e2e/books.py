"""The product's books and its database's locks, seen from outside."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from demo.wire import until
from tests.e2e.conftest import Surroundings


class Books:
    """Direct looks into the product's database."""

    def __init__(self, scene: Surroundings) -> None:
        self._scene = scene

    async def rows(self, sql: str, *values: Any) -> list[asyncpg.Record]:
        """Read."""
        link = await asyncpg.connect(self._scene.product.database_url())
        try:
            return list(await link.fetch(sql, *values))
        finally:
            await link.close()

    async def value(self, sql: str, *values: Any) -> Any:
        """Read one value; None where there is no row."""
        rows = await self.rows(sql, *values)
        return rows[0][0] if rows else None

    @asynccontextmanager
    async def held(self, sql: str, *values: Any) -> AsyncIterator[None]:
        """Hold the row locks that a SELECT … FOR UPDATE takes, once it finds a row."""
        link = await asyncpg.connect(self._scene.product.database_url())
        step = link.transaction()
        await step.start()
        try:
            await until("a row to hold", lambda: link.fetch(sql, *values), bool)
            yield
        finally:
            await step.rollback()
            await link.close()

    async def somebody_waits(self) -> None:
        """Wait until a process of the product waits for a lock."""
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        await until("somebody who waits for a lock", lambda: self.value(waiting), lambda count: count > 0)

    async def forget_who_waits(self) -> None:
        """End the database's side of a process that was killed while it waited: nothing of its statement remains."""
        waiting = "FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        await self.rows(f"SELECT pg_terminate_backend(pid) {waiting}")
        await until("nobody waits", lambda: self.value(f"SELECT count(*) {waiting}"), lambda count: count == 0)

    async def give(self, bill_no: str, department_code: str) -> None:
        """Let a bill be that of another department of the city, which the product itself never does.

        Only once the fiscal platform's code is known: the bill's words are sent again while an answer to them is
        missing, and other words under the same number are refused there (NT1002).
        """
        code = "SELECT payment_code FROM bill WHERE bill_no = $1"
        await until("the bill's code", lambda: self.value(code, bill_no), bool)
        place = "UPDATE bill SET department_code = $2, division_code = '140100' WHERE bill_no = $1"
        await self.rows(place, bill_no, department_code)

    async def transfer(self, key: str) -> tuple[int, int]:
        """Return how many rows a ledger transfer has, and their sum."""
        found = await self.rows("SELECT amount_fen FROM ledger_entry WHERE transfer_key = $1", key)
        return len(found), sum(row["amount_fen"] for row in found)
