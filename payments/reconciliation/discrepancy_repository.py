"""Differences and runs as rows: lists for staff, what a repair needs, how they are closed. Decides nothing."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any

from app import db
from payments.ports import Audit
from payments.reconciliation.run_repository import REPAIR_DISCREPANCY
from payments.refunds.repository import insert_refund
from payments.types import AuditedAct, StaffScope

_DISCREPANCY = """
SELECT d.id, d.account_code, d.business_on, d.kind, d.reference_no, d.bill_no, d.department_code, d.division_code,
       d.ours_fen, d.theirs_fen, d.details, d.status, d.repair, d.note, d.resolved_by, d.resolved_at, d.created_at
FROM discrepancy d
"""
_RUN = """
SELECT r.id, r.account_code, r.channel, r.business_on, r.status, r.fault, r.fault_line, r.paid_count, r.paid_fen,
       r.refund_count, r.refund_fen, r.fee_fen, r.flow_fen, r.our_paid_count, r.our_paid_fen, r.our_refund_count,
       r.our_refund_fen, r.fiscal_count, r.fiscal_fen, r.discrepancy_count, r.started_at, r.finished_at,
       (SELECT count(*) FROM discrepancy d WHERE d.account_code IN (r.account_code, '')
        AND d.business_on = r.business_on AND d.status = 'OPEN') AS open_count
FROM reconciliation_run r
"""
_IN_SCOPE = """
 (d.division_code = '' OR (
   EXISTS (SELECT 1 FROM unnest($1::text[]) AS prefix WHERE starts_with(d.division_code, prefix))
   AND (cardinality($2::text[]) = 0 OR d.department_code = ANY ($2::text[]))))
