"""Rooms apart on real processes: whoever leaves one early leaves nothing behind that the next one waits for."""

from __future__ import annotations

import asyncio
import io

import pytest
import xlsxwriter

from app import sheet_reading
from tests.waiting import until

pytestmark = pytest.mark.anyio


def _large() -> bytes:
    """A sheet of more text than pipe and reader hold."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        for row in range(2_500):
            sheet.write_row(row, 0, ["x" * 200] * 20)
    return buffer.getvalue()


async def test_who_leaves_a_sheet_early_shuts_nobody_out() -> None:
    content = _large()
    for _ in range(2):
        rows = sheet_reading.batches(content, "xlsx")
        assert len(await asyncio.wait_for(anext(rows), 30)) == 1_000
        await asyncio.sleep(2)  # until nobody takes what the room says
        await asyncio.wait_for(rows.aclose(), 10)
        await until("the room is free", lambda: not sheet_reading._room.locked(), seconds=10)
