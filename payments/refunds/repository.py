"""Refunds: asked for, claimed, moved along their table; each write is one transaction with its inbox row, its ledger
pair, its bill and its events, so that repeating it changes nothing. Decides nothing."""

from __future__ import annotations

import uuid
from datetime import datetime

from app import db
from app.clock import now
from app.events import DomainEvent
from app.ids import dated_no, new_id
from payments import repository
from payments.neutral import RefundNotified
from payments.records import PUSH_REFUND, RefundRecord
from payments.states import (
    BILL,
    OPEN_REFUND,
    REFUND,
    BillMove,
    BillStatus,
    RefundMove,
    RefundStatus,
    next_status,
    sources,
)

_REFUND_RECORD = """
SELECT r.id AS refund_id, r.out_refund_no, r.status AS refund_status, r.amount_fen AS refund_fen, r.reason, r.cause,
       r.asked_count AS refund_asked, p.out_trade_no FROM refund r JOIN payment p ON p.id = r.payment_id
"""


async def _insert_refund(
    tx: db.Transaction,
    payment_id: uuid.UUID,
    bill_id: uuid.UUID,
    amount_fen: int,
    reason: str,
    cause: str,
    requested_by: str = "",
) -> str:
    """Write a refund and the job that pushes it, within an open transaction; return its number."""
    out_refund_no = dated_no("R", now(), 16)
    await tx.execute(
        "INSERT INTO refund (id, created_at, updated_at, out_refund_no, payment_id, bill_id, amount_fen, reason, cause,"
        " status, provider_refund_no, provider_status, requested_by, asked_count, ask_after)"
        " VALUES ($1, now(), now(), $2, $3, $4, $5, $6, $7, $8, '', '', $9, 0, now())",
        new_id(),
        out_refund_no,
        payment_id,
        bill_id,
        amount_fen,
        reason,
        cause,
        str(RefundStatus.REQUESTED),
        requested_by,
    )
    tx.enqueue(PUSH_REFUND, {"out_refund_no": out_refund_no})
    return out_refund_no


async def record_refund_request(
    out_trade_no: str, amount_fen: int, reason: str, requested_by: str
) -> tuple[str, int] | None:
    """Write a refund of a bill's payment, bill → REFUNDING, if it leaves the sum of refunds within what was paid.

    The bill's row lock makes concurrent requests one after the other. Returns the refund number and what had been
    refundable; None when the bill is not PAID by this payment.
    """
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            "UPDATE bill SET status = $2, version = version + 1, updated_at = now() FROM payment"
            " WHERE payment.out_trade_no = $1 AND bill.paid_payment_id = payment.id AND bill.status = ANY ($3)"
            " RETURNING bill.id AS bill_id, payment.id AS payment_id, payment.amount_fen",
            out_trade_no,
            BILL[BillStatus.PAID, BillMove.REQUEST_REFUND].to,
            sources(BILL, BillMove.REQUEST_REFUND),
        )
        if row is None:
            return None
        # Counted by a statement of its own, for one that waited for the lock does not see what was written meanwhile.
        refunds = await tx.fetch_row(
            "SELECT coalesce(sum(amount_fen), 0)::bigint AS fen FROM refund"
            " WHERE payment_id = $1 AND status <> 'CLOSED'",
            row["payment_id"],
        )
        left_fen = row["amount_fen"] - (refunds["fen"] if refunds else 0)
        if amount_fen > left_fen:
            raise TooMuch(left_fen)
        number = await _insert_refund(tx, row["payment_id"], row["bill_id"], amount_fen, reason, "STAFF", requested_by)
    return number, left_fen


class TooMuch(Exception):
    """A refund would exceed what is left of the payment; rolls the request back."""

    def __init__(self, left_fen: int) -> None:
        super().__init__("refund exceeds the payment")
        self.left_fen = left_fen


async def find_refund(out_refund_no: str) -> RefundRecord | None:
    """Return a refund with its channel order."""
    row = await db.fetch_row(f"{_REFUND_RECORD} WHERE r.out_refund_no = $1", out_refund_no)
    return None if row is None else await _refund_of(row)


async def list_open_refunds(out_trade_no: str) -> list[str]:
    """Return the numbers of the refunds of an order that are not finished."""
    rows = await db.fetch_all(
        "SELECT r.out_refund_no FROM refund r JOIN payment p ON p.id = r.payment_id"
        " WHERE p.out_trade_no = $1 AND r.status IN ('REQUESTED', 'PROCESSING')",
        out_trade_no,
    )
    return [row["out_refund_no"] for row in rows]


