"""Refunds at the provider: whose turn it is, what was asked, how they move; each write is one transaction with its
inbox row, its ledger pair, its bill and its events, so that repeating it changes nothing. Decides nothing."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from app import db
from app.clock import now
from app.ids import dated_no, new_id, settled_text
from payments import repository
from payments.neutral import RefundNotified
from payments.records import PUSH_REFUND, RefundRecord
from payments.refunds.booking_repository import book_bounce, book_success, lock_bill, refund_event, settle_bill
from payments.states import BILL, REFUND, BillMove, RefundMove, RefundStatus, next_status, sources

_REFUND_RECORD = """
SELECT r.id AS refund_id, r.out_refund_no, r.status AS refund_status, r.amount_fen AS refund_fen, r.reason, r.cause,
       r.provider_status AS refund_provider_status, r.asked_count AS refund_asked,
       r.needs_approval AND r.approved_at IS NULL AS is_waiting, p.out_trade_no,
       EXISTS (SELECT 1 FROM ledger_entry l WHERE l.transfer_key = 'refund.bounced:' || r.out_refund_no) AS has_bounced,
       (SELECT count(*) FROM refund other WHERE other.payment_id = r.payment_id AND other.cause = r.cause) AS tries
FROM refund r JOIN payment p ON p.id = r.payment_id
"""
_FOLLOWED = "status IN ('REQUESTED', 'PROCESSING') AND NOT (needs_approval AND approved_at IS NULL)"
_PICKED_UP_BY_THE_SWEEP_AFTER = timedelta(seconds=30)


async def insert_refund(
    tx: db.Transaction,
    payment_id: uuid.UUID,
    bill_id: uuid.UUID,
    amount_fen: int,
    reason: str,
    cause: str,
    *,
    out_refund_no: str = "",
    requested_by: str = "",
    needs_approval: bool = False,
) -> str:
    """Write a refund within an open transaction, with the job that pushes it unless it waits for a second person;
    return its number."""
    out_refund_no = out_refund_no or new_refund_no()
    await tx.execute(
        "INSERT INTO refund (id, created_at, updated_at, out_refund_no, payment_id, bill_id, amount_fen, reason, cause,"
        " status, provider_refund_no, provider_status, requested_by, needs_approval, asked_count, ask_after)"
        " VALUES ($1, now(), now(), $2, $3, $4, $5, $6, $7, $8, '', '', $9, $10, 0, $11)",
        new_id(),
        out_refund_no,
        payment_id,
        bill_id,
        amount_fen,
        reason,
        cause,
        str(RefundStatus.REQUESTED),
        requested_by,
        needs_approval,
        None if needs_approval else sweep_after(),
    )
    if not needs_approval:
        tx.enqueue(PUSH_REFUND, {"out_refund_no": out_refund_no})
    return out_refund_no


def new_refund_no() -> str:
    """Return a fresh refund number."""
    return dated_no("R", now(), 16)


def refund_no_of(*words: str) -> str:
    """Return the one refund number of a request that may come again in the same words."""
    return "R" + settled_text("\n".join(words).encode(), 24)


def sweep_after() -> datetime:
    """Return when the sweep looks after a refund whose job has just been written."""
    return now() + _PICKED_UP_BY_THE_SWEEP_AFTER


async def find_refund(out_refund_no: str) -> RefundRecord | None:
    """Return a refund with its channel order."""
    row = await db.fetch_row(f"{_REFUND_RECORD} WHERE r.out_refund_no = $1", out_refund_no)
    return None if row is None else await _refund_of(row)


async def find_paid(bill_no: str) -> db.Row | None:
    """Return number and sum of the order that paid a bill whose money is with us, at least in part."""
    return await db.fetch_row(
        "SELECT p.out_trade_no, p.amount_fen FROM bill b JOIN payment p ON p.id = b.paid_payment_id"
        " WHERE b.bill_no = $1 AND b.status = ANY ($2)",
        bill_no,
        sources(BILL, BillMove.REQUEST_REFUND),
    )


async def list_open_refunds(out_trade_no: str) -> list[str]:
    """Return the numbers of the refunds of an order that are under way at the provider."""
    rows = await db.fetch_all(
        f"SELECT out_refund_no FROM refund WHERE {_FOLLOWED}"
        " AND payment_id = (SELECT id FROM payment WHERE out_trade_no = $1)",
        out_trade_no,
    )
    return [row["out_refund_no"] for row in rows]


async def list_succeeded_refunds(out_trade_no: str) -> list[str]:
    """Return the numbers of the refunds of an order that went back."""
    rows = await db.fetch_all(
        "SELECT out_refund_no FROM refund WHERE status = 'SUCCEEDED'"
        " AND payment_id = (SELECT id FROM payment WHERE out_trade_no = $1) ORDER BY id",
        out_trade_no,
    )
    return [row["out_refund_no"] for row in rows]


async def claim_refunds(moment: datetime, lease_until: datetime, limit: int) -> list[RefundRecord]:
    """Take refunds under way whose question or turn is due, for the time of a lease."""
    rows = await db.fetch_all(
        f"WITH due AS (SELECT id FROM refund WHERE ask_after <= $1 AND {_FOLLOWED}"
        " ORDER BY ask_after LIMIT $3 FOR UPDATE SKIP LOCKED),"
        " claimed AS (UPDATE refund SET ask_after = $2 FROM due WHERE refund.id = due.id RETURNING refund.id)"
        f" {_REFUND_RECORD} WHERE r.id IN (SELECT id FROM claimed)",
        moment,
        lease_until,
        limit,
    )
    return [await _refund_of(row) for row in rows]


async def _refund_of(row: db.Row) -> RefundRecord:
    payment = await repository.find_payment(row["out_trade_no"])
    assert payment is not None, "a refund's payment is never deleted"
    return RefundRecord(
        id=row["refund_id"],
        out_refund_no=row["out_refund_no"],
        status=row["refund_status"],
        amount_fen=row["refund_fen"],
        reason=row["reason"],
        cause=row["cause"],
        provider_status=row["refund_provider_status"],
        asked_count=row["refund_asked"],
        is_waiting=row["is_waiting"],
        has_bounced=row["has_bounced"],
        tries=row["tries"],
        payment=payment,
    )


async def claim_turn(refund: RefundRecord, moment: datetime, spacing: timedelta) -> datetime | None:
    """Take the order's next refund call for this refund; None when it is ours, else when to look again.

    A compare-and-set on the order's row, so that of many callers at once one goes and the others wait.
    """
    taken = await db.execute(
        "WITH turn AS (UPDATE payment SET refund_free_at = $3, updated_at = now()"
        " WHERE id = $2 AND (refund_free_at IS NULL OR refund_free_at <= $4) RETURNING id)"
        " UPDATE refund SET asked_count = greatest(asked_count, 1) WHERE id = $1 AND EXISTS (SELECT 1 FROM turn)",
        refund.id,
        refund.payment.id,
        moment + spacing,
        moment,
    )
    if taken:
        return None
    row = await db.fetch_row("SELECT refund_free_at FROM payment WHERE id = $1", refund.payment.id)
    free_at: datetime | None = row["refund_free_at"] if row else None
    return free_at or moment


async def record_wait(refund_id: uuid.UUID, ask_after: datetime) -> None:
    """Note when a refund that must wait for its turn is looked at again."""
    await db.execute(
        "UPDATE refund SET ask_after = $2 WHERE id = $1 AND status IN ('REQUESTED', 'PROCESSING')", refund_id, ask_after
    )


async def record_refund_question(refund: RefundRecord, ask_after: datetime) -> None:
    """Count a try or question that left a refund open, and note when to ask next."""
    await db.execute(
        "UPDATE refund SET ask_after = $2, asked_count = $3 WHERE id = $1 AND status IN ('REQUESTED', 'PROCESSING')",
        refund.id,
        ask_after,
        refund.asked_count + 1,
    )


async def record_refund_move(
    refund: RefundRecord, event: RefundNotified, ask_after: datetime | None, *, again: bool = False
) -> bool:
    """Move a refund along its table: inbox row, status, ledger pair, bill, event. All or nothing.

    Args:
        again: ask for the same money under a new number in the same transaction.

    Idempotent: yes, by the inbox row and the statuses. Returns False when nothing was left to do.
    """
    edge = next_status(REFUND, refund.status, RefundMove(event.move))
    done = edge.to in (RefundStatus.SUCCEEDED, RefundStatus.CLOSED, RefundStatus.ABNORMAL)
    async with db.transaction() as tx:
        await lock_bill(tx, refund)
        moved = await tx.fetch_row(
            "WITH entered AS (INSERT INTO inbox_event (id, occurred_at, received_at, provider, event_key,"
            " reference_no, outcome)"
            " SELECT $1::uuid, $2::timestamptz, now(), $3::text, $4::text, $5::text, 'APPLIED'"
            " WHERE $6::text <> 'PROCESSING' ON CONFLICT (provider, event_key, occurred_at) DO NOTHING)"
            " UPDATE refund SET status = $6::text,"
            " provider_refund_no = CASE WHEN $7 = '' THEN provider_refund_no ELSE $7 END, provider_status = $8,"
            " finished_at = CASE WHEN $9 THEN $2 END, ask_after = $10, updated_at = now()"
            " WHERE id = $11 AND status = $12 RETURNING id",
            new_id(),
            event.occurred_at,
            event.provider,
            event.event_key,
            refund.out_refund_no,
            edge.to,
            event.provider_refund_no,
            event.provider_status,
            done,
            None if done else ask_after,
            refund.id,
            refund.status,
        )
        if moved is None:
            return False
        if event.move == RefundMove.SUCCEED:
            await book_success(tx, refund, event.occurred_at)
        elif event.move == RefundMove.BOUNCE:
            await book_bounce(tx, refund, event.occurred_at)
        if edge.event:
            tx.emit(refund_event(edge.event, refund, event.occurred_at))
        await settle_bill(tx, refund, RefundMove(event.move))
        if again:
            await insert_refund(
                tx, refund.payment.id, refund.payment.bill_id, refund.amount_fen, refund.reason, refund.cause
            )
    return True
