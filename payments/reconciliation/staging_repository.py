"""The temporary tables of one comparison: filled by COPY from files of any length, gone with the transaction.

Everything here needs the open transaction of a run; nothing is written that outlives it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from itertools import islice
from typing import Any, TypeVar

from app import db
from payments.reconciliation.neutral import BillLine

Record = TypeVar("Record", bound=tuple[Any, ...])

LONG_SECONDS = 600
"""Patience with one statement over a whole day."""
_BATCH = 5_000
_TABLES = """
SET LOCAL work_mem = '96MB';
CREATE TEMPORARY TABLE staged_line (
    out_trade_no text, provider_trade_no text, is_refund boolean, out_refund_no text, refund_status text,
    amount_fen bigint, fee_fen bigint, at timestamptz
) ON COMMIT DROP;
CREATE TEMPORARY TABLE staged_nearby (is_refund boolean, number text) ON COMMIT DROP;
CREATE TEMPORARY TABLE staged_fiscal (
    is_payment boolean, payment_code text, out_trade_no text, reference_no text, amount_fen bigint, is_of_day boolean
) ON COMMIT DROP;
CREATE TEMPORARY TABLE found (
    kind text, reference_no text, bill_id uuid, ours_fen bigint, theirs_fen bigint, details jsonb
) ON COMMIT DROP;
"""


async def make_tables(tx: db.Transaction) -> None:
    """Make the empty tables of this transaction."""
    await tx.connection.execute(_TABLES)


async def stage_lines(tx: db.Transaction, lines: Iterator[BillLine], progress: Callable[[int], None]) -> None:
    """Copy the lines of a trade bill; `progress` is told after each batch how many came with it.

    Raises: whatever reading raises; the caller rolls back.
    """
    await _copy(tx, "staged_line", BillLine._fields, lines, progress)
    await tx.connection.execute("ANALYZE staged_line", timeout=LONG_SECONDS)


async def stage_nearby(tx: db.Transaction, numbers: Sequence[tuple[bool, str]]) -> None:
    """Keep which numbers stand in the bill of the day before: (whether of a refund, number)."""
    await tx.connection.copy_records_to_table("staged_nearby", records=numbers)


async def stage_fiscal(tx: db.Transaction, entries: Iterator[tuple[Any, ...]]) -> None:
    """Copy the lines of the fiscal list: values in the order of the table's columns."""
    columns = ("is_payment", "payment_code", "out_trade_no", "reference_no", "amount_fen", "is_of_day")
    await _copy(tx, "staged_fiscal", columns, entries, _unheard)
    await tx.connection.execute("ANALYZE staged_fiscal", timeout=LONG_SECONDS)


async def _copy(
    tx: db.Transaction, table: str, columns: Sequence[str], rows: Iterator[Record], progress: Callable[[int], None]
) -> None:
    async with aclosing(batches(rows)) as coming:
        async for batch in coming:
            await tx.connection.copy_records_to_table(table, records=batch, columns=columns, timeout=LONG_SECONDS)
            progress(len(batch))


async def batches(rows: Iterator[Record]) -> AsyncGenerator[list[Record], None]:
    """Yield what a blocking reader reads, in batches; a thread reads the next one while this one is used."""

    def take() -> list[Record]:
        return list(islice(rows, _BATCH))

    coming = asyncio.create_task(asyncio.to_thread(take))
    try:
        while batch := await coming:
            coming = asyncio.create_task(asyncio.to_thread(take))
            yield batch
    finally:
        await asyncio.gather(coming, return_exceptions=True)


def _unheard(count: int) -> None:
    """Nobody watches."""
