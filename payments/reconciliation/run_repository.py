"""Runs of the reconciliation: the one transaction of a comparison, its result, and the row of a run that failed.

Decides nothing: what differs stands in comparison_repository, what is done about it in kinds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Any

import asyncpg

from app import db, jobs
from app.clock import now
from app.errors import Conflict, ProviderProtocolError
from app.ids import new_id
from payments.reconciliation.comparison_repository import APPLIED_AT, PAID_LINES, REFUND_LINES, Day
from payments.reconciliation.kinds import AUTOMATIC, Kind
from payments.reconciliation.staging_repository import LONG_SECONDS, make_tables

REPAIR_DISCREPANCY = "payments.repair_discrepancy"
_VANISHED = "复核时差异已消失"
_ID = (
    "(lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || '7'"
    " || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid"
)
"""A time-ordered id (version 7) made by the database, for rows that it makes by the million."""
_OF_ACCOUNT = f"CASE WHEN f.kind = '{Kind.FISCAL_FOREIGN}' THEN '' ELSE $1 END"
"""A line of the fiscal list that is nobody's belongs to no merchant account either."""
_KEEP = f"""
INSERT INTO discrepancy (id, created_at, account_code, business_on, kind, reference_no, bill_no, department_code,
       division_code, ours_fen, theirs_fen, details, status, repair, note, resolved_by)
SELECT {_ID}, now(), {_OF_ACCOUNT}, $2, f.kind, f.reference_no, coalesce(b.bill_no, ''),
       coalesce(b.department_code, ''), coalesce(b.division_code, ''), f.ours_fen, f.theirs_fen, f.details,
       'OPEN', '', '', ''
FROM (SELECT DISTINCT ON (kind, reference_no) * FROM found ORDER BY kind, reference_no) f
LEFT JOIN bill b ON b.id = f.bill_id
ON CONFLICT (account_code, kind, reference_no, business_on) DO UPDATE
SET ours_fen = excluded.ours_fen, theirs_fen = excluded.theirs_fen, details = excluded.details
WHERE discrepancy.status = 'OPEN' AND (discrepancy.ours_fen, discrepancy.theirs_fen)
      IS DISTINCT FROM (excluded.ours_fen, excluded.theirs_fen)
"""
_CLOSE_VANISHED = f"""
UPDATE discrepancy d SET status = 'REPAIRED', note = '{_VANISHED}', resolved_at = now()
WHERE d.business_on = $2 AND d.status = 'OPEN'
AND (d.account_code = $1 OR (d.account_code = '' AND $3 AND d.kind = '{Kind.FISCAL_FOREIGN}'))
AND ($3 OR NOT starts_with(d.kind, 'FISCAL_'))
AND NOT EXISTS (SELECT 1 FROM found f WHERE f.kind = d.kind AND f.reference_no = d.reference_no)
"""
_FEES = """
INSERT INTO ledger_entry (id, created_at, transfer_key, account, amount_fen, bill_no, reference_no, occurred_at)
SELECT ($3 || lpad(to_hex(row_number() OVER ()), 10, '0'))::uuid, now(),
       {prefix} || l.number, side.account, side.sign * l.fee_fen, b.bill_no, l.number, l.at
FROM ({lines}) l
JOIN payment p ON p.out_trade_no = l.out_trade_no AND p.account_id = $1
JOIN bill b ON b.id = p.bill_id, (VALUES ('fees', 1), ($2, -1)) AS side (account, sign)
WHERE l.fee_fen <> 0 AND NOT EXISTS (SELECT 1 FROM ledger_entry e WHERE e.transfer_key = {prefix} || l.number)
ORDER BY l.number
ON CONFLICT (transfer_key, account) DO NOTHING
"""
_CHARGED = _FEES.format(
    prefix="'fee.charged:'",
    lines=PAID_LINES.replace("SELECT out_trade_no", "SELECT out_trade_no AS number, out_trade_no"),
)
_RETURNED = _FEES.format(
    prefix="'fee.returned:'",
    lines=f"SELECT r.* FROM ({REFUND_LINES}) r JOIN refund ours ON ours.out_refund_no = r.number",
)
_COUNTS = f"""
SELECT there.*, here.*, back.*, fiscal.*, differences.* FROM
(SELECT count(*) FILTER (WHERE NOT is_refund) AS paid_count, count(*) FILTER (WHERE is_refund) AS refund_count,
        coalesce(sum(amount_fen) FILTER (WHERE NOT is_refund), 0)::bigint AS paid_fen,
        coalesce(sum(amount_fen) FILTER (WHERE is_refund), 0)::bigint AS refund_fen,
        coalesce(sum(fee_fen), 0)::bigint AS fee_fen FROM staged_line) there,
(SELECT count(*) AS our_paid_count, coalesce(sum(p.amount_fen), 0)::bigint AS our_paid_fen FROM payment p
 WHERE p.account_id = $1 AND p.status = 'SUCCEEDED' AND p.paid_at >= $3 AND p.paid_at < $4) here,
(SELECT count(*) AS our_refund_count, coalesce(sum(r.amount_fen), 0)::bigint AS our_refund_fen
 FROM refund r JOIN payment p ON p.id = r.payment_id
 WHERE p.account_id = $1 AND r.status = 'SUCCEEDED' AND {APPLIED_AT} >= $3 AND {APPLIED_AT} < $4) back,
(SELECT count(*) AS fiscal_count, coalesce(sum(f.amount_fen), 0)::bigint AS fiscal_fen
 FROM staged_fiscal f JOIN payment p ON p.out_trade_no = f.reference_no
 WHERE f.is_payment AND f.is_of_day AND p.account_id = $1) fiscal,
(SELECT count(*) AS discrepancy_count FROM discrepancy
 WHERE account_code IN ($2, '') AND business_on = $5) differences
"""
_COMPARED = (
    "a.enabled OR EXISTS (SELECT 1 FROM payment p WHERE p.account_id = a.id AND p.status = 'SUCCEEDED'"
    " AND p.paid_at >= now() - interval '30 days')"
)
"""An account that was disabled is compared as long as money that it took may still be missing."""
_WANTS_REPAIR = (
    "SELECT '" + REPAIR_DISCREPANCY + "',"
    " convert_to(json_build_object('discrepancy_id', d.id)::text, 'UTF8') FROM discrepancy d"
    " WHERE d.account_code = $1 AND d.business_on = $2 AND d.status = 'OPEN' AND d.repair = '' AND d.kind = ANY ($3)"
)
_COUNTED = (
    "paid_count paid_fen refund_count refund_fen fee_fen flow_fen our_paid_count our_paid_fen our_refund_count"
    " our_refund_fen fiscal_count fiscal_fen discrepancy_count"
).split()
_RUN = f"""
INSERT INTO reconciliation_run (id, created_at, account_code, channel, business_on, status, fault, fault_line,
       started_at, finished_at, {", ".join(_COUNTED)})
VALUES ($1, now(), $2, $3, $4, $5, $6, $7, $8, $9, {", ".join("0" for _ in _COUNTED)})
ON CONFLICT (account_code, business_on) DO UPDATE
SET status = $5, fault = $6, fault_line = $7, started_at = $8, finished_at = $9
"""