async def claim_refunds(moment: datetime, lease_until: datetime, limit: int) -> list[RefundRecord]:
    """Take refunds under way whose question is due, for the time of a lease."""
    rows = await db.fetch_all(
        "WITH due AS (SELECT id FROM refund WHERE ask_after <= $1 AND status IN ('REQUESTED', 'PROCESSING')"
        " ORDER BY ask_after LIMIT $3 FOR UPDATE SKIP LOCKED),"
        " claimed AS (UPDATE refund SET ask_after = $2, asked_count = asked_count + 1 FROM due"
        " WHERE refund.id = due.id RETURNING refund.id)"
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
        asked_count=row["refund_asked"],
        payment=payment,
    )


async def record_refund_question(refund_id: uuid.UUID, ask_after: datetime) -> None:
    """Note when to ask next about a refund under way."""
    await db.execute(
        "UPDATE refund SET ask_after = $2 WHERE id = $1 AND status IN ('REQUESTED', 'PROCESSING')", refund_id, ask_after
    )


async def record_refund_move(refund: RefundRecord, event: RefundNotified, ask_after: datetime | None) -> bool:
    """Move a refund along its table: inbox row, status, ledger pair and bill on success, event. All or nothing.

    Idempotent: yes, by the inbox row and the statuses. Returns False when nothing was left to do.
    """
    edge = next_status(REFUND, refund.status, RefundMove(event.move))
    done = edge.to in (RefundStatus.SUCCEEDED, RefundStatus.CLOSED, RefundStatus.ABNORMAL)
    async with db.transaction() as tx:
        moved = await tx.fetch_row(
            "WITH entered AS (INSERT INTO inbox_event (id, occurred_at, received_at, provider, event_key,"
            " reference_no, outcome)"
            " SELECT $1::uuid, $2::timestamptz, now(), $3::text, $4::text, $5::text, 'APPLIED'"
            " WHERE $6::text <> 'PROCESSING' ON CONFLICT (provider, event_key, occurred_at) DO NOTHING)"
            " UPDATE refund SET status = $6::text, provider_refund_no = $7, provider_status = $8,"
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
            await _book_refund(tx, refund, event.occurred_at)
            tx.emit(_refunded_event(edge.event, refund, event.occurred_at))
        if done and refund.cause == "STAFF":
            await _move_bill_after(tx, refund, event.move)
    return True


async def _book_refund(tx: db.Transaction, refund: RefundRecord, occurred_at: datetime) -> None:
    from_account = "revenue" if refund.cause == "STAFF" else "overpaid"
    await tx.execute(
        "INSERT INTO ledger_entry (id, created_at, transfer_key, account, amount_fen, bill_no, reference_no,"
        " occurred_at) VALUES ($1, now(), $3, $4, $6::bigint, $7, $8, $9),"
        " ($2, now(), $3, $5, -$6::bigint, $7, $8, $9)"
        " ON CONFLICT (transfer_key, account) DO NOTHING",
        new_id(),
        new_id(),
        f"refund.succeeded:{refund.out_refund_no}",
        from_account,
        f"channel:{refund.payment.channel}",
        refund.amount_fen,
        refund.payment.bill_no,
        refund.out_refund_no,
        occurred_at,
    )


async def _move_bill_after(tx: db.Transaction, refund: RefundRecord, move: str) -> None:
    """A finished refund of a bill's own payment moves the bill: REFUNDED once all of it went back."""
    if move == RefundMove.FAIL:
        return
    # The lock comes first: whoever counts under it sees the refunds that ended at the same moment.
    bill = await tx.fetch_row("SELECT confirmed_at FROM bill WHERE id = $1 FOR UPDATE", refund.payment.bill_id)
    row = await tx.fetch_row(
        "SELECT coalesce(sum(amount_fen) FILTER (WHERE status = 'SUCCEEDED'), 0)::bigint AS refunded,"
        " count(*) FILTER (WHERE status = ANY ($2)) AS under_way FROM refund WHERE payment_id = $1",
        refund.payment.id,
        [str(status) for status in (*OPEN_REFUND, RefundStatus.ABNORMAL)],
    )
    if bill is None or row is None or row["under_way"]:
        return
    keep = BillMove.KEEP_CONFIRMED if bill["confirmed_at"] else BillMove.KEEP_PAID
    bill_move = BillMove.REFUND_ALL if row["refunded"] >= refund.payment.order.amount_fen else keep
    await tx.execute(
        "UPDATE bill SET status = $2, version = version + 1, updated_at = now() WHERE id = $1 AND status = ANY ($3)",
        refund.payment.bill_id,
        BILL[BillStatus.REFUNDING, bill_move].to,
        sources(BILL, bill_move),
    )


def _refunded_event(name: str, refund: RefundRecord, occurred_at: datetime) -> DomainEvent:
    return DomainEvent(
        name=name,
        subject_no=refund.payment.subject_no,
        citizen_id=refund.payment.citizen_id.hex,
        occurred_at=occurred_at,
        facts={
            "bill_no": refund.payment.bill_no,
            "out_refund_no": refund.out_refund_no,
            "amount_fen": refund.amount_fen,
            "reason": refund.reason,
        },
    )
