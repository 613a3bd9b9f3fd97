"""A day of the reconciliation that was compared, without its bills. For tests of what shows such days."""

from __future__ import annotations

from datetime import date

from app import db


async def compared_day(on: date, *, fault: str = "", fault_line: int | None = None) -> None:
    """Write the row of one day of WeChat's default account; a fault says that comparing it failed."""
    await db.execute(
        "INSERT INTO reconciliation_run (id, created_at, account_code, channel, business_on, status, fault, fault_line,"
        " paid_count, paid_fen, refund_count, refund_fen, fee_fen, flow_fen, our_paid_count, our_paid_fen,"
        " our_refund_count, our_refund_fen, fiscal_count, fiscal_fen, discrepancy_count, started_at)"
        " VALUES (gen_random_uuid(), clock_timestamp(), 'wechat-default', 'WECHAT', $1, $2, $3, $4,"
        " 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, now())",
        on,
        "FAILED" if fault else "DONE",
        fault,
        fault_line,
    )