"""
"""As for other acts of cashiers; a difference that belongs to no bill of ours concerns everybody."""


async def find_run(account_code: str, business_on: date) -> db.Row | None:
    """Return a run."""
    return await db.fetch_row(f"{_RUN} WHERE r.account_code = $1 AND r.business_on = $2", account_code, business_on)


async def list_runs(after: uuid.UUID | None, limit: int) -> Sequence[db.Row]:
    """Return a page of runs, newest day first."""
    return await db.fetch_all(
        f"{_RUN} WHERE $1::uuid IS NULL OR (r.business_on, r.account_code) <"
        " (SELECT business_on, account_code FROM reconciliation_run WHERE id = $1)"
        " ORDER BY r.business_on DESC, r.account_code DESC LIMIT $2",
        after,
        limit,
    )


async def count_kinds(account_code: str, business_on: date) -> Sequence[db.Row]:
    """Count the differences of a run by kind and status."""
    return await db.fetch_all(
        "SELECT kind, status, count(*) AS count FROM discrepancy WHERE account_code IN ($1, '') AND business_on = $2"
        " GROUP BY kind, status ORDER BY kind, status",
        account_code,
        business_on,
    )


async def list_discrepancies(
    scope: StaffScope, status: str, kind: str, after: uuid.UUID | None, limit: int
) -> Sequence[db.Row]:
    """Return a page of differences within a scope, newest first."""
    return await db.fetch_all(
        f"{_DISCREPANCY} WHERE {_IN_SCOPE} AND ($3 = '' OR d.status = $3) AND ($4 = '' OR d.kind = $4)"
        " AND ($5::uuid IS NULL OR d.id < $5) ORDER BY d.id DESC LIMIT $6",
        list(scope.divisions),
        list(scope.departments),
        status,
        kind,
        after,
        limit,
    )


async def find_in_scope(scope: StaffScope, discrepancy_id: uuid.UUID) -> db.Row | None:
    """Return a difference, if it is within the scope."""
    return await db.fetch_row(
        f"{_DISCREPANCY} WHERE {_IN_SCOPE} AND d.id = $3",
        list(scope.divisions),
        list(scope.departments),
        discrepancy_id,
    )


async def find_open(discrepancy_id: uuid.UUID) -> db.Row | None:
    """Return a difference that is still open."""
    return await db.fetch_row(f"{_DISCREPANCY} WHERE d.id = $1 AND d.status = 'OPEN'", discrepancy_id)


async def record_tried(discrepancy_id: uuid.UUID, repair: str, note: str) -> None:
    """Note what was tried about a difference that stays open."""
    await db.execute(
        "UPDATE discrepancy SET repair = $2, note = $3 WHERE id = $1 AND status = 'OPEN'",
        discrepancy_id,
        repair,
        note[:200],
    )


async def record_repaired(discrepancy_id: uuid.UUID, repair: str, note: str) -> bool:
    """Close a difference that a repair has ended; False when it was closed meanwhile."""
    touched = await db.execute(
        "UPDATE discrepancy SET status = 'REPAIRED', repair = $2, note = $3, resolved_at = now()"
        " WHERE id = $1 AND status = 'OPEN'",
        discrepancy_id,
        repair,
        note[:200],
    )
    return bool(touched)


async def record_resolved(discrepancy_id: uuid.UUID, note: str, act: AuditedAct, audit: Audit) -> bool:
    """Close a difference by the word of staff, with its trace; False when it was closed meanwhile."""
    async with db.transaction() as tx:
        touched = await tx.execute(
            "UPDATE discrepancy SET status = 'RESOLVED', note = $2, resolved_by = $3, resolved_at = now()"
            " WHERE id = $1 AND status = 'OPEN'",
            discrepancy_id,
            note,
            act.actor,
        )
        if touched:
            await audit.record(act, tx)
    return bool(touched)


async def find_quarantined(scope: StaffScope, quarantined_id: uuid.UUID) -> db.Row | None:
    """Return a quarantined callback: of a bill within the scope, or one that matches no bill."""
    return await db.fetch_row(
        "SELECT q.id, q.provider, q.reason, q.reference_no, q.expected, q.received, q.created_at, q.resolved_at"
        " FROM quarantined_callback q LEFT JOIN bill d ON d.id = coalesce("
        "(SELECT bill_id FROM payment WHERE out_trade_no = q.reference_no),"
        " (SELECT bill_id FROM refund WHERE out_refund_no = q.reference_no))"
        f" WHERE (d.id IS NULL OR {_IN_SCOPE}) AND q.id = $3",
        list(scope.divisions),
        list(scope.departments),
        quarantined_id,
    )


async def record_quarantine_resolved(quarantined_id: uuid.UUID, act: AuditedAct, audit: Audit) -> bool:
    """Close a quarantined callback by the word of staff, with its trace; False when it was closed meanwhile."""
    async with db.transaction() as tx:
        touched = await tx.execute(
            "UPDATE quarantined_callback SET resolved_at = now(), resolved_by = $2"
            " WHERE id = $1 AND resolved_at IS NULL",
            quarantined_id,
            act.actor,
        )
        if touched:
            await audit.record(act, tx)
    return bool(touched)


async def request_repair(discrepancy_id: uuid.UUID, act: AuditedAct, audit: Audit) -> None:
    """Have a difference repaired by a job, with the trace of who wanted it."""
    async with db.transaction() as tx:
        tx.enqueue(REPAIR_DISCREPANCY, {"discrepancy_id": discrepancy_id.hex})
        await audit.record(act, tx)


async def request_confirmation(job: str, bill_no: str, again_in_seconds: int, payload: dict[str, Any]) -> None:
    """Have a bill confirmed at the fiscal platform by a job, and look again afterwards."""
    async with db.transaction() as tx:
        tx.enqueue(job, {"bill_no": bill_no})
        tx.enqueue(REPAIR_DISCREPANCY, payload, delay_seconds=again_in_seconds)


async def refund_extra(out_trade_no: str) -> str:
    """Write the refund of money that came twice, as a second success has it; "" when it needs none (any more).

    The order's row lock makes concurrent repairs one after the other.
    """
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            "SELECT p.id, p.bill_id, p.amount_fen, b.paid_payment_id FROM payment p JOIN bill b ON b.id = p.bill_id"
            " WHERE p.out_trade_no = $1 AND p.status = 'SUCCEEDED' FOR UPDATE OF p",
            out_trade_no,
        )
        if row is None or row["paid_payment_id"] == row["id"]:
            return ""
        given = await tx.fetch_row(
            "SELECT 1 FROM refund WHERE payment_id = $1 AND status <> 'CLOSED' LIMIT 1", row["id"]
        )
        if given is not None:
            return ""
        return await insert_refund(
            tx, row["id"], row["bill_id"], row["amount_fen"], "重复缴费自动退款", "SECOND_SUCCESS"
        )


async def is_confirmed(bill_no: str) -> bool:
    """Tell whether the fiscal platform has confirmed a bill."""
    row = await db.fetch_row("SELECT confirmed_at FROM bill WHERE bill_no = $1", bill_no)
    return row is not None and row["confirmed_at"] is not None


async def count_open() -> tuple[dict[str, int], int]:
    """Return the open differences by kind, and how many runs of the last days failed."""
    rows = await db.fetch_all("SELECT kind, count(*) AS n FROM discrepancy WHERE status = 'OPEN' GROUP BY kind")
    failed = await db.fetch_row(
        "SELECT count(*) AS n FROM reconciliation_run WHERE status = 'FAILED' AND business_on > current_date - 9"
    )
    return {row["kind"]: row["n"] for row in rows}, failed["n"] if failed else 0