@asynccontextmanager
async def comparison(day: Day) -> AsyncIterator[db.Transaction]:
    """Open the transaction of one comparison with its empty tables. Raises Conflict while another one of this day runs.

    A value that the database cannot hold fails the file it came with: raises ProviderProtocolError.
    """
    try:
        async with db.transaction() as tx:
            lock = await tx.fetch_row(
                "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 7204141)) AS taken",
                f"reconciliation:{day.account_code}:{day.business_on.isoformat()}",
            )
            if lock is None or not lock["taken"]:
                raise Conflict("该日对账正在进行，请稍后再试", code="reconciliation_running", retry_after_seconds=30)
            await make_tables(tx)
            yield tx
    except asyncpg.DataError as error:
        raise ProviderProtocolError(reason="value_refused", cause=type(error).__name__) from None


async def record_result(
    tx: db.Transaction, day: Day, started_at: datetime, flow_fen: int, *, with_fiscal: bool, repair: bool
) -> None:
    """Write what a comparison found: differences, fees, the run's row and the jobs of the repairs. All or nothing.

    Idempotent: yes, by the unique keys of run, difference and ledger entry.
    """

    async def write(statement: str, *values: Any) -> None:
        await tx.connection.execute(statement, *values, timeout=LONG_SECONDS)

    await write(_KEEP, day.account_code, day.business_on)
    await write(_CLOSE_VANISHED, day.account_code, day.business_on, with_fiscal)
    for fees in (_CHARGED, _RETURNED):
        # Ids that follow one another by a prefix of our own: made by the million, they sit together in the index.
        await write(fees, day.account_id, f"channel:{day.channel}", new_id().hex[:22])
    await write_run(tx, day, "DONE", started_at)
    counts = await tx.connection.fetchrow(
        _COUNTS,
        day.account_id,
        day.account_code,
        day.begins_at,
        day.ends_at,
        day.business_on,
        timeout=LONG_SECONDS,
    )
    values = {**dict(counts), "flow_fen": flow_fen}
    sets = ", ".join(f"{name} = ${place}" for place, name in enumerate(_COUNTED, 3))
    await write(
        f"UPDATE reconciliation_run SET {sets} WHERE account_code = $1 AND business_on = $2",
        day.account_code,
        day.business_on,
        *(values[name] for name in _COUNTED),
    )
    if repair:
        tx.wakes = True
        await write(jobs.insert_of(_WANTS_REPAIR), day.account_code, day.business_on, list(AUTOMATIC))


async def write_run(
    tx: db.Transaction, day: Day, status: str, started_at: datetime, fault: str = "", fault_line: int | None = None
) -> None:
    """Write how a run stands; its counts stay as they are."""
    await tx.execute(
        _RUN,
        new_id(),
        day.account_code,
        day.channel,
        day.business_on,
        status,
        fault[:200],
        fault_line,
        started_at,
        now(),
    )


async def record_failure(day: Day, started_at: datetime, fault: str, fault_line: int | None) -> None:
    """Keep that a run failed, and at which line of the file. Nothing else changes."""
    async with db.transaction() as tx:
        await write_run(tx, day, "FAILED", started_at, fault, fault_line)


async def find_day(account_code: str, business_on: date) -> Day | None:
    """Return what a run of this account and day needs to know of the account."""
    row = await db.fetch_row("SELECT id, channel FROM payment_account WHERE code = $1", account_code)
    return None if row is None else Day(row["id"], account_code, row["channel"], business_on)


async def list_account_codes() -> list[str]:
    """Return the codes of the accounts whose days are compared: the enabled, and those that lately took money."""
    rows = await db.fetch_all(f"SELECT code FROM payment_account a WHERE {_COMPARED} ORDER BY code")
    return [row["code"] for row in rows]


async def request_runs(days: Sequence[date], job: str) -> None:
    """Write a job for every account and day that has no finished run yet. A failed one is tried again."""
    rows = await db.fetch_all(
        "SELECT a.code, day::date AS business_on FROM payment_account a, unnest($1::date[]) AS day"
        f" WHERE ({_COMPARED}) AND day >= (a.created_at AT TIME ZONE 'Asia/Shanghai')::date AND NOT EXISTS"
        " (SELECT 1 FROM reconciliation_run r WHERE r.account_code = a.code AND r.business_on = day"
        "  AND r.status = 'DONE') ORDER BY 2, 1",
        list(days),
    )
    async with db.transaction() as tx:
        for row in rows:
            payload = {"account_code": row["code"], "business_on": row["business_on"].isoformat()}
            tx.enqueue(job, payload, dedupe_key=f"{job}:{row['code']}:{row['business_on']}")
